/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REF_WATCH_H
#define FUSION_REF_WATCH_H

#include "libfusion/arena/arena_private.h"

/* What the watching thread calls besides at each look. */
typedef void (*watch_hook)(struct fusion_arena *arena);

/* Have the thread that looks when this member is rung; it calls @also from now
 * on, NULL: what it has called before.  0, -errno. */
int watch_start(struct fusion_arena *arena, watch_hook also);
/* No watch of this process' any more; no function of one is running. */
void watch_stop(struct fusion_arena *arena);

#endif
