/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checker of a quiet arena. */
#ifndef FUSION_CORE_CHECK_H
#define FUSION_CORE_CHECK_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/recovery/recover.h"

/*
 * Check every invariant of a quiet arena: nobody is inside an operation.
 *
 * Returns the number of faults; @report, which may be NULL, gets a line for
 * each.  Only reads, in bounded time.  Hostile content does no harm but SIGBUS.
 */
unsigned arena_check(struct view *v, check_report_fn report, void *ctx);

#endif
