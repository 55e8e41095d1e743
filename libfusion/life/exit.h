/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ending a membership. */
#ifndef FUSION_EXIT_H
#define FUSION_EXIT_H

#include "libfusion/arena/arena_private.h"

/* End the membership by @request (LEAVE, or READY with the error of a callback
 * in
 * @result), or alone if there is no daemon; then unmap the arena. */
void arena_depart(struct fusion_arena *arena, unsigned long request,
		  int result);
/* Unmap the arena, and drop the witness after that. */
void arena_unmap(struct fusion_arena *arena);

#endif
