/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our locks, in the arena that $BENCH_ARENA names
 *
 * Further rows: lease and cede of a property; and from the kill of an owner
 * until who waits has the lock (wall time, the arena's daemon running).
 */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <fusion/fusion.h>

static struct fusion_arena *arena;
static struct fusion_skirmish *lock;
static struct fusion_property *property;

#define LOCK() fusion_skirmish_prevail(lock)
#define UNLOCK() fusion_skirmish_dismiss(lock)
#define RECURSIVE 1

static void lock_create(void);
static void lock_enter(void);

#include "lock_load.h"

static void lock_create(void)
{
}

static int make(struct fusion_arena *a, void *ctx)
{
	int r = fusion_skirmish_create(a, "lock", 0, &lock);

	(void)ctx;
	return r < 0 ? r : fusion_property_create(a, "thing", NULL, &property);
}

static int look(struct fusion_arena *a, void *ctx)
{
	int r = fusion_skirmish_lookup(a, "lock", &lock);

	(void)ctx;
	return r < 0 ? r : fusion_property_lookup(a, "thing", &property);
}

static void lock_enter(void)
{
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = make,
		.join = look,
	};
	const char *name = getenv("BENCH_ARENA");
	int r = fusion_arena_enter(name ? name : "bench-lock", &options,
				   &arena);

	if (r < 0)
		worker_fail("enter", r);
}

static int run_lease(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		fusion_property_lease(property);
		fusion_property_cede(property);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return 0;
}

static void hold_and_tell(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	lock_enter();
	fusion_skirmish_prevail(lock);
	if (write(fd, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int run_died(uint64_t n, const char *arg, double *ret_ns)
{
	int fd[2], r;
	double start;
	pid_t pid;
	char c;

	(void)n;
	(void)arg;
	if (pipe(fd) < 0)
		return -errno;
	pid = fork();
	if (!pid)
		hold_and_tell(fd[1]);
	close(fd[1]);
	r = read(fd[0], &c, 1) == 1 ? 0 : -EPIPE;
	close(fd[0]);
	start = wall_ns();
	kill(pid, SIGKILL);
	if (!r)
		r = fusion_skirmish_prevail(lock);
	*ret_ns = wall_ns() - start;
	if (r == -EOWNERDEAD)
		r = fusion_skirmish_dismiss(lock);
	else if (!r)
		r = -ESTALE;
	waitpid(pid, NULL, 0);
	return r;
}

int main(void)
{
	static const struct worker_row more[] = {
		{"lease", run_lease},
		{"died", run_died},
		{0},
	};

	return lock_main(more);
}
