/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Property: recovery of the dead, and the checker. */
#ifndef FUSION_CORE_PROPERTY_RECOVER_H
#define FUSION_CORE_PROPERTY_RECOVER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/locks/property.h"

/* Recover the properties of a thread that is gone, the thread of @t.  @me logs.
 * Idempotent.  Returns the number of properties that are available now. */
unsigned property_recover(struct view *v, struct thread_rec *t,
			  struct thread_rec *me);

/* Check the properties of a quiet arena; the number of faults. */
unsigned property_check(struct view *v, check_report_fn report, void *ctx);

/* Count the announcements of @t for properties that @t does not have. */
unsigned property_check_thread(const struct view *v,
			       const struct thread_rec *t);

#endif
