/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reference at zero: the lock that keeps it there, and its watch. */
#ifndef FUSION_CORE_REF_ZERO_H
#define FUSION_CORE_REF_ZERO_H

#include "libfusion/core/refs/ref.h"

/* Wait until the total is 0 and keep it there.  -ETIMEDOUT; (trylock) -EBUSY
 * it is not 0, or locked already. */
int ref_zero_lock(struct view *v, struct thread_rec *me, struct ref *r,
		  int64_t deadline_ns);
int ref_zero_trylock(struct view *v, struct thread_rec *me, struct ref *r);
/* The same, if it is the one with @id still. */
int ref_zero_trylock_id(struct view *v, struct thread_rec *me, struct ref *r,
			uint32_t id);
/* -EPERM another member has it, or none. */
int ref_unlock(struct view *v, struct thread_rec *me, struct ref *r);
/* Have falls bump the member's ref_seq.  *ret_falls: so many before it.
 * -EBUSY it is watched, -EINVAL the total is 0. */
int ref_watch(struct view *v, struct thread_rec *me, struct ref *r,
	      uint64_t *ret_falls);
int ref_unwatch(struct view *v, struct thread_rec *me, struct ref *r);
/* Wake the thread of the member in @slot that watches references and objects;
 * those of all members.  A slot that makes no sense is ignored. */
void ref_watcher_wake(const struct view *v, uint32_t slot);
void ref_watchers_wake(const struct view *v);

#endif
