/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * publish: lines from one process to all that listen
 *
 *   publish say ARENA   publish each line of the input
 *   publish hear ARENA  print each line, until the publisher ends
 *
 * Any process may be killed at any instruction.  A killed publisher has
 * published a line whole or not at all; the listeners wait for its successor.
 * A killed listener delays nobody.  A listener that is stopped delays the
 * publisher for a few seconds.  Then the listener is disconnected, and says so
 * when it goes on.  So each listener prints all lines since it began, without a
 * gap.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/fusion.h>

static void check(int r)
{
	if (r < 0 && r != -EINTR)
		errx(1, "%s", fusion_strerror(r));
}

static enum fusion_reaction_result
hear(const struct fusion_reactor_message *message, void *over)
{
	if (message->event == FUSION_REACTOR_DISCONNECTED)
		errx(1, "too slow: further lines are lost");
	*(bool *)over = message->event == FUSION_REACTOR_DESTROYED;
	if (message->size)
		fwrite(message->data, 1, message->size, stdout);
	fflush(stdout);
	return FUSION_REACTION_KEEP;
}

int main(int argc, char **argv)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options), .flags = FUSION_ENTER_MANUAL};
	const struct fusion_reactor_policy policy = {
		.size = sizeof(policy),
		.kind = FUSION_REACTOR_DISCONNECT,
		.limit_ns = 5000000000}; /* 5 seconds */
	const struct fusion_reactor_attach_options patient = {
		.size = sizeof(patient), .policy = &policy};
	struct fusion_reactor *lines;
	struct fusion_arena *arena;
	bool over = false;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (argc != 3 || (strcmp(argv[1], "say") && strcmp(argv[1], "hear")))
		errx(2, "Usage: publish say|hear ARENA (say reads lines)");
	check(fusion_arena_enter(argv[2], &options, &arena));
	check(fusion_reactor_open(arena, "lines", NULL, &lines));
	if (!strcmp(argv[1], "hear")) {
		check(fusion_reactor_attach(lines, &patient, hear, &over,
					    NULL));
		while (!over)
			check(fusion_arena_dispatch(arena, FUSION_FOREVER,
						    FUSION_WAIT_INTERRUPTIBLE));
		return fusion_arena_exit(arena) < 0;
	}
	while ((n = getline(&line, &size, stdin)) > 0)
		check(fusion_reactor_dispatch(lines, NULL, line, (size_t)n));
	free(line);
	check(fusion_reactor_destroy(lines));
	return fusion_arena_exit(arena) < 0;
}
