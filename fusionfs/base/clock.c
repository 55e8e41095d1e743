/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/clock.h"

#include <time.h>

uint64_t clock_processor_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int64_t clock_sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int64_t clock_left(int64_t due_ns, int64_t now_ns)
{
	return due_ns > now_ns ? due_ns - now_ns : 0;
}
