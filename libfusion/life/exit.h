/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_EXIT_H
#define FUSION_EXIT_H

#include "libfusion/arena/arena_private.h"

/* Not a member any more: say so by @request (LEAVE, or READY with a callback's
 * error in @result), or do it alone if there is no daemon; then unmap. */
void arena_depart(struct fusion_arena *arena, unsigned long request,
		  int result);
void arena_unmap(struct fusion_arena *arena);

#endif
