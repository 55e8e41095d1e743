/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_CALL_EXECUTE_H
#define FUSION_CALL_EXECUTE_H

#include "libfusion/talk/call_private.h"

/* The slot that direct execution does without, until it is needed. */
int call_serving_slot(struct fusion_arena *arena, struct serving *sv);

#endif
