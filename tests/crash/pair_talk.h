/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs that talk: the peer sends, dispatches, waits for an answer or gives one
 * while the victim stands still in the middle of the same
 *
 * What the peer does is whole: it puts a message of its own into the same queue
 * and an event into the same reactor, and reads until it has found both; or it
 * waits for the victim's answer; or it gives that up; or it answers what the
 * victim asks.  Where it must wait for the victim it sleeps, and is woken by
 * the recovery or not at all.
 *
 * Or it sleeps before the victim does anything, and then a message of its own
 * comes behind what the victim has done: a wake that somebody has taken upon
 * himself and not made leaves it asleep.
 */
#ifndef TESTS_CRASH_PAIR_TALK_H
#define TESTS_CRASH_PAIR_TALK_H

#include "tests/crash/oracle.h"

#define TALK_WAYS 2

struct talk;

/* The peer begins, in a thread of its own, and has ended or sleeps when this
 * returns.  NULL: there is nothing of that kind (@way 1 is giving up). */
struct talk *talk_begin(struct stage *s, unsigned way, bool sleeper);
/* The victim is through, or dead and (@buried) recovered. */
void talk_end(struct talk *t, bool buried, struct verdict *ret);

#endif
