/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_HEAP_SLOT_H
#define FUSION_HEAP_SLOT_H

#include "libfusion/arena/arena_private.h"

/* As fusion_free_from(), for a slot that lies in @arena. */
int heap_free_from(struct fusion_arena *arena, void **slot);

#endif
