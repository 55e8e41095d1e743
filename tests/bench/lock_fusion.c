/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our locks, in the arena that $BENCH_ARENA names
 *
 * Further rows: lease and cede of a property; and from the kill of an owner
 * until who waits has the lock (wall time, the arena's daemon running).
 */
#include <stdbool.h>
#include <stdlib.h>

#include <fusion/fusion.h>

static struct fusion_arena *arena;
static struct fusion_skirmish *lock;
static struct fusion_property *property;

#define LOCK() must("prevail", fusion_skirmish_prevail(lock))
#define UNLOCK() fusion_skirmish_dismiss(lock)
#define RECURSIVE 1

static void lock_create(void);
static void lock_enter(void);
static inline void must(const char *what, int r);

#include "lock_load.h"

static inline void must(const char *what, int r)
{
	if (r < 0)
		worker_fail(what, r);
}

static void lock_create(void)
{
}

static int make(struct fusion_arena *a, void *ctx)
{
	int r = fusion_skirmish_create(a, "lock", NULL, &lock);

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
		must("lease", fusion_property_lease(property));
		fusion_property_cede(property);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return 0;
}

/* Those who are to die with the lock: inside, and asleep until they are told
 * to take it. */
#define HIRED_MAX 64
static struct hired {
	pid_t pid;
	int order, done; /* pipes */
} hired[HIRED_MAX];
static unsigned n_hired;

static void hold_and_tell(int order, int done)
{
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	lock_enter();
	if (write(done, "", 1) != 1 || read(order, &c, 1) != 1)
		_exit(1);
	must("prevail", fusion_skirmish_prevail(lock));
	if (write(done, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int wait_done(const struct hired *h)
{
	char c;

	return read(h->done, &c, 1) == 1 ? 0 : -EPIPE;
}

static int run_hire(uint64_t n, const char *arg, double *ret_ns)
{
	struct hired *h = &hired[n_hired];
	int order[2], done[2];

	(void)n;
	(void)arg;
	*ret_ns = 0;
	if (n_hired == HIRED_MAX)
		return -ENOSPC;
	if (pipe(order) < 0 || pipe(done) < 0)
		return -errno;
	h->pid = fork();
	if (h->pid < 0)
		return -errno;
	if (!h->pid) {
		close(done[0]);
		close(order[1]);
		hold_and_tell(order[0], done[1]);
	}
	close(order[0]);
	close(done[1]);
	h->order = order[1];
	h->done = done[0];
	n_hired++;
	return wait_done(h);
}

static int run_died(uint64_t n, const char *arg, double *ret_ns)
{
	struct hired *h;
	double start;
	int r;

	(void)n;
	(void)arg;
	if (!n_hired)
		return -ECHILD;
	h = &hired[--n_hired];
	r = write(h->order, "", 1) == 1 ? wait_done(h) : -errno;
	start = wall_ns();
	kill(h->pid, SIGKILL);
	if (!r)
		r = fusion_skirmish_prevail(lock);
	*ret_ns = wall_ns() - start;
	if (!r)
		r = -ESTALE;
	else if (r == -EOWNERDEAD)
		r = fusion_skirmish_consistent(lock);
	if (!r)
		r = fusion_skirmish_dismiss(lock);
	waitpid(h->pid, NULL, 0);
	close(h->order);
	close(h->done);
	return r;
}

int main(void)
{
	static const struct worker_row more[] = {
		{"lease", run_lease},
		{"hire", run_hire},
		{"died", run_died},
		{0},
	};

	return lock_main(more);
}
