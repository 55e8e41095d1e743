/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Core locks: robust locks for the tables of core
 *
 * A thread announces the lock in core_locks[], takes it with a CAS of the word
 * from free to its token, gives it back with an exchange to 0, wakes a waiter,
 * and clears the announcement.  Core locks are not recursive.  Their order is
 * drawn in docs/locking.md.
 *
 * Death: recovery reads core_locks[] of the dead thread, finishes its intent,
 * and only then frees a word that still has its token.  An announcement whose
 * word is another thread's costs one spurious wake.  A waiter that has slept
 * SUSPECT_FIRST_NS probes the owner (liveness.h), and recovers it if it is
 * dead: no daemon is needed.
 */
#ifndef FUSION_CORE_LOCK_H
#define FUSION_CORE_LOCK_H

#include "libfusion/core/file/view.h"

/*
 * Lock @l for the thread of record @me.
 * 0.
 * -ETIMEDOUT v->patience_ns is set and has passed.  If it is NEVER_SLEEP: at
 * once, and v->met is the owner and v->met_at the lock.
 * -EDEADLK @me holds it already, or holds THREAD_CORE_LOCKS locks.
 */
int core_lock(struct view *v, struct thread_rec *me, struct core_lock *l);
/* Lock @l with @patience_ns instead of v->patience_ns; 0 for ever. */
int core_lock_for(struct view *v, struct thread_rec *me, struct core_lock *l,
		  int64_t patience_ns);
/* Unlock @l, and wake a waiter. */
void core_unlock(struct view *v, struct thread_rec *me, struct core_lock *l);

/* Recover all locks that the dead thread of @t holds or waits for.
 * Idempotent. */
void core_lock_recover(struct view *v, struct thread_rec *t);
/* Recover one lock, if the dead thread of @t holds it. */
void core_lock_recover_one(struct thread_rec *t, struct core_lock *l);

#endif
