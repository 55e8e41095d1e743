/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables: the checker. */
#ifndef FUSION_CORE_TABLE_CHECK_H
#define FUSION_CORE_TABLE_CHECK_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/names/table.h"

/* Check one table of a quiet arena; the number of faults. */
unsigned table_check(struct view *v, enum entry_kind kind,
		     check_report_fn report, void *ctx);

#endif
