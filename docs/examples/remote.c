/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remote: a function that one process runs for all
 *
 *   remote ARENA  for each line of the input, print the line in capitals,
 *                 behind the pid of the process that made them
 *
 * The first process that has a line creates the call, and answers all others
 * from then on.
 *
 * Any process may be killed at any instruction.  If the owner of the call is
 * killed, each process that waits for an answer is told at once and opens the
 * call again: one of them becomes the owner.  A request that the dead owner may
 * have executed is executed again, which is right here since it changes
 * nothing.  Where a request changes something, repeat it after -EHOSTDOWN only:
 * then the owner had not begun.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fusion/fusion.h>

#define LINE_MAX 512

static void check(int r)
{
	if (r < 0)
		errx(1, "%s", fusion_strerror(r));
}

static int capitals(const struct fusion_call_request *request, void *ctx)
{
	const unsigned char *line = request->data;
	char text[LINE_MAX + 16];
	int n = sprintf(text, "%d ", getpid());

	(void)ctx;
	if (request->size > LINE_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < request->size; i++)
		text[n++] = (char)toupper(line[i]);
	return fusion_call_reply(request, 0, text, (size_t)n);
}

int main(int argc, char **argv)
{
	const struct fusion_call_options options = {.size = sizeof(options),
						    .fn = capitals};
	char line[LINE_MAX], text[LINE_MAX + 16];
	struct fusion_call_answer answer = {
		.size = sizeof(answer), .data = text, .capacity = sizeof(text)};
	struct fusion_arena *arena;
	struct fusion_call *call;
	int r;

	if (argc != 2)
		errx(2, "Usage: remote ARENA (prints its input in capitals)");
	check(fusion_arena_enter(argv[1], NULL, &arena));
	setlinebuf(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		do {
			check(fusion_call_open(arena, "capitals", &options,
					       &call));
			r = fusion_call_execute(call, NULL, 0, line,
						strlen(line), &answer);
		} while (r == -EHOSTDOWN || r == -ECONNRESET || r == -EIDRM);
		check(r < 0 ? r : answer.status);
		fwrite(text, 1, answer.length, stdout);
	}
	return fusion_arena_exit(arena) < 0;
}
