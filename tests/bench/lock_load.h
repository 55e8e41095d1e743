/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locks' loads, compiled once for each kind of lock
 *
 * The includer says how, before it includes this:
 *
 *   LOCK() UNLOCK()   inline calls; the lock is shared by processes
 *   RECURSIVE         1: it can be taken again by who has it
 *   lock_create()     once, before the rivals are started
 *   lock_enter()      in each process after that
 *
 * Rows, ns per lock and unlock:
 *
 *   pair              nobody else wants it
 *   nested            the same, already held
 *   tiny-N, work-N    N processes want it: all the time, a word is changed; or
 *                     with 10 rounds of a loop inside and 50 outside.  All
 *                     they did, together
 *   share, longest    of the last of these: the smallest part that one of them
 *                     had, of an equal share; the longest that one waited, ns
 *
 * Read by C and C++.
 */
#ifndef BENCH_LOCK_LOAD_H
#define BENCH_LOCK_LOAD_H

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

#define RIVALS 3 /* and the worker itself */

struct arena_of_rivals {
	pthread_barrier_t start, end;
	uint32_t n; /* who take part */
	uint32_t inside, outside;
	uint32_t stop;
	uint64_t word[8]; /* guarded by the lock */
	struct {
		uint64_t done, longest;
		uint64_t pad[6];
	} rival[RIVALS + 1];
};

static struct arena_of_rivals *field;

/* Something to do: @n rounds of nothing. */
static inline void busy(uint32_t n)
{
	while (n--)
		__asm__ volatile("" ::: "memory");
}

/* A look at the clock each time would be most of the load. */
#define LOOK_EVERY 64

static void rival_run(unsigned i, uint64_t n)
{
	uint64_t done = 0, longest = 0;
	double before = 0, now;

	/* With a processor for each; else it is the scheduler's turn. */
	worker_first(field->n == 2);
	while (done < n && !__atomic_load_n(&field->stop, __ATOMIC_RELAXED)) {
		bool look = done % LOOK_EVERY == 0;

		if (look)
			before = wall_ns();
		LOCK();
		if (look) {
			now = wall_ns();
			if (now - before > (double)longest)
				longest = (uint64_t)(now - before);
		}
		field->word[0]++;
		busy(field->inside);
		UNLOCK();
		done++;
		busy(field->outside);
	}
	__atomic_store_n(&field->stop, 1, __ATOMIC_RELAXED);
	field->rival[i].done = done;
	field->rival[i].longest = longest;
	worker_first(false);
}

static void rival_serve(unsigned i, int entered)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_pin((int)i);
	lock_enter();
	if (write(entered, "", 1) != 1)
		_exit(1);
	close(entered);
	for (;;) {
		pthread_barrier_wait(&field->start);
		if (i < field->n)
			rival_run(i, UINT64_MAX);
		pthread_barrier_wait(&field->end);
	}
}

static int contend(uint32_t n, uint32_t inside, uint32_t outside,
		   uint64_t count, double *ret_ns)
{
	uint64_t all = 0;
	double start;

	field->n = n;
	field->inside = inside;
	field->outside = outside;
	field->stop = 0;
	pthread_barrier_wait(&field->start);
	start = wall_ns();
	rival_run(0, count);
	*ret_ns = wall_ns() - start;
	pthread_barrier_wait(&field->end);
	for (uint32_t i = 0; i < n; i++)
		all += field->rival[i].done;
	*ret_ns /= (double)all;
	return 0;
}

static int run_pair(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		LOCK();
		field->word[0]++;
		UNLOCK();
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return 0;
}

static int run_nested(uint64_t n, const char *arg, double *ret_ns)
{
	int r;

	if (!RECURSIVE)
		return -ENOTSUP;
	LOCK();
	r = run_pair(n, arg, ret_ns);
	UNLOCK();
	return r;
}

#define CONTEND(name, n, inside, outside)                                \
	static int name(uint64_t count, const char *arg, double *ret_ns) \
	{                                                                \
		(void)arg;                                               \
		return contend(n, inside, outside, count, ret_ns);       \
	}

CONTEND(run_tiny_2, 2, 0, 0)
CONTEND(run_work_2, 2, 10, 50)
CONTEND(run_tiny_4, 4, 0, 0)
CONTEND(run_work_4, 4, 10, 50)

static int run_share(uint64_t count, const char *arg, double *ret_ns)
{
	uint64_t all = 0, least = UINT64_MAX;

	(void)count;
	(void)arg;
	for (uint32_t i = 0; i < field->n; i++) {
		all += field->rival[i].done;
		if (field->rival[i].done < least)
			least = field->rival[i].done;
	}
	*ret_ns = (double)least * field->n / (double)all;
	return 0;
}

static int run_longest(uint64_t count, const char *arg, double *ret_ns)
{
	(void)count;
	(void)arg;
	*ret_ns = 0;
	for (uint32_t i = 0; i < field->n; i++)
		if ((double)field->rival[i].longest > *ret_ns)
			*ret_ns = (double)field->rival[i].longest;
	return 0;
}

/* @more: rows of this lock only, may be NULL. */
static int lock_main(const struct worker_row *more)
{
	static struct worker_row rows[16] = {
		{"pair", run_pair},	{"nested", run_nested},
		{"tiny-2", run_tiny_2}, {"work-2", run_work_2},
		{"tiny-4", run_tiny_4}, {"work-4", run_work_4},
		{"share", run_share},	{"longest", run_longest},
	};
	pthread_barrierattr_t shared;
	pid_t rivals[RIVALS];
	unsigned at = 8;
	int r, entered[2];
	char c;

	while (more && more->name)
		rows[at++] = *more++;
	field = (struct arena_of_rivals *)mmap(
		NULL, sizeof(*field), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (field == MAP_FAILED)
		worker_fail("mmap", errno);
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&field->start, &shared, RIVALS + 1);
	pthread_barrier_init(&field->end, &shared, RIVALS + 1);
	if (pipe(entered) < 0)
		worker_fail("pipe", errno);
	lock_create();
	for (unsigned i = 1; i <= RIVALS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			worker_fail("fork", errno);
		if (!pid)
			rival_serve(i, entered[1]);
		rivals[i - 1] = pid;
	}
	worker_pin(0);
	lock_enter();
	/* Nobody is on the way in when work begins: the daemon may be killed
	 * then.  The end of file is a rival that has failed. */
	close(entered[1]);
	for (unsigned i = 0; i < RIVALS; i++)
		if (read(entered[0], &c, 1) != 1)
			worker_fail("a rival", ECHILD);
	close(entered[0]);
	r = worker_serve(rows);
	/* Until they are gone their mount is busy. */
	for (unsigned i = 0; i < RIVALS; i++) {
		kill(rivals[i], SIGKILL);
		waitpid(rivals[i], NULL, 0);
	}
	return r;
}

#endif
