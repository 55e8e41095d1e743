/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_ENTER_H
#define FUSION_ENTER_H

#include "libfusion/arena/arena_private.h"

/* Join again under the same path, as the child of a fork does.  0, -errno. */
int arena_rejoin(struct fusion_arena *arena);

#endif
