/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heap's loads, compiled once for each allocator
 *
 * The includer says how, before it includes this:
 *
 *   MALLOC(n) FREE(p)     inline calls, so that no peer pays for a pointer
 *   REALLOC(p, old, n)    to a function
 *   TRIM()                give what is free back to the system
 *   PEERS_FORK            1: the consumer of the pair rows is a process,
 *                         0: a thread
 *   heap_create()         once, before the consumer is started
 *   heap_enter()          in each process, the producer's first
 *
 * and calls heap_main().  With the argument `pair` a worker serves the rows
 * of two, else those of one: an allocator that is quicker while a process has
 * a single thread has that advantage.
 *
 * Read by C and C++.
 */
#ifndef BENCH_HEAP_LOAD_H
#define BENCH_HEAP_LOAD_H

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

#define N_LIVE 10000
#define N_OPS 65536 /* power of two */
#define N_BATCH 1000
#define N_RING 1024 /* power of two */

#define KEEP(p) __asm__ volatile("" ::"r"(p) : "memory")

static char *live[N_LIVE];
static struct op {
	uint32_t slot, size;
} ops[N_OPS];

static uint64_t seed = 88172645463325252ull;

static inline uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static inline uint32_t random_size(void)
{
	return (uint32_t)(16 + next_random() % 1009);
}

static void heap_fill(void)
{
	for (struct op *o = ops; o < ops + N_OPS; o++) {
		o->slot = (uint32_t)(next_random() % N_LIVE);
		o->size = random_size();
	}
	for (char **p = live; p < live + N_LIVE; p++) {
		*p = (char *)MALLOC(random_size());
		if (!*p)
			worker_fail("malloc", ENOMEM);
		**p = 1;
	}
}

static int run_random(uint64_t n, const char *arg, double *ret_ns)
{
	double t = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		const struct op *o = &ops[i % N_OPS];
		char *p;

		FREE(live[o->slot]);
		p = (char *)MALLOC(o->size);
		*p = 1;
		live[o->slot] = p;
	}
	*ret_ns = (cpu_ns() - t) / (double)n;
	return 0;
}

static int run_touch(uint64_t n, const char *arg, double *ret_ns)
{
	double t = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		const struct op *o = &ops[i % N_OPS];
		char *p;

		FREE(live[o->slot]);
		p = (char *)MALLOC(o->size);
		memset(p, 1, o->size);
		live[o->slot] = p;
	}
	*ret_ns = (cpu_ns() - t) / (double)n;
	return 0;
}

static int run_lifo(uint64_t n, const char *arg, double *ret_ns)
{
	double t = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		void *p = MALLOC(64);

		KEEP(p);
		FREE(p);
	}
	*ret_ns = (cpu_ns() - t) / (double)n;
	return 0;
}

static char *batch[N_BATCH];

static inline void batch_fill(void)
{
	for (int i = 0; i < N_BATCH; i++) {
		batch[i] = (char *)MALLOC(64);
		*batch[i] = 1;
	}
}

static int run_batch_lifo(uint64_t n, const char *arg, double *ret_ns)
{
	uint64_t rounds = (n + N_BATCH - 1) / N_BATCH;
	double t = cpu_ns();

	(void)arg;
	for (uint64_t k = 0; k < rounds; k++) {
		batch_fill();
		for (int i = N_BATCH; i--;)
			FREE(batch[i]);
	}
	*ret_ns = (cpu_ns() - t) / (double)(rounds * N_BATCH);
	return 0;
}

static int run_batch_fifo(uint64_t n, const char *arg, double *ret_ns)
{
	uint64_t rounds = (n + N_BATCH - 1) / N_BATCH;
	double t = cpu_ns();

	(void)arg;
	for (uint64_t k = 0; k < rounds; k++) {
		batch_fill();
		for (int i = 0; i < N_BATCH; i++)
			FREE(batch[i]);
	}
	*ret_ns = (cpu_ns() - t) / (double)(rounds * N_BATCH);
	return 0;
}

static int run_large(uint64_t n, const char *arg, double *ret_ns)
{
	double t = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		char *p = (char *)MALLOC(100000);

		*p = 1;
		KEEP(p);
		FREE(p);
	}
	*ret_ns = (cpu_ns() - t) / (double)n;
	return 0;
}

static int run_realloc(uint64_t n, const char *arg, double *ret_ns)
{
	double t = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		size_t first = 20 + (i & 7);
		void *p = MALLOC(first);

		p = REALLOC(p, first, 32);
		p = REALLOC(p, 32, 500);
		p = REALLOC(p, 500, 3000);
		KEEP(p);
		FREE(p);
	}
	*ret_ns = (cpu_ns() - t) / (double)n;
	return 0;
}

#define RUN_PAGES 16384 /* 64 MiB */
#define PAGE 4096

static int run_pages(uint64_t n, const char *arg, double *ret_ns)
{
	uint64_t rounds = (n + RUN_PAGES - 1) / RUN_PAGES;
	double t = cpu_ns();

	(void)arg;
	for (uint64_t k = 0; k < rounds; k++) {
		char *p = (char *)MALLOC((size_t)RUN_PAGES * PAGE);

		if (!p)
			return -ENOMEM;
		for (size_t i = 0; i < RUN_PAGES; i++)
			p[i * PAGE] = 1;
		KEEP(p);
		FREE(p);
		TRIM();
	}
	*ret_ns = (cpu_ns() - t) / (double)(rounds * RUN_PAGES);
	return 0;
}

