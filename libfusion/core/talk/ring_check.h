/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checker of rings. */
#ifndef FUSION_CORE_RING_CHECK_H
#define FUSION_CORE_RING_CHECK_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/talk/ring.h"

/* Check the queues of members in a quiet arena.  Returns the number of faults;
 * @report, which may be NULL, gets a line for each. */
unsigned ring_check(struct view *v, check_report_fn report, void *ctx);

#endif
