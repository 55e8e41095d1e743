/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member that does what it is told
 *
 * usage: visitor [OPTION...] ARENA
 *   -m, -s      role master, slave          -n        do not wait
 *   -t MS       wait at most so long        -e        the arena must exist
 *   -p POLICY   on the master's death: notify, kill, promote
 *   -S BYTES    span                        -L BYTES  limit
 *   -M MODE     of an arena it makes, octal
 *   -i          initialize() asks: it waits for a line with its result
 *
 * It says `in ID ROLE` or `failed ERRNO`, then obeys lines and answers each
 * with one: `ok ...` or `failed ERRNO`.  The end of its input is the end of
 * it, without leaving.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fusion/fusion.h>

static struct fusion_arena *arena;

static void say(int r, const char *what)
{
	if (r < 0)
		printf("failed %s\n", strerrorname_np(-r));
	else
		printf("ok %s\n", what);
}

static int next_line(char *line, size_t size)
{
	if (!fgets(line, (int)size, stdin))
		return -EIO;
	line[strcspn(line, "\n")] = 0;
	return 0;
}

static int ask(struct fusion_arena *a, void *ctx)
{
	char line[64];

	(void)a;
	(void)ctx;
	printf("initializing\n");
	if (next_line(line, sizeof(line)) < 0)
		return -ECANCELED;
	return atoi(line);
}

static void do_add(char *args)
{
	char *name = strtok(args, " "), *size = strtok(NULL, " ");
	char *type = strtok(NULL, " ");
	size_t n = size ? strtoul(size, NULL, 0) : 0;
	void *p = fusion_calloc(arena, 1, n ? n : 16);
	char text[32];

	if (!p) {
		say(-errno, "");
		return;
	}
	snprintf(text, sizeof(text), "%p", p);
	say(fusion_field_create(
		    arena, name,
		    &(struct fusion_field_options){
			    .size = sizeof(struct fusion_field_options),
			    .data_size = n,
			    .type = type,
			    .data = p},
		    NULL),
	    text);
}

/* Add fields f0 to f<n-1>, all the same pointer. */
static void do_many(char *args)
{
	void *p = fusion_malloc(arena, 64);
	int n = atoi(args), r = p ? 0 : -ENOMEM;
	char name[32];

	for (int i = 0; i < n && r == 0; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		r = fusion_field_create(
			arena, name,
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = 64,
				.type = "int",
				.data = p},
			NULL);
	}
	say(r, "");
}

static void do_remove(char *args)
{
	say(fusion_field_remove(arena, args), "");
}

static void do_malloc(char *args)
{
	void *p = fusion_malloc(arena, strtoul(args, NULL, 0));

	if (p)
		memset(p, 0x5a, strtoul(args, NULL, 0));
	say(p ? 0 : -errno, "");
}

static void do_pool(char *args)
{
	char *name = strtok(args, " "), *limit = strtok(NULL, " ");
	struct fusion_heap_pool *pool;
	int r = fusion_heap_pool_create(
		arena, name,
		&(struct fusion_heap_pool_options){
			.size = sizeof(struct fusion_heap_pool_options),
			.limit = limit ? strtoul(limit, NULL, 0) : 0},
		&pool);

	if (r == 0 && !fusion_heap_pool_malloc(pool, 100))
		r = -errno;
	say(r, "");
}

/* Make a skirmish: where its record is, counted from the arena's start.  The
 * low byte of its handle is of its id. */
static void do_skirmish(char *args)
{
	struct fusion_skirmish *s;
	char text[32] = "";
	uint64_t span;
	void *base;
	int r = fusion_skirmish_create(arena, args, NULL, &s);

	fusion_arena_range(arena, &base, &span);
	if (r == 0)
		snprintf(text, sizeof(text), "%td",
			 ((char *)s - (char *)base) & ~(ptrdiff_t)0xff);
	say(r, text);
}

