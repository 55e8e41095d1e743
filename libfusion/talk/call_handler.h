/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner's side of a call. */
#ifndef FUSION_CALL_HANDLER_H
#define FUSION_CALL_HANDLER_H

#include "libfusion/core/talk/call_here.h"
#include "libfusion/talk/call_private.h"

/* Have the handler of sv->request execute it.  Returns what the handler
 * returned; -EIDRM there is none.  The caller calls call_ran() afterwards. */
int call_run(struct calls *calls, struct serving *sv);
/* Leave the handler that call_run() entered. */
void call_ran(struct calls *calls, struct serving *sv);
/* Execute a request that was in its slot, and answer. */
void call_receive_here(struct fusion_arena *arena, const struct call_here *h);
/* Answer sv->serial with what the handler replied, or with error @r. */
int call_answer_serving(struct fusion_arena *arena, struct serving *sv, int r);
/* Free the answer that the handler replied. */
void serving_finish(struct serving *sv);
/* Is the calling thread in the handler of a call? */
bool call_in_handler(void);
/* Execute the request in the slot of @serial, and answer.  A thread that waits
 * in a call of its own does that. */
void call_run_upcall(struct fusion_arena *arena, uint64_t serial);
/* Handle a record that brings a request. */
void call_receive(struct fusion_arena *arena, const struct dispatched *d);

#endif
