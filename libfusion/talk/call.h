/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process keeps of the calls of an arena. */
#ifndef FUSION_CALL_OF_PROCESS_H
#define FUSION_CALL_OF_PROCESS_H

#include "libfusion/talk/call_private.h"

/* Return the arena's calls, made when there are none; NULL: no memory. */
struct calls *calls_of(struct fusion_arena *arena);
/* Wake owed sleepers, end the thread and free all handlers, as the process
 * leaves. */
void calls_stop(struct fusion_arena *arena);
/* Forget the parent's calls, in the child of a fork. */
void calls_after_fork(struct fusion_arena *arena);

/* Return where @size bytes of the request or answer in slot @s are; NULL: its
 * block is shorter, or is not a block. */
const void *call_bytes(struct fusion_arena *arena, const struct call_slot *s,
		       size_t size);

/* Return the record of a call's handle. */
static inline struct call *call_of(const struct fusion_call *call)
{
	return handle_entry(call);
}

#endif
