/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REF_WATCH_H
#define FUSION_REF_WATCH_H

#include "libfusion/arena/arena_private.h"

/* What the watching thread also calls each time it wakes. */
typedef void (*watch_hook)(struct fusion_arena *arena);

/* Start the watching thread if it does not run.  From now on it calls @also
 * too; NULL keeps the hook that it has.  0, -errno. */
int watch_start(struct fusion_arena *arena, watch_hook also);
/* Stop all watches of this process, and wait for their functions. */
void watch_stop(struct fusion_arena *arena);

#endif
