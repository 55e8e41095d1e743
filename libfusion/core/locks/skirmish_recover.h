/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Skirmish: recovery of the dead, and the checker. */
#ifndef FUSION_CORE_SKIRMISH_RECOVER_H
#define FUSION_CORE_SKIRMISH_RECOVER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/locks/skirmish.h"

/*
 * Recover the locks of the thread of @t, which is gone.  Locks that it held get
 * the mark of a dead owner.  It waits for nothing any more, and is no borrower
 * any more.  @me locks and logs.  Idempotent.
 * 0; -ETIMEDOUT as lend_lock().
 */
int skirmish_recover(struct view *v, struct thread_rec *t,
		     struct thread_rec *me);

/* Check the skirmishes of a quiet arena; the number of faults. */
unsigned skirmish_check(struct view *v, check_report_fn report, void *ctx);
/* Count the announcements of @t for locks that @t neither holds, has borrowed,
 * nor waits for. */
unsigned skirmish_check_thread(const struct view *v,
			       const struct thread_rec *t);

#endif
