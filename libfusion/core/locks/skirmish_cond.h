/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Skirmish: the condition. */
#ifndef FUSION_CORE_SKIRMISH_COND_H
#define FUSION_CORE_SKIRMISH_COND_H

#include "libfusion/core/locks/skirmish.h"

/*
 * Give all levels of @s back, sleep until the next notify, and take them again.
 * May return without a notify.  @wait limits the sleep only.
 * 0 and -EOWNERDEAD as skirmish_lock().
 * -ETIMEDOUT, -EINTR the wait is over; @me holds the lock.
 * -EPERM @me does not hold it, or others have borrowed it (lend.h).
 * -EIDRM @s is destroyed.
 */
int skirmish_wait(struct view *v, struct thread_rec *me, struct skirmish *s,
		  struct wait *wait);
/*
 * Notify one thread that waits for the condition of @s, or @all of them.  They
 * go on after @me has unlocked.
 * 0; -EPERM @me does not hold it; -EIDRM @s is destroyed.
 */
int skirmish_notify(struct view *v, struct thread_rec *me, struct skirmish *s,
		    bool all);

#endif
