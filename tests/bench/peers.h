/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other processes of a worker that talks: callees, receivers, listeners
 *
 * They are started once, say when they can be talked to, and end with the
 * worker.  What all of them see is `field`.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

#define PEERS_MAX 64

static struct {
	pid_t pid[PEERS_MAX];
	unsigned n;
	int ready[2];
	pid_t servant; /* somebody else's, whose time counts, too; or 0 */
	double before; /* processor time of all at the last peers_begin() */
	double per_op; /* of the last run */
} peers;

static inline void futex_wait(uint32_t *word, uint32_t value)
{
	/* Not for ever: the other side may have died. */
	struct timespec second = {.tv_sec = 1};

	syscall(SYS_futex, word, FUTEX_WAIT, value, &second, NULL, 0);
}

static inline void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline void *peers_share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		worker_fail("mmap", errno);
	return p;
}

/* In a peer: it can be talked to now. */
static inline void peers_ready(void)
{
	if (write(peers.ready[1], "", 1) != 1)
		_exit(1);
	close(peers.ready[1]);
}

/* Start @n peers; each runs @serve with its number, which does not return.
 * Returns when all are ready. */
static inline void peers_start(unsigned n, void (*serve)(unsigned i))
{
	char c;

	if (pipe(peers.ready) < 0)
		worker_fail("pipe", errno);
	while (peers.n < n) {
		pid_t pid = fork();

		if (pid < 0)
			worker_fail("fork", errno);
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(peers.ready[0]);
			serve(peers.n);
			_exit(1);
		}
		peers.pid[peers.n++] = pid;
	}
	/* The end of file is a peer that has failed. */
	close(peers.ready[1]);
	for (unsigned i = 0; i < n; i++)
		if (read(peers.ready[0], &c, 1) != 1)
			worker_fail("a peer", ECHILD);
	close(peers.ready[0]);
}

/* Until they are gone their mount is busy. */
static inline void peers_end(void)
{
	for (unsigned i = 0; i < peers.n; i++) {
		kill(peers.pid[i], SIGKILL);
		waitpid(peers.pid[i], NULL, 0);
	}
}

/* Be a worker with @n peers; @enter is its own way in. */
static inline int peers_work(unsigned n, void (*serve)(unsigned i),
			     int (*enter)(void), const struct worker_row *rows)
{
	int r;

	peers_start(n, serve);
	r = enter();
	if (r < 0)
		worker_fail("enter", r);
	r = worker_serve(rows);
	peers_end();
	return r;
}

static inline bool peers_died(void)
{
	return waitpid(-1, NULL, WNOHANG) != 0;
}

static inline double peers_time_of(pid_t pid)
{
	clockid_t id;

	return clock_getcpuclockid(pid, &id) ? 0 : clock_ns(id);
}

/* Processor time of the worker and all its peers. */
static inline double peers_time(void)
{
	double ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (unsigned i = 0; i < peers.n; i++)
		ns += peers_time_of(peers.pid[i]);
	return peers.servant ? ns + peers_time_of(peers.servant) : ns;
}

static inline void peers_begin(void)
{
	peers.before = peers_time();
}

static inline void peers_stop(uint64_t n)
{
	peers.per_op = (peers_time() - peers.before) / (double)n;
}

/* A row: processor time per operation of the last run, of all. */
static inline int run_cpu(uint64_t n, const char *arg, double *ret_ns)
{
	(void)n;
	(void)arg;
	*ret_ns = peers.per_op;
	return 0;
}

#endif
