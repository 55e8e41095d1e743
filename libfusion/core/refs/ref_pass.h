/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts that go from one row to another: throw, catch, fork. */
#ifndef FUSION_CORE_REF_PASS_H
#define FUSION_CORE_REF_PASS_H

#include "libfusion/core/refs/ref.h"

/* One count of mine is @catcher's, once it says ref_catch().  -ESRCH no such
 * member, -EPERM I have none, -EAGAIN, -EOVERFLOW, -ENOSPC, -ENOMEM. */
int ref_throw(struct view *v, struct thread_rec *me, struct ref *r,
	      uint32_t catcher);
/* -EAGAIN none was thrown, or locked at zero. */
int ref_catch(struct view *v, struct thread_rec *me, struct ref *r);
/* A local count of mine is a global one.  -EPERM I have none; -EAGAIN,
 * -EOVERFLOW. */
int ref_globalize(struct view *v, struct thread_rec *me, struct ref *r);
/* Fork: keep as many as I have for a child; the number of refs kept.  Then the
 * child takes what @parent keeps, or the parent what is left. */
int ref_fork_hold(struct view *v, struct thread_rec *me);
int ref_fork_take(struct view *v, struct thread_rec *me,
		  struct ref_member parent);
int ref_fork_drop(struct view *v, struct thread_rec *me);

#endif
