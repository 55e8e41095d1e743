/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen: one screen for many processes
 *
 *   screen show ARENA TEXT   show a line for a moment
 *   screen film ARENA TITLE  show lines from the standard input, for long
 *   screen stop ARENA        kill the process that shows a film
 *   screen log ARENA         print what was shown last, and who has the screen
 *
 * The screen itself is a property.  A process that shows a line leases it and
 * waits its turn.  A film purchases it, and all others are told that it is
 * busy.  What was shown is shared data, guarded by a skirmish.  No process
 * holds the skirmish for long, so the log can be read during a film.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fusion/fusion.h>

#define LINES 8
#define WIDTH 80

struct studio {
	struct fusion_property *screen;
	struct fusion_skirmish *lock; /* guards the members below */
	uint64_t n;		      /* lines ever shown */
	char line[LINES][WIDTH];      /* the last LINES of them */
};

static int make(struct fusion_arena *arena, void *ctx)
{
	struct studio **studio = ctx;
	int r;

	*studio = fusion_calloc(arena, 1, sizeof(**studio));
	if (!*studio)
		return -ENOMEM;
	r = fusion_property_create(arena, "screen", NULL, &(*studio)->screen);
	if (!r)
		r = fusion_skirmish_create(arena, "log", NULL,
					   &(*studio)->lock);
	if (!r)
		r = fusion_field_create(
			arena, "studio",
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = sizeof(**studio),
				.type = "studio",
				.data = *studio},
			NULL);
	return r;
}

static int find(struct fusion_arena *arena, void *ctx)
{
	return fusion_field_lookup(arena, "studio", 0, NULL, ctx);
}

static int lock(struct studio *studio)
{
	int r = fusion_skirmish_lock(studio->lock);

	/* `n` counts a line only once it is whole: nothing needs repair. */
	return r == -EOWNERDEAD ? fusion_skirmish_consistent(studio->lock) : r;
}

/* Put a line on the screen, which this thread owns. */
static int draw(struct studio *studio, const char *text)
{
	int r = lock(studio);

	if (r < 0)
		return r;
	snprintf(studio->line[studio->n % LINES], WIDTH, "%s", text);
	__atomic_store_n(&studio->n, studio->n + 1, __ATOMIC_RELEASE);
	fusion_skirmish_unlock(studio->lock);
	printf("%s\n", text);
	fflush(stdout);
	return 0;
}

static int show(struct studio *studio, const char *text)
{
	int r = fusion_property_lease(studio->screen);

	if (r < 0)
		return r;
	r = draw(studio, text);
	fusion_property_cede(studio->screen);
	return r;
}

static int film(struct studio *studio, const char *title)
{
	char frame[WIDTH];
	int r = fusion_property_purchase(studio->screen);

	if (r < 0)
		return r;
	r = draw(studio, title);
	while (!r && fgets(frame, sizeof(frame), stdin)) {
		frame[strcspn(frame, "\n")] = '\0';
		r = draw(studio, frame);
	}
	fusion_property_cede(studio->screen);
	return r;
}

static int stop(struct studio *studio, const char *unused)
{
	(void)unused;
	return fusion_property_hold_up(studio->screen, FUSION_FOREVER, 0);
}

static int print_log(struct studio *studio, const char *unused)
{
	static const char *const names[] = {"free", "leased", "purchased"};
	struct fusion_property_stat state;
	uint64_t i;
	int r = lock(studio);

	(void)unused;
	if (r < 0)
		return r;
	for (i = studio->n < LINES ? 0 : studio->n - LINES; i < studio->n; i++)
		printf("%s\n", studio->line[i % LINES]);
	fusion_skirmish_unlock(studio->lock);
	r = fusion_property_stat(studio->screen, &state, sizeof(state));
	if (!r)
		printf("screen: %s\n", names[state.status]);
	return r;
}

static const struct command {
	const char *name;
	int args;
	int (*run)(struct studio *studio, const char *text);
} commands[] = {
	{"show", 4, show},
	{"film", 4, film},
	{"stop", 3, stop},
	{"log", 3, print_log},
};

static const struct command *command_of(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc == commands[i].args &&
		    !strcmp(argv[1], commands[i].name))
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct studio *studio;
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = make,
		.join = find,
		.ctx = &studio,
		.on_master_death = FUSION_MASTER_DEATH_PROMOTE,
	};
	const struct command *command = command_of(argc, argv);
	struct fusion_arena *arena;
	int r;

	if (!command) {
		fprintf(stderr, "Usage: screen show|film|stop|log ARENA "
				"[TEXT]\n");
		return 2;
	}
	r = fusion_arena_enter(argv[2], &options, &arena);
	if (r >= 0) {
		r = command->run(studio, argv[3]);
		if (r >= 0)
			r = fusion_arena_exit(arena);
	}
	if (r < 0)
		fprintf(stderr, "screen: %s: %s\n", argv[2],
			r == -EBUSY ? "a film is on" : fusion_strerror(r));
	return r < 0;
}
