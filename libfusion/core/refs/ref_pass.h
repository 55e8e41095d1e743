/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts that go from one row to another: throw, catch, fork. */
#ifndef FUSION_CORE_REF_PASS_H
#define FUSION_CORE_REF_PASS_H

#include "libfusion/core/refs/ref.h"

/*
 * Throw one count of the caller's member to member @catcher, which has it once
 * it catches it.
 *
 *   0
 *   -ESRCH      @catcher is not inside
 *   -EPERM      the caller's member has no count
 *   -EBUSY      the ref is locked at zero
 *   -EOVERFLOW  too many are pending
 *   -ENOSPC     there is no row left
 *   -ENOMEM     the arena cannot grow
 */
int ref_throw(struct view *v, struct thread_rec *me, struct ref *r,
	      uint32_t catcher);
/* Catch one count.  0; -ENODATA none was thrown; -EOVERFLOW. */
int ref_catch(struct view *v, struct thread_rec *me, struct ref *r);
/* Turn one local count of the caller's member into a global one.  0; -EPERM it
 * has none; -EBUSY the ref is locked at zero; -EOVERFLOW. */
int ref_globalize(struct view *v, struct thread_rec *me, struct ref *r);
/* Fork, in three steps: ref_fork_hold() keeps for the child as many counts as
 * the caller's member has, of each ref.  Then the child takes with
 * ref_fork_take() what @parent keeps for it, or the parent drops with
 * ref_fork_drop() what is left.  Each returns the number of refs, or -errno. */
int ref_fork_hold(struct view *v, struct thread_rec *me);
int ref_fork_take(struct view *v, struct thread_rec *me,
		  struct ref_member parent);
int ref_fork_drop(struct view *v, struct thread_rec *me);

#endif
