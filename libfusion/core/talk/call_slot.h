/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slots, in which callers wait: taking one and giving it back. */
#ifndef FUSION_CORE_CALL_SLOT_H
#define FUSION_CORE_CALL_SLOT_H

#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_private.h"

/* Find the next slot that was ever used, from *@at on; NULL if there is
 * none. */
struct call_slot *call_slot_next(const struct view *v, uint32_t *at);
/* Find the slot of @serial; NULL if there is no such slot.  The caller checks
 * its number. */
struct call_slot *call_slot_of(const struct view *v, uint64_t serial);
/* Free slot @s after its answer was used.  The answer is of execution @serial
 * and has no block.  If the slot is the thread's own, it stays DONE or FAILED
 * until the thread's next call, so that its cache line is not fetched once
 * more. */
void call_slot_put_off(struct view *v, struct thread_rec *me,
		       struct call_slot *s, uint64_t serial);
/* Free slot @s after its answer was used; a block of it is freed, too. */
void call_slot_free(struct view *v, struct thread_rec *me, struct call_slot *s);
/* Take an idle slot for the thread of @me: its own one, or for nested and
 * one-way calls one of the slots that all threads share.
 *
 *   0        *ret is the slot
 *   -EAGAIN  no slot is free
 *   -ENOMEM  the arena cannot grow
 */
int call_slot_take(struct view *v, struct thread_rec *me, bool oneway,
		   struct call_slot **ret);
/* Give up the ownership of an idle slot.  Killed before this: the slot is
 * stolen when no other is free. */
void call_slot_leave(struct view *v, struct call_slot *s, uint32_t owner);
/* Make the slot idle with the next number and give it up, if its word still is
 * *@st.  False: *@st is what the word is now. */
bool call_slot_end(struct view *v, struct call_slot *s, uint64_t *st);
/* Tell whether the slot is DONE or FAILED, as @st says, and its caller has used
 * the answer. */
bool call_is_put_off(const struct view *v, const struct call_slot *s,
		     uint64_t st);
/* Free the block of the slot, if it has one. */
void call_slot_free_block(struct view *v, struct thread_rec *me,
			  struct call_slot *s);

#endif
