/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checker of references. */
#ifndef FUSION_CORE_REF_CHECK_H
#define FUSION_CORE_REF_CHECK_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/refs/ref.h"

/* Check the references and rows of a quiet arena.  Returns the number of
 * faults; @report, which may be NULL, gets a line for each. */
unsigned ref_check(struct view *v, check_report_fn report, void *ctx);

#endif
