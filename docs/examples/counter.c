/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * counter: a number that any number of processes count up together
 *
 *   counter ARENA  for each line of the input, count one and print the count
 *
 * The number lies in the arena's heap.  It is gone when the last process has
 * left.
 *
 * Any process may be killed at any instruction.  One process creates the
 * number, which is 0, and all find it.  If that process is killed before, the
 * next one creates it.  Counting is one atomic addition, which a killed process
 * has made or not made.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>

#include <fusion/fusion.h>

int main(int argc, char **argv)
{
	const struct fusion_field_options options = {
		.size = sizeof(options), .data_size = sizeof(uint64_t)};
	struct fusion_arena *arena;
	uint64_t *count;
	int c, r;

	if (argc != 2)
		errx(2, "Usage: counter ARENA (counts the lines of its input)");
	r = fusion_arena_enter(argv[1], NULL, &arena);
	if (r == 0)
		r = fusion_field_open(arena, "count", &options,
				      (void **)&count);
	if (r < 0)
		errx(1, "%s", fusion_strerror(r));
	setlinebuf(stdout);
	while ((c = getchar()) != EOF)
		if (c == '\n')
			printf("%" PRIu64 "\n",
			       __atomic_add_fetch(count, 1, __ATOMIC_RELAXED));
	return fusion_arena_exit(arena) < 0;
}
