/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Core locks: robust locks for our own tables
 *
 * announce in held[] -> CAS free to token -> ... -> exchange to 0, wake ->
 * clear the announcement.  Not recursive.  Order: docs/locking.md.
 *
 * Death: recovery reads held[] of the dead thread, finishes its intent and
 * only then frees a word that still has its token; entries whose word is
 * another's cost one spurious wake.  A waiter that has slept SUSPECT_FIRST_NS
 * probes the owner (liveness.h) and recovers it by itself: no daemon needed.
 */
#ifndef FUSION_CORE_LOCK_H
#define FUSION_CORE_LOCK_H

#include "libfusion/core/file/view.h"

/* Lock @l for the thread of record @me.  0; -ETIMEDOUT after v->patience_ns
 * (only if that is set; at once, and v->met is the owner and v->met_at
 * the lock, if it is NEVER_SLEEP); -EDEADLK if @me has it already. */
int core_lock(struct view *v, struct thread_rec *me, struct core_lock *l);
/* The same with a patience of its own, 0: for ever. */
int core_lock_for(struct view *v, struct thread_rec *me, struct core_lock *l,
		  int64_t patience_ns);
void core_unlock(struct view *v, struct thread_rec *me, struct core_lock *l);

/* Recovery: drop what the dead @t holds or waits for.  Idempotent. */
void core_lock_recover(struct view *v, struct thread_rec *t);
/* The same for one lock, if the dead @t holds it. */
void core_lock_recover_one(struct thread_rec *t, struct core_lock *l);

#endif
