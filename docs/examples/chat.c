/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chat: a room for any number of terminals
 *
 *   chat ARENA NAME     say the lines of the input, show what everybody says
 *
 * The room is a reactor: a line is dispatched once and reaches all listeners.
 * Shells can join the room without this program:
 *
 *   cat /run/fusion/ARENA/reactors/room/stream &
 *   echo "sh: hello" >/run/fusion/ARENA/reactors/room/dispatch
 *
 * A terminal that is stopped stops nobody: when the queue of the room is full,
 * it misses lines.  A terminal that is killed has left the room.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fusion/fusion.h>

#define LINE_MAX 512

static enum fusion_reaction_result
hear(const struct fusion_reactor_message *message, void *ctx)
{
	(void)ctx;
	if (message->event != FUSION_REACTOR_DATA) {
		fputs("The room is closed.\n", stdout);
	} else {
		fwrite(message->data, 1, message->size, stdout);
	}
	fflush(stdout);
	return FUSION_REACTION_KEEP;
}

/* FUSION_REACTOR_SELF: a member hears its own lines, like all others. */
static int say(struct fusion_reactor *room, const char *name, const char *text)
{
	struct fusion_reactor_dispatch_options options =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;
	char line[LINE_MAX + 128];
	int n = snprintf(line, sizeof(line), "%s: %s", name, text);

	options.flags = FUSION_REACTOR_SELF;
	if (n >= (int)sizeof(line))
		n = (int)sizeof(line) - 1;
	return fusion_reactor_dispatch(room, &options, line, (size_t)n);
}

static int chat(struct fusion_arena *arena, const char *name)
{
	const struct fusion_reactor_policy policy = {
		.size = sizeof(policy),
		.kind = FUSION_REACTOR_DROP_OLDEST,
	};
	struct fusion_reactor_attach_options options =
		FUSION_REACTOR_ATTACH_OPTIONS_INIT;
	struct fusion_reaction *reaction;
	struct fusion_reactor *room;
	char line[LINE_MAX];
	/* The first member creates the room; a shell can create it too, with
	 * mkdir. */
	int r = fusion_reactor_open(arena, "room", NULL, &room);

	if (r < 0)
		return r;
	options.policy = &policy;
	r = fusion_reactor_attach(room, &options, hear, NULL, &reaction);
	if (r < 0)
		return r;
	r = say(room, name, "hello\n");
	while (r == 0 && fgets(line, sizeof(line), stdin))
		r = say(room, name, line);
	if (r == 0)
		r = say(room, name, "bye\n");
	fusion_reactor_detach(reaction);
	return r;
}

int main(int argc, char **argv)
{
	struct fusion_arena *arena;
	int r;

	if (argc != 3) {
		fprintf(stderr, "Usage: chat ARENA NAME\n");
		return 2;
	}
	r = fusion_arena_enter(argv[1], NULL, &arena);
	if (r >= 0) {
		r = chat(arena, argv[2]);
		if (r == 0)
			r = fusion_arena_exit(arena);
	}
	if (r < 0)
		fprintf(stderr, "chat: %s\n", fusion_strerror(r));
	return r < 0;
}
