/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls' load, compiled once for each means of calling
 *
 * One word goes to another process, and one comes back.  The includer says how:
 *
 *   call_prepare()  once, before there is a callee
 *   call_serve()    in the callee: peers_ready(), then serve for ever
 *   call_enter()    in the caller, when the callee is ready
 *   call_once(w)    the answer is w + 1; -errno
 *   CALL_TURN(on)   a turn begins, or ends; if anything is to be done then
 *
 * Rows: trip, ns per round trip; cpu, processor time of the last one.
 *
 * Each has a processor and goes before others (SCHED_FIFO): see worker.h.
 */
#ifndef BENCH_CALL_LOAD_H
#define BENCH_CALL_LOAD_H

#include "peers.h"

#ifndef CALL_TURN
#define CALL_TURN(on)
#endif

static int call_prepare(void);
static void call_serve(void);
static int call_enter(void);
static int64_t call_once(uint32_t word);

static inline void call_serve_pinned(unsigned i)
{
	worker_pin((int)i + 1);
	worker_first(true);
	call_serve();
}

static inline int run_trip(uint64_t n, const char *arg, double *ret_ns)
{
	int64_t r = 0;
	double start;

	(void)arg;
	worker_first(true);
	CALL_TURN(true);
	peers_begin();
	start = wall_ns();
	for (uint64_t i = 0; i < n && r >= 0; i++) {
		uint32_t word = (uint32_t)i & INT32_MAX;

		r = call_once(word);
		if (r >= 0 && r != (int64_t)word + 1)
			r = -EBADMSG;
	}
	*ret_ns = (wall_ns() - start) / (double)n;
	peers_stop(n);
	CALL_TURN(false);
	worker_first(false);
	return r < 0 ? (int)r : 0;
}

static inline int call_main(void)
{
	static const struct worker_row rows[] = {
		{"trip", run_trip},
		{"cpu", run_cpu},
		{NULL, NULL},
	};
	int r = call_prepare();

	if (r < 0)
		worker_fail("prepare", r);
	peers_start(1, call_serve_pinned);
	worker_pin(0);
	worker_first(true);
	r = call_enter();
	if (r < 0)
		worker_fail("enter", r);
	worker_first(false);
	r = worker_serve(rows);
	peers_end();
	return r;
}

#endif
