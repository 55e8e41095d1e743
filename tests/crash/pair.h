/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs: somebody who lives works on what the victim is working on
 *
 * In each state of the victim the peer takes the same lock or property, in a
 * thread of its own on the image, until it has it or sleeps for it.  Then the
 * victim is dead and is recovered: the peer must get what it wants, by a wake
 * and nothing else, as it never looks again by itself in this build
 * (-DFUSION_NO_PROBE).
 *
 * Or the peer sleeps for what the victim holds, before the victim does
 * anything; and is woken by what the victim does, or by its recovery.
 */
#ifndef TESTS_CRASH_PAIR_H
#define TESTS_CRASH_PAIR_H

#include "tests/crash/oracle.h"

/* In the overlay that is on, in one of TALK_WAYS.  What is bad is said in *ret,
 * as the oracle does. */
void pair_ask(struct stage *s, unsigned way, struct verdict *ret);
/* A thread record of the peer's, whose process is a stand-in that does nothing;
 * NULL there is none. */
struct thread_rec *pair_peer(const struct stage *s);

struct deed;

/* On the stage itself: the peer wants what the victim holds, and sleeps.  NULL:
 * it need not, or there is nothing to want. */
struct deed *pair_begin(struct stage *s);
/* The victim is through, or (@killed) dead and reaped. */
void pair_end(struct deed *d, bool killed, struct verdict *ret);

#endif
