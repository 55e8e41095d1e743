/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is there when all workers are dead, against what there should be. */
#ifndef TESTS_CRASH_AUDIT_H
#define TESTS_CRASH_AUDIT_H

#include "libfusion/arena/arena_private.h"
#include "tests/crash/work.h"

struct audit {
	uint64_t leaks;	 /* blocks that deaths have left, freed here */
	unsigned faults; /* described on stdout */
};

/* Nobody but the caller is inside.  Takes away fields, pools and leaks; there
 * may be LEAK_MAX leaks for each of @kills. */
void audit(struct audit *au, struct fusion_arena *a, unsigned kills);

/* Also the table: nothing at all may remain. */
void audit_end(struct audit *au, struct fusion_arena *a);

#endif