/* The same of a property, which it purchases. */
static void do_property(char *args)
{
	struct fusion_property *p;
	char text[32] = "";
	uint64_t span;
	void *base;
	int r = fusion_property_create(arena, args, NULL, &p);

	fusion_arena_range(arena, &base, &span);
	if (r == 0) {
		snprintf(text, sizeof(text), "%td", (char *)p - (char *)base);
		r = fusion_property_purchase(p);
	}
	say(r, text);
}

/* The same of a reference, of which it has a count. */
static void do_ref(char *args)
{
	struct fusion_ref *ref;
	char text[32] = "";
	uint64_t span;
	void *base;
	int r = fusion_ref_create(arena, args, NULL, &ref);

	fusion_arena_range(arena, &base, &span);
	if (r == 0) {
		snprintf(text, sizeof(text), "%td", (char *)ref - (char *)base);
		r = fusion_ref_up(ref);
	}
	say(r, text);
}

/* A pool with three objects that have all there is; where the pool's record is,
 * and that of the last one. */
static void do_objects(char *args)
{
	struct fusion_object_pool *pool;
	struct fusion_object *o = NULL;
	struct fusion_reactor *re;
	char text[64];
	uint64_t span;
	void *base;
	int r = fusion_object_pool_create(
		arena, args,
		&(struct fusion_object_pool_options){
			.size = sizeof(struct fusion_object_pool_options),
			.object_size = 40},
		&pool);

	fusion_arena_range(arena, &base, &span);
	for (int i = 0; i < 3 && r == 0; i++) {
		r = fusion_object_create(pool, &o);
		if (r == 0)
			r = fusion_object_set_string(o, "title", args);
		if (r == 0)
			r = fusion_object_add_owner(o, 1);
		if (r == 0)
			r = fusion_object_reactor(o, &re);
		if (r == 0)
			r = fusion_object_activate(o);
	}
	snprintf(text, sizeof(text), "%td %td", (char *)pool - (char *)base,
		 (char *)o - (char *)base);
	say(r, text);
}

/* It is executed and answers nothing. */
static int serve(const struct fusion_call_request *request, void *ctx)
{
	(void)request, (void)ctx;
	return FUSION_CALL_DEFER;
}

static void do_call(char *args)
{
	struct fusion_call *call;

	say(fusion_call_create(
		    arena, args,
		    &(struct fusion_call_options){
			    .size = sizeof(struct fusion_call_options),
			    .fn = serve},
		    &call),
	    "");
}

static void do_prevail(char *args)
{
	struct fusion_skirmish *s;
	int r = fusion_skirmish_lookup(arena, args, &s);

	say(r < 0 ? r : fusion_skirmish_prevail(s), "");
}

static void do_exit(char *args)
{
	int r = fusion_arena_exit(arena);

	(void)args;
	say(r, "");
	if (r == 0)
		exit(0);
}

/* Random bytes over [from, from + len) of the arena, as a wild pointer does. */
static void do_scribble(char *args)
{
	char *from = strtok(args, " "), *len = strtok(NULL, " ");
	unsigned long at = strtoul(from, NULL, 0), n = strtoul(len, NULL, 0);
	unsigned long seed = strtoul(strtok(NULL, " "), NULL, 0);
	void *base;
	uint64_t span;

	fusion_arena_range(arena, &base, &span);
	for (unsigned long i = 0; i < n && at + i < span; i++) {
		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		((volatile unsigned char *)base)[at + i] = seed >> 33;
	}
	say(0, "");
}

/* One word of 32 bits. */
static void do_poke(char *args)
{
	unsigned long at = strtoul(strtok(args, " "), NULL, 0);
	char *value = strtok(NULL, " ");
	void *base;
	uint64_t span;

	fusion_arena_range(arena, &base, &span);
	if (at < span && value)
		*(volatile uint32_t *)((char *)base + at) =
			(uint32_t)strtoul(value, NULL, 0);
	say(0, "");
}

static void do_close(char *args)
{
	(void)args;
	say(close_range(3, ~0u, 0) < 0 ? -errno : 0, "");
}

