/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a request: executing it, answering it, failing it. */
#ifndef FUSION_CORE_CALL_RETURN_H
#define FUSION_CORE_CALL_RETURN_H

#include "libfusion/core/talk/call.h"

/* Tell whether somebody waits for @serial, and nobody has begun to answer. */
bool call_is_wanted(const struct view *v, uint64_t serial);
/* Have the thread execute @serial from now on, 0 nothing.  Returns what it
 * executed before. */
uint64_t call_enter(struct thread_rec *me, uint64_t serial);

/*
 * Begin to write the answer to @serial: s->ret, len, bytes and block (free what
 * is in it) are the caller's alone until call_return_end().
 *
 *   0 and *ret
 *   -ECANCELED  nobody waits for the answer any more
 *   -EIDRM      the call is destroyed
 *   -EINVAL     there is no such slot
 */
int call_return_begin(struct view *v, struct thread_rec *me, uint64_t serial,
		      struct call_slot **ret);
/* Publish the answer: DONE, and @error is its status, 0 or an errno; or FAILED
 * with the errno @error, as there is none. */
void call_return_end(struct view *v, struct thread_rec *me, struct call_slot *s,
		     unsigned state, int error);

/* Have all pending executions of the call fail with @error; of one member
 * @caller only those for which somebody waits.  Returns their number. */
unsigned call_fail_all(struct view *v, struct call *c, uint32_t id,
		       uint32_t caller, int error);
/* Have the request fail if it is posted, as its word @st says; true if it fails
 * now.  If it has failed already, tell its caller once more: the thread that
 * failed it may have died before it could. */
bool call_fail_seen(struct view *v, struct call_slot *s, uint64_t st,
		    int error);
/* Tell the caller that waits in @s, whose word was @st, to look at it.  May be
 * repeated. */
void call_tell(struct view *v, const struct call_slot *s, uint64_t st);
/* End a RETURNING slot with @state, DONE or FAILED: for the thread that is
 * returning, and for its recovery.  @error as in call_return_end().  @me frees
 * a block that nobody wants. */
void call_finish(struct view *v, struct thread_rec *me, struct call_slot *s,
		 unsigned state, int error);

#endif
