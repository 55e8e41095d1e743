/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Skirmish: waiting, asleep or without sleeping. */
#ifndef FUSION_CORE_SKIRMISH_QUEUE_H
#define FUSION_CORE_SKIRMISH_QUEUE_H

#include "libfusion/core/locks/skirmish.h"

/*
 * Try to lock @s; if another thread holds it, stay announced as a waiter, and
 * become the heir if there is none.  The caller calls again when the lock may
 * be free.  For a caller that must not sleep: the daemon, which has a record
 * for each of its visitors.
 * 0 and -EOWNERDEAD locked, and the wait is over.
 * -EBUSY the wait goes on.
 * Other errors as skirmish_try(): not locked, and the wait is over.
 */
int skirmish_queue(struct view *v, struct thread_rec *me, struct skirmish *s);
/* Give up the wait that skirmish_queue() began.  A lock that was handed over
 * meanwhile is given back. */
void skirmish_unqueue(struct view *v, struct thread_rec *me,
		      struct skirmish *s);

/* --- For the files of the skirmish only ------------------------------------
 */

#define SKIRMISH_SPIN_MAX 1000 /* pauses of a whole spin */

/*
 * Lock @s, which had @id and which @me announces, waiting as @wait says.
 * @more is SKIRMISH_WAIT for a thread that was woken: others may sleep behind
 * it.  0 and -EOWNERDEAD locked; else as skirmish_lock(): not locked, and still
 * announced.
 */
int skirmish_lock_slow(struct view *v, struct thread_rec *me,
		       struct skirmish *s, uint32_t id, uint64_t more,
		       struct wait *wait);
/* Announce that @t waits for the lock of @what (index + 1), or for none (0). */
void skirmish_announce_wait(struct thread_rec *t, uint32_t what);

#endif
