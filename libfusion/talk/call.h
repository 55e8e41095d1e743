/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_CALL_OF_PROCESS_H
#define FUSION_CALL_OF_PROCESS_H

#include "libfusion/talk/call_private.h"

/* The arena's; NULL: no memory. */
struct calls *calls_of(struct fusion_arena *arena);
/* The process leaves. */
void calls_stop(struct fusion_arena *arena);
void calls_after_fork(struct fusion_arena *arena);

/* Where @size bytes of the request or answer in @s are; NULL: its block has not
 * so many, or is none. */
const void *call_bytes(struct fusion_arena *arena, const struct call_slot *s,
		       size_t size);
static inline struct call *call_of(struct fusion_call *call)
{
	return (struct call *)call;
}

#endif
