/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests: post one, bring it to the owner, take it back. */
#ifndef FUSION_CORE_CALL_REQUEST_H
#define FUSION_CORE_CALL_REQUEST_H

#include "libfusion/core/talk/call.h"

/* What a caller wants. */
struct call_request {
	struct call *call;
	uint32_t id;	 /* of the call, as the caller saw it */
	uint32_t caller; /* member id, 0 a visitor */
	uint32_t flags;	 /* SLOT_VISITOR, SLOT_ONEWAY */
	uint64_t word;
	uint32_t size;	/* bytes that follow the word */
	bool unlimited; /* no quota counts */
};

/*
 * Take a slot and post the request in it.  The execution is pending from now
 * on, and the owner does not know of it yet.
 *
 *   0 and *ret
 *   -EDQUOT      the quota is used up
 *   -EAGAIN      no slot is free
 *   -EIDRM       the call is destroyed
 *   -EHOSTDOWN   the owner of the call is not inside
 *   -ENOMEM      the arena cannot grow
 *   -ETIMEDOUT   the call's lock was not free in time
 */
int call_begin(struct view *v, struct thread_rec *me,
	       const struct call_request *rq, struct call_slot **ret);
/*
 * As call_begin(), for a request of at most SLOT_INLINE bytes @in.  If the
 * owner attends to the slot, the request stays in it (HERE, see call_here.h).
 *
 *   1 nothing is left to do: the request is HERE, or somebody has ended it
 *   0 the caller brings it to the owner with call_message()
 *   errors as call_begin()
 */
int call_begin_here(struct view *v, struct thread_rec *me,
		    const struct call_request *rq, const void *in,
		    struct call_slot **ret);
/*
 * Queue the request with the owner.  @data is the word and then the bytes; if
 * it is NULL, the block in me->msg_block has them, and stays there if this
 * fails.  @serial is 0 if nobody waits.
 *
 *   As message_post(), but -EHOSTDOWN for -ESRCH
 */
int call_message(struct view *v, struct thread_rec *me,
		 const struct call_request *rq, uint64_t serial,
		 const void *data, struct owed *owed);
/* Undo call_begin(), which has posted the request with number @seq, after
 * call_message() has failed. */
void call_drop(struct view *v, struct thread_rec *me, struct call_slot *s,
	       uint32_t seq);
/* Take a posted request back.  True: the slot is idle.  False: somebody is
 * returning it or has ended it, or it has an upcall; *st is its word. */
bool call_withdraw(struct view *v, struct thread_rec *me, struct call_slot *s,
		   uint64_t *st);
/* Leave the slot to the thread that is returning the answer, which will free
 * it.  False: nobody is returning it, or it has an upcall; *st is its word. */
bool call_abandon(struct call_slot *s, uint64_t *st);

#endif