static void do_exec(char *args)
{
	(void)args;
	say(0, "");
	fflush(stdout);
	execlp("cat", "cat", NULL);
}

static void do_hold(char *args)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_start = 1ll << 62, .l_len = 1};
	int fd = open(args, O_RDWR | O_CLOEXEC);

	say(fd < 0 || fcntl(fd, F_OFD_SETLKW, &lock) < 0 ? -errno : 0, "");
}

static const struct {
	const char *word;
	void (*run)(char *args);
} commands[] = {
	{"add", do_add},				    /* NAME SIZE TYPE */
	{"many", do_many},				    /* N */
	{"remove", do_remove},				    /* NAME */
	{"malloc", do_malloc},				    /* BYTES */
	{"pool", do_pool},				    /* NAME LIMIT */
	{"skirmish", do_skirmish},			    /* NAME */
	{"prevail", do_prevail},			    /* NAME */
	{"call", do_call},				    /* NAME */
	{"property", do_property},			    /* NAME */
	{"ref", do_ref},				    /* NAME */
	{"exit", do_exit},	   {"objects", do_objects}, /* NAME */
	{"scribble", do_scribble}, /* OFFSET LENGTH SEED */
	{"poke", do_poke},	   /* OFFSET VALUE */
	{"close", do_close},	   /* all descriptors */
	{"exec", do_exec},	   /* cat */
	{"hold", do_hold},	   /* FILE: its life lock, for ever */
};

static void obey(char *line)
{
	char *args = line + strcspn(line, " ");

	if (*args)
		*args++ = 0;
	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].word, line) != 0)
			continue;
		commands[i].run(args);
		return;
	}
	say(-ENOSYS, "");
}

static uint32_t policy(const char *word)
{
	if (!strcmp(word, "kill"))
		return FUSION_MASTER_DEATH_KILL;
	if (!strcmp(word, "promote"))
		return FUSION_MASTER_DEATH_PROMOTE;
	return FUSION_MASTER_DEATH_NOTIFY;
}

static void print_log(int level, const char *message, void *ctx)
{
	(void)level;
	(void)ctx;
	fprintf(stderr, "%s\n", message);
}

static int parse(int argc, char **argv, struct fusion_arena_options *o)
{
	int c;

	while ((c = getopt(argc, argv, "msnet:p:S:L:M:i")) > 0) {
		switch (c) {
		case 'm':
			o->role = FUSION_ROLE_MASTER;
			break;
		case 's':
			o->role = FUSION_ROLE_SLAVE;
			break;
		case 'n':
			o->flags |= FUSION_ENTER_NOWAIT;
			break;
		case 'e':
			o->flags |= FUSION_ENTER_EXISTING;
			break;
		case 't':
			o->timeout_ns = atol(optarg) * 1000000;
			break;
		case 'p':
			o->on_master_death = policy(optarg);
			break;
		case 'S':
			o->span = strtoull(optarg, NULL, 0);
			break;
		case 'L':
			o->limit = strtoull(optarg, NULL, 0);
			break;
		case 'M':
			o->mode = (uint32_t)strtoul(optarg, NULL, 8);
			break;
		case 'i':
			o->initialize = ask;
			break;
		default:
			return -EINVAL;
		}
	}
	return optind + 1 == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct fusion_arena_options options = {.size = sizeof(options)};
	char line[256];
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fusion_set_log(print_log, NULL);
	if (parse(argc, argv, &options) < 0) {
		fprintf(stderr, "visitor: bad arguments\n");
		return 2;
	}
	r = fusion_arena_enter(argv[optind], &options, &arena);
	if (r < 0) {
		say(r, "");
		return 1;
	}
	printf("in %u %s\n", fusion_arena_id(arena),
	       fusion_arena_role(arena) == FUSION_ROLE_MASTER ? "master"
							      : "slave");
	while (next_line(line, sizeof(line)) == 0)
		obey(line);
	return 0;
}
