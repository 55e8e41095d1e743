/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that ends by _exit() counts, too
 *
 * gcov writes its counts when a program ends by exit().  Tests fork, and their
 * children end by _exit(): scripts/mutate compiles everything with this header
 * before it for its map of which test runs which line.  Where thousands of
 * processes do the same, one in $COVERED_ONE_IN of them is enough.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void __gcov_dump(void);

static inline _Noreturn void covered_exit(int status)
{
	const char *one_in = getenv("COVERED_ONE_IN");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!one_in || now.tv_nsec / 64 % atoi(one_in) == 0)
		__gcov_dump();
	(_exit)(status);
}

#define _exit(status) covered_exit(status)
