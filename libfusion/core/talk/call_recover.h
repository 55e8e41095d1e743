/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery of calls, and their checker. */
#ifndef FUSION_CORE_CALL_RECOVER_H
#define FUSION_CORE_CALL_RECOVER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/talk/call.h"

/*
 * End what the dead thread @t had to do with calls: the answer that it was
 * returning, the slots in which it waited, and, if it died @alone (its member
 * lives), what it executed.  @me frees blocks; it is @t itself if the thread
 * just ends.
 *
 *   0
 *   -EIO  a slot makes no sense
 */
int call_recover(struct view *v, struct thread_rec *t, struct thread_rec *me,
		 bool alone);
/* Fail all requests that are POSTED to the member in @slot, and wake the
 * consumers of all queues: the member may have owed a wake. 0. */
int call_recover_member(struct view *v, uint32_t slot);
/* Check the calls and slots of a quiet arena.  Returns the number of faults;
 * @report, which may be NULL, gets a line for each. */
unsigned call_check(struct view *v, check_report_fn report, void *ctx);

#endif
