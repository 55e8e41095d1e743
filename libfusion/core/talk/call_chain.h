/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls within calls. */
#ifndef FUSION_CORE_CALL_CHAIN_H
#define FUSION_CORE_CALL_CHAIN_H

#include "libfusion/core/talk/call.h"

/*
 * Step up the chain: return the slot of *serial, and have *serial name the call
 * that its caller was executing.  NULL ends the chain: the caller has gone on,
 * or nobody waits (one-way).  All this was so once, and may have changed.
 */
struct call_slot *call_chain(const struct view *v, uint64_t *serial);
/* Find the thread that executes @serial: its token, 0 none. */
uint32_t call_executor(const struct view *v, uint64_t serial);
/* The owner of the request in slot @s, whose word is @st, is gone.  Return
 * ECONNRESET if a thread of it may have begun to execute the request, else
 * EHOSTDOWN. */
int call_gone_error(const struct view *v, const struct call_slot *s,
		    uint64_t st);

/* Find the slot in which a thread of member @id waits, further up the chain of
 * what @me executes; *ret_st is its word.  NULL: no thread of it does. */
struct call_slot *call_waits_above(const struct view *v,
				   const struct thread_rec *me, uint32_t id,
				   uint64_t *ret_st);
/* Ask the thread that waits in @s, whose word is @st, to execute @serial, whose
 * slot has the request.  False: it cannot. */
bool call_upcall(struct call_slot *s, uint64_t st, uint64_t serial);
/* Take the upcall off @s: its serial, 0 none. */
uint64_t call_upcall_take(struct call_slot *s);

#endif
