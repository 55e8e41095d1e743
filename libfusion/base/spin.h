/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long to look before one sleeps
 *
 * Who waits for an answer or for the next message looks for it for a while: a
 * peer on another processor is faster than two system calls.  A spinner keeps
 * what it has learnt: when looking was in vain it looks half as long next time,
 * when it paid twice as long, within SPIN_MIN_NS (a glance) and the process'
 * limit.  Now and then it looks as long as it may, whatever it has learnt: two
 * who have both learnt to sleep wake each other for ever, where two who look
 * are many times as fast.  It does so ever more rarely while that is in vain;
 * and who loses its processor meanwhile only glances next time, as looking
 * keeps those from it who have something to do.  On one processor nobody looks
 * at all.
 */
#ifndef FUSION_SPIN_H
#define FUSION_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* More than it takes to wake somebody, also in a virtual machine: with less
 * nobody is found who had to be woken first. */
#define SPIN_DEFAULT_NS 50000
#define SPIN_MIN_NS 1000
#define SPIN_TRY_FIRST 16u /* times in vain before a long look ... */
#define SPIN_TRY_LAST 256u /* ... when these are in vain, too */

struct spinner {
	int64_t budget_ns; /* 0: not asked yet */
	uint32_t in_vain;  /* since the last long look */
	uint32_t every;
};

/* The process' limit: fusion_set_spin(), else $FUSION_SPIN_NS, else
 * SPIN_DEFAULT_NS, or 0 if it may run on one processor only. */
int64_t spin_limit_ns(void);

/* Call @look(@ctx) until it is true or the budget is used up.  What it said. */
bool spin_until(struct spinner *s, bool (*look)(void *), void *ctx);

#endif
