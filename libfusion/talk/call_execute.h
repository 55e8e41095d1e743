/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's side of a call. */
#ifndef FUSION_CALL_EXECUTE_H
#define FUSION_CALL_EXECUTE_H

#include "libfusion/talk/call_private.h"

/* Give the direct execution @sv a slot, which it does without until then.  0,
 * -errno. */
int call_serving_slot(struct fusion_arena *arena, struct serving *sv);

#endif
