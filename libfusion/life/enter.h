/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entering again in the child of a fork. */
#ifndef FUSION_ENTER_H
#define FUSION_ENTER_H

#include "libfusion/arena/arena_private.h"

/* Join the arena of a dead handle again, by its path, in the child of a fork.
 * 0, -errno. */
int arena_rejoin(struct fusion_arena *arena);

#endif