/* --- Two: what one allocates, the other frees ---------------------------- */

struct ring {
	uint64_t head; /* atomic: blocks handed over */
	char pad0[120];
	uint64_t tail; /* atomic: blocks freed */
	char pad1[120];
	char *slot[N_RING];
};

static struct ring *ring;
static int start_pipe[2], ready_pipe[2];
static uint64_t handed; /* blocks ever handed over, producer only */

/* Free until @end blocks in all are freed, and say so every 16. */
static void consume(uint64_t end)
{
	uint64_t tail = ring->tail;

	while (tail < end) {
		/* Acquire: pairs with the release in hand_over(). */
		uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

		for (; tail < head; tail++) {
			char *p = ring->slot[tail % N_RING];

			if (*(volatile char *)p == 0)
				abort();
			FREE(p);
			if (tail % 16 == 15)
				__atomic_store_n(&ring->tail, tail + 1,
						 __ATOMIC_RELEASE);
		}
		__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
	}
}

static void *consumer_serve(void *unused)
{
	uint64_t end;

	worker_pin(1);
	worker_first(true);
	if (write(ready_pipe[1], "r", 1) != 1)
		return unused;
	while (read(start_pipe[0], &end, sizeof(end)) == sizeof(end))
		consume(end);
	return unused;
}

static void consumer_start(void)
{
	pthread_t thread;
	int r, fds[2];
	char c = 0;

	ring = (struct ring *)mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED || pipe(start_pipe) || pipe(ready_pipe) ||
	    pipe(fds))
		worker_fail("ring", errno);
	if (!PEERS_FORK) {
		heap_enter();
		r = pthread_create(&thread, NULL, consumer_serve, NULL);
		if (r)
			worker_fail("thread", r);
		return;
	}
	switch (fork()) {
	case -1:
		worker_fail("fork", errno);
		return;
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(start_pipe[1]);
		if (read(fds[0], &c, 1) != 1)
			_exit(1);
		heap_enter();
		consumer_serve(NULL);
		heap_leave();
		_exit(0);
	}
	heap_enter();
	if (write(fds[1], &c, 1) != 1)
		worker_fail("consumer", errno);
	close(fds[0]);
	close(fds[1]);
}

static inline uint64_t ring_tail(void)
{
	/* Acquire: pairs with the releases in consume(). */
	return __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}

static inline void hand_over(char *p, uint64_t *tail)
{
	while (handed - *tail >= N_RING)
		*tail = ring_tail();
	*p = 1;
	ring->slot[handed++ % N_RING] = p;
	/* Release: pairs with the acquire in consume(). */
	__atomic_store_n(&ring->head, handed, __ATOMIC_RELEASE);
}

static int pair_begin(uint64_t n)
{
	uint64_t end = handed + n;

	return write(start_pipe[1], &end, sizeof(end)) == sizeof(end) ? 0
								      : -errno;
}

static void pair_end(void)
{
	while (ring_tail() != handed)
		;
}

static int run_pair_64(uint64_t n, const char *arg, double *ret_ns)
{
	uint64_t tail = handed;
	int r = pair_begin(n);
	double t = wall_ns();

	(void)arg;
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < n; i++)
		hand_over((char *)MALLOC(64), &tail);
	pair_end();
	*ret_ns = (wall_ns() - t) / (double)n;
	return 0;
}

static int run_pair_any(uint64_t n, const char *arg, double *ret_ns)
{
	uint64_t tail = handed;
	int r = pair_begin(n);
	double t = wall_ns();

	(void)arg;
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < n; i++)
		hand_over((char *)MALLOC(ops[i % N_OPS].size), &tail);
	pair_end();
	*ret_ns = (wall_ns() - t) / (double)n;
	return 0;
}

static int heap_main(int argc, char **argv)
{
	static const struct worker_row one[] = {
		{"random", run_random},
		{"touch", run_touch},
		{"lifo", run_lifo},
		{"batch-lifo", run_batch_lifo},
		{"batch-fifo", run_batch_fifo},
		{"large", run_large},
		{"realloc", run_realloc},
		{"pages", run_pages},
		{NULL, NULL},
	};
	static const struct worker_row two[] = {
		{"pair-64", run_pair_64},
		{"pair-any", run_pair_any},
		{NULL, NULL},
	};
	int pair = argc > 1 && !strcmp(argv[1], "pair"), r;
	char c;

	worker_pin(0);
	heap_create();
	if (pair) {
		consumer_start();
		/* It is on its own processor now, and can go on. */
		if (read(ready_pipe[0], &c, 1) != 1)
			worker_fail("consumer", errno);
	} else {
		heap_enter();
	}
	worker_first(true);
	heap_fill();
	r = worker_serve(pair ? two : one);
	if (pair) {
		close(start_pipe[1]);
		if (PEERS_FORK)
			wait(NULL);
	}
	heap_leave();
	return r;
}

#endif
