/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of messages to one or more others, compiled for each means
 *
 * The includer says how:
 *
 *   send_prepare()      once, before there is a receiver
 *   send_serve(i)       in receiver i: peers_ready(), then got() each message
 *   send_enter()        in the sender, when all are ready
 *   send_to(n, b, size) a message to the first n receivers; -errno
 *
 * Rows, ns per message until all have it:
 *
 *   size-N    messages of N bytes to one, one after the other
 *   stream-N  messages of 64 bytes to N, one after the other
 *   step-N    the same, but the next one only when all have the last
 *   cpu       processor time of the last one, of all
 */
#ifndef BENCH_RING_LOAD_H
#define BENCH_RING_LOAD_H

#include "peers.h"

#define MESSAGE_MAX 65536u
#define PUBLISHED 64u

/* What a message begins with. */
struct head {
	uint64_t number; /* in its batch */
	uint64_t size;
};

static struct field {
	uint32_t arrived, done, failed;
	uint32_t n;		   /* receivers that take part */
	uint64_t until[PEERS_MAX]; /* when so many are there, say so */
} * field;

static unsigned receivers;

static int send_prepare(void);
static void send_serve(unsigned i);
static int send_enter(void);
static int send_to(unsigned n, const void *data, size_t size);

/* In receiver @i: here is a message; is it all of the one that is due? */
static inline void got(unsigned i, const void *data, size_t size)
{
	static uint64_t so_far, due;
	struct head head;

	memcpy(&head, data, sizeof(head));
	if (!head.number)
		due = 0;
	if (head.size != size || head.number != due++) {
		__atomic_store_n(&field->failed, 1, __ATOMIC_RELAXED);
		_exit(1);
	}
	so_far++;
	if (so_far != __atomic_load_n(&field->until[i], __ATOMIC_ACQUIRE))
		return;
	if (__atomic_add_fetch(&field->arrived, 1, __ATOMIC_ACQ_REL) < field->n)
		return;
	__atomic_store_n(&field->done, 1, __ATOMIC_RELEASE);
	futex_wake(&field->done);
}

static inline int wait_for_all(void)
{
	while (!__atomic_load_n(&field->done, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&field->failed, __ATOMIC_RELAXED))
			return -EBADMSG;
		if (peers_died())
			return -ECHILD;
		futex_wait(&field->done, 0);
	}
	return 0;
}

/* @count messages of @size to @n, then wait for all. */
static inline int send_batch(unsigned n, size_t size, uint64_t count)
{
	static char message[MESSAGE_MAX];
	static uint64_t until[PEERS_MAX];
	struct head head = {.size = size};
	int r = 0;

	field->arrived = 0;
	field->n = n;
	__atomic_store_n(&field->done, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < n; i++) {
		until[i] += count;
		__atomic_store_n(&field->until[i], until[i], __ATOMIC_RELEASE);
	}
	for (uint64_t i = 0; i < count && r >= 0; i++) {
		head.number = i;
		memcpy(message, &head, sizeof(head));
		r = send_to(n, message, size);
	}
	return r < 0 ? r : wait_for_all();
}

static inline int run_batches(unsigned n, size_t size, uint64_t batches,
			      uint64_t count, double *ret_ns)
{
	double start;
	int r = 0;

	if (n > receivers)
		return -EINVAL;
	peers_begin();
	start = wall_ns();
	for (uint64_t i = 0; i < batches && !r; i++)
		r = send_batch(n, size, count);
	*ret_ns = (wall_ns() - start) / (double)(batches * count);
	peers_stop(batches * count);
	return r;
}

#define SIZE_ROW(size)                                              \
	static int run_size_##size(uint64_t count, const char *arg, \
				   double *ret_ns)                  \
	{                                                           \
		(void)arg;                                          \
		return run_batches(1, size, 1, count, ret_ns);      \
	}
#define LISTENER_ROWS(n)                                            \
	static int run_stream_##n(uint64_t count, const char *arg,  \
				  double *ret_ns)                   \
	{                                                           \
		(void)arg;                                          \
		return run_batches(n, PUBLISHED, 1, count, ret_ns); \
	}                                                           \
	static int run_step_##n(uint64_t count, const char *arg,    \
				double *ret_ns)                     \
	{                                                           \
		(void)arg;                                          \
		return run_batches(n, PUBLISHED, count, 1, ret_ns); \
	}

SIZE_ROW(32)
SIZE_ROW(1024)
SIZE_ROW(65536)
LISTENER_ROWS(1)
LISTENER_ROWS(2)
LISTENER_ROWS(4)
LISTENER_ROWS(8)
LISTENER_ROWS(64)

static inline int send_main(unsigned n)
{
	static const struct worker_row rows[] = {
		{"size-32", run_size_32},
		{"size-1024", run_size_1024},
		{"size-65536", run_size_65536},
		{"stream-1", run_stream_1},
		{"stream-2", run_stream_2},
		{"stream-4", run_stream_4},
		{"stream-8", run_stream_8},
		{"stream-64", run_stream_64},
		{"step-1", run_step_1},
		{"step-2", run_step_2},
		{"step-4", run_step_4},
		{"step-8", run_step_8},
		{"step-64", run_step_64},
		{"cpu", run_cpu},
		{NULL, NULL},
	};
	int r = send_prepare();

	if (r < 0)
		worker_fail("prepare", r);
	field = peers_share(sizeof(*field));
	receivers = n;
	return peers_work(n, send_serve, send_enter, rows);
}

#endif
