/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_NOTICE_H
#define FUSION_NOTICE_H

#include "libfusion/arena/arena_private.h"

void notice_stop(struct fusion_arena *arena);

#endif
