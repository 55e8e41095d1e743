/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spinning: how long a thread looks before it sleeps
 *
 * A thread that waits for an answer or a message looks for it for a while: a
 * peer on another processor is faster than two system calls.  A spinner keeps
 * what it has learnt.  When looking was in vain it looks half as long next
 * time, when looking paid it looks twice as long, between SPIN_MIN_NS (a
 * glance) and the limit of the process.
 *
 * Now and then it looks as long as it may, whatever it has learnt.  For two
 * peers that have both learnt to sleep would wake each other for ever, though
 * two peers that look are many times as fast.  It does so ever more rarely
 * while that is in vain.  A thread that loses its processor while it looks only
 * glances next time, as looking keeps the processor from threads that have
 * something to do.  On one processor no thread looks.
 */
#ifndef FUSION_SPIN_H
#define FUSION_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* More than it takes to wake a thread, also in a virtual machine: a shorter
 * look would not meet a peer that has to be woken first. */
#define SPIN_DEFAULT_NS 50000
#define SPIN_MIN_NS 1000
#define SPIN_TRY_FIRST 16u /* times in vain before a long look ... */
#define SPIN_TRY_LAST 256u /* ... when these are in vain, too */

/* What one place of waiting has learnt; zeroed at first. */
struct spinner {
	int64_t budget_ns; /* 0: not asked yet */
	uint32_t in_vain;  /* since the last long look */
	uint32_t every;
};

/* Return the process' limit: that of fusion_set_spin(), else $FUSION_SPIN_NS,
 * else SPIN_DEFAULT_NS, or 0 if the process may run on one processor only. */
int64_t spin_limit_ns(void);

/* Call @look(@ctx) until it is true or the budget is used up.  Returns what it
 * returned last. */
bool spin_until(struct spinner *s, bool (*look)(void *), void *ctx);

#endif
