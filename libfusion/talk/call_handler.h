/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_CALL_HANDLER_H
#define FUSION_CALL_HANDLER_H

#include "libfusion/core/talk/call_here.h"
#include "libfusion/talk/call_private.h"

/* Have the handler of sv->request execute it.  What it returned; -EIDRM there
 * is none.  Then call_ran(). */
int call_run(struct calls *calls, struct serving *sv);
void call_ran(struct calls *calls, struct serving *sv);
/* Execute a request that was in its slot, and answer. */
void call_receive_here(struct fusion_arena *arena, const struct call_here *h);
/* Answer sv->serial with what the handler replied, or with error @r. */
int call_answer_serving(struct fusion_arena *arena, struct serving *sv, int r);
void serving_finish(struct serving *sv);
/* Is the calling thread in a handler? */
bool call_in_handler(void);
/* Execute what the slot of @serial has; for who waits in a call. */
void call_run_upcall(struct fusion_arena *arena, uint64_t serial);
/* Handle a record that brings a request. */
void call_receive(struct fusion_arena *arena, const struct dispatched *d);

#endif
