/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery and checker of calls. */
#ifndef FUSION_CORE_CALL_RECOVER_H
#define FUSION_CORE_CALL_RECOVER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/talk/call.h"

/* A thread is gone: what it was returning, what it waited for, and @alone (its
 * member lives) what it executed.  @me frees blocks: @t itself if it is just
 * ending.  0, -EIO. */
int call_recover(struct view *v, struct thread_rec *t, struct thread_rec *me,
		 bool alone);
/* The member in @slot executes nothing any more, and wakes nobody. */
int call_recover_member(struct view *v, uint32_t slot);
/* Faults of a quiet arena's calls. */
unsigned call_check(struct view *v, check_report_fn report, void *ctx);

#endif
