/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: one process that runs one side of the benchmarks on command
 *
 * bench.py keeps a worker for us and one for each peer and lets them work in
 * turns, some milliseconds each, so that whatever the machine does meanwhile
 * happens to all of them.  A worker reads lines "ROW COUNT [ARGUMENT]" and
 * answers each with one line: nanoseconds per operation, or "error TEXT".
 *
 * Read by C and C++.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

struct worker_row {
	const char *name;
	/* Do @n operations.  0, or -errno, which ends the row. */
	int (*run)(uint64_t n, const char *arg, double *ret_ns);
};

static inline double clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Time of this thread only: what others do to the machine counts less. */
static inline double cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline double wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Pin the calling thread to the @i-th processor it may use, counted from the
 * last one back and round.  A pinned thread would see only its own, so the
 * first call remembers. */
static inline void worker_pin(int i)
{
	static cpu_set_t may;
	static int n;
	cpu_set_t one;

	if (!n) {
		sched_getaffinity(0, sizeof(may), &may);
		n = CPU_COUNT(&may);
	}
	i = n - 1 - i % n;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &may) || i--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

/* Go before whatever else the machine does, if we may: two that spin for each
 * other measure the scheduler when either is off its processor.  A turn is
 * some milliseconds, and between two we sleep. */
static inline void worker_first(bool first)
{
	struct sched_param param;

	memset(&param, 0, sizeof(param));
	param.sched_priority = first;
	sched_setscheduler(0, first ? SCHED_FIFO : SCHED_OTHER, &param);
}

static inline void worker_fail(const char *what, int r)
{
	printf("error %s: %s\n", what, strerror(r < 0 ? -r : r));
	fflush(stdout);
	exit(1);
}

static inline int worker_run(const struct worker_row *rows, const char *name,
			     uint64_t n, const char *arg)
{
	double ns = 0;
	int r;

	for (; rows->name; rows++) {
		if (strcmp(rows->name, name))
			continue;
		r = rows->run(n, arg, &ns);
		if (r < 0)
			printf("error %s: %s\n", name, strerror(-r));
		else
			printf("%.3f\n", ns);
		return fflush(stdout);
	}
	printf("error no row '%s'\n", name);
	return fflush(stdout);
}

/* Serve until the end of input. */
static inline int worker_serve(const struct worker_row *rows)
{
	char line[4352], name[64], arg[4096];
	unsigned long long n;

	/* Whoever asked is gone: so am I, with all I started. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (fgets(line, sizeof(line), stdin)) {
		arg[0] = 0;
		if (sscanf(line, "%63s %llu %4095[^\n]", name, &n, arg) < 2)
			return 2;
		if (worker_run(rows, name, n, arg))
			return 1;
	}
	return 0;
}

#endif
