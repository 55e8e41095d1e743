/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slots, in which callers wait: taking one, and giving it back. */
#ifndef FUSION_CORE_CALL_SLOT_H
#define FUSION_CORE_CALL_SLOT_H

#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_private.h"

/* The next slot that was ever used, from *@at on; NULL there is no more. */
struct call_slot *call_slot_next(const struct view *v, uint32_t *at);
/* The slot of @serial, NULL: no such slot.  Who uses it checks its seq. */
struct call_slot *call_slot_of(const struct view *v, uint64_t serial);
/*
 * What has come back in @s, which is @serial, has been used, and there is no
 * block: as call_slot_free(), but if it is the thread's own slot it stays DONE
 * or FAILED until the next call, so that its line is not fetched once more.
 */
void call_slot_put_off(struct view *v, struct thread_rec *me,
		       struct call_slot *s, uint64_t serial);
/* What has come back has been used; a block of it is freed here. */
void call_slot_free(struct view *v, struct thread_rec *me, struct call_slot *s);
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

#endif
