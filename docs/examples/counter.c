/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * counter: a number that any number of processes count up together
 *
 *   counter ARENA  for each line of the input, count one and print the count
 *
 * The number lies in the arena's heap.  It is gone when the last process has
 * left.
 *
 * Any process may be killed at any instruction.  The first member publishes
 * the number, which is 0.  If it is killed before that, the next process begins
 * with an empty arena.  Counting is one atomic addition, which a killed process
 * has made or not made.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <fusion/fusion.h>

static int make(struct fusion_arena *arena, void *ctx)
{
	uint64_t *count = fusion_calloc(arena, 1, sizeof(*count));

	(void)ctx;
	return !count ? -errno
		      : fusion_field_create(
				arena, "count",
				&(struct fusion_field_options){
					.size = sizeof(
						struct fusion_field_options),
					.data_size = sizeof(*count),
					.type = "counter",
					.data = count},
				NULL);
}

int main(int argc, char **argv)
{
	const struct fusion_arena_options options = {.size = sizeof(options),
						     .initialize = make};
	struct fusion_arena *arena;
	uint64_t *count;
	int c, r;

	if (argc != 2)
		errx(2,
		     "Usage: counter ARENA (it counts the lines of its input)");
	r = fusion_arena_enter(argv[1], &options, &arena);
	if (!r)
		r = fusion_field_lookup(arena, "count", sizeof(*count),
					"counter", (void **)&count);
	if (r < 0)
		errx(1, "%s", fusion_strerror(r));
	setlinebuf(stdout);
	while ((c = getchar()) != EOF)
		if (c == '\n')
			printf("%" PRIu64 "\n",
			       __atomic_add_fetch(count, 1, __ATOMIC_RELAXED));
	return fusion_arena_exit(arena) < 0;
}
