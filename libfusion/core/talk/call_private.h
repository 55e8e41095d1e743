/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of calls share: call.c, call_slot.c, call_here.c,
 * call_recover.c. */
#ifndef FUSION_CORE_CALL_PRIVATE_H
#define FUSION_CORE_CALL_PRIVATE_H

#include "libfusion/core/talk/call.h"

/* Flags that stay when a slot is answered or fails. */
#define SLOT_KEPT (SLOT_SLEEP | SLOT_UPCALL | SLOT_VISITOR | SLOT_LENT)

/* --- call_slot.c ---------------------------------------------------------- */

/* An idle slot for the thread of @me: its own, or for nested and one-way calls
 * one of those behind.  0, -EAGAIN there are none, -ENOMEM. */
int call_slot_take(struct view *v, struct thread_rec *me, bool oneway,
		   struct call_slot **ret);
/* An idle slot is not @owner's any more.  Killed before this: it is stolen when
 * there are no others. */
void call_slot_leave(struct view *v, struct call_slot *s, uint32_t owner);
/* Idle with the next seq, and left, if its word still is *@st; else *@st is
 * what it is. */
bool call_slot_end(struct view *v, struct call_slot *s, uint64_t *st);
/* DONE or FAILED, as @st says, and its caller has gone on. */
bool call_is_put_off(const struct view *v, const struct call_slot *s,
		     uint64_t st);
/* The block that it has, if any. */
void call_slot_free_block(struct view *v, struct thread_rec *me,
			  struct call_slot *s);

/* --- call_here.c ---------------------------------------------------------- */

/* Does the owner of @c attend to the slot of index @slot? */
bool call_is_attended(const struct view *v, const struct call *c,
		      uint32_t slot);

/* --- call.c --------------------------------------------------------------- */

/* Who waits, whose word was @st, looks; again if need be. */
void call_tell(struct view *v, const struct call_slot *s, uint64_t st);
/* If it is posted, as @st says, it fails now: true.  If it was failed by who
 * died before he could tell: tell. */
bool call_fail_seen(struct view *v, struct call_slot *s, uint64_t st,
		    int error);
/* RETURNING by a thread that is here: the answer is whole, or there is none.
 * @me frees what nobody wants any more. */
void call_finish(struct view *v, struct thread_rec *me, struct call_slot *s,
		 unsigned state, int error);

#endif
