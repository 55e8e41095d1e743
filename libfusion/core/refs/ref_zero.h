/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock that keeps a reference at zero, and the watch. */
#ifndef FUSION_CORE_REF_ZERO_H
#define FUSION_CORE_REF_ZERO_H

#include "libfusion/core/base/wait.h"
#include "libfusion/core/refs/ref.h"

/*
 * Lock @r at zero: wait until its total is 0 and keep it there.  @wait says how
 * long.  The try forms
 * do not wait; ref_zero_trylock_id() wants the ref to have @id still.
 *
 *   0
 *   -EBUSY      (try) the total is not 0, or the ref is locked already
 *   -ETIMEDOUT, -EINTR  the wait is over
 *   -ESRCH, -ENOSPC, -ENOMEM as row_make()
 */
int ref_zero_lock(struct view *v, struct thread_rec *me, struct ref *r,
		  struct wait *wait);
int ref_zero_trylock(struct view *v, struct thread_rec *me, struct ref *r);
int ref_zero_trylock_id(struct view *v, struct thread_rec *me, struct ref *r,
			uint32_t id);
/* Unlock @r.  0; -EPERM the caller's member has not locked it. */
int ref_unlock(struct view *v, struct thread_rec *me, struct ref *r);
/*
 * Watch @r: each fall bumps the ref_seq of the caller's member from now on.
 * *ret_falls is the number of falls before.
 *
 *   0
 *   -EBUSY   the ref is watched
 *   -EINVAL  the total is 0
 *   -ESRCH, -ENOSPC, -ENOMEM as row_make()
 */
int ref_watch(struct view *v, struct thread_rec *me, struct ref *r,
	      uint64_t *ret_falls);
/* End the watch of the caller's member.  0; -EPERM it does not watch. */
int ref_unwatch(struct view *v, struct thread_rec *me, struct ref *r);
/* Wake the threads that watch references and objects for the member in @slot,
 * or for all members.  A slot that makes no sense is ignored. */
void ref_watcher_wake(const struct view *v, uint32_t slot);
void ref_watchers_wake(const struct view *v);

#endif
