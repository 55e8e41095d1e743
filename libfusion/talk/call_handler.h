/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner's side of a call. */
#ifndef FUSION_CALL_HANDLER_H
#define FUSION_CALL_HANDLER_H

#include "libfusion/core/talk/call_here.h"
#include "libfusion/talk/call_private.h"

/* Have the handler of sv->request execute it.  Returns what the handler
 * returned.  If it did not run, returns sv->failed, for example -EIDRM: there
 * is none.  The caller calls call_ran() when the request is answered. */
int call_run(struct calls *calls, struct serving *sv);
/* End what call_run() began. */
void call_ran(struct calls *calls, struct serving *sv);
/* Execute a request that was in its slot, and answer. */
void call_receive_here(struct fusion_arena *arena, const struct call_here *h);
/* May a handler return @r as its status? */
static inline bool is_status(int r)
{
	return r <= 0 && r >= -4095;
}

/* Answer sv->serial: with what the handler replied, if @r is 0, else with the
 * status @r; or have it fail, with sv->failed, or because @r is no status. */
int call_answer_serving(struct fusion_arena *arena, struct serving *sv, int r);
/* Free the answer that the handler replied. */
void serving_finish(struct serving *sv);
/* Is the calling thread in the handler of a call? */
bool call_in_handler(void);
/* Is it in the handler of a call of the arena? */
bool call_runs_here(const struct fusion_arena *arena);
/* Execute the request in the slot of @serial, and answer.  A thread that waits
 * in a call of its own does that. */
void call_run_upcall(struct fusion_arena *arena, uint64_t serial);
/* Handle a record that brings a request. */
void call_receive(struct fusion_arena *arena, const struct dispatched *d);

#endif
