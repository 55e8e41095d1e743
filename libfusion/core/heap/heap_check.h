/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checker of a quiet heap. */
#ifndef FUSION_CORE_HEAP_CHECK_H
#define FUSION_CORE_HEAP_CHECK_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/heap/heap.h"

/* Check the heap of a quiet arena; the number of faults. */
unsigned heap_check(struct view *v, check_report_fn report, void *ctx);

#endif
