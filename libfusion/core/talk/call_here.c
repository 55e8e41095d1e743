/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that stay in their slots
 *
 * A dispatcher that spins for work also looks at the slots of its last callers,
 * as long as ring_ctl.attended names them: it attends to them.  A small request
 * from such a slot needs no record in a queue: one cache line goes to the owner
 * with the request and comes back with the answer.
 *
 *   the caller                        the dispatcher that attends
 *   slot POSTED|HERE                  take HERE off what it has begun
 *   fence                             attended = 0
 *   attended? else take HERE off,     fence
 *   and write a record                HERE? take it off, and execute it
 *
 * Invariant: HERE is taken off by a CAS, so one of the two sees to the request.
 * While the slot is attended only the dispatcher takes it off.  The dispatcher
 * may begin to execute the request first, remembers that, and takes HERE off
 * before it stops attending.
 *
 * Killed:
 *
 *   caller   its slots are recovered as if they were not HERE
 *   owner    its callers fail (call.h); the ring's next owner attends
 *            to no slot
 */
#include "libfusion/core/talk/call_here.h"

#include "libfusion/core/talk/call_private.h"

#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/life/life.h"

bool call_is_attended(const struct view *v, const struct call *c, uint32_t slot)
{
	/* Acquire: pairs with the CAS in ring_open().  The ring must be seen
	 * with its own attended slots. */
	uint32_t i = load_acquire(&view_member(v, c->owner_slot)->ring);
	const struct ring_ctl *ctl;

	if (!i || i > ring_hi(v))
		return false;
	ctl = ring_ctl(v, i - 1);
	if (load_relaxed(&ctl->owner) != c->owner)
		return false;
	/* Relaxed: the fences in the drawing order it. */
	for (unsigned k = 0; k < RING_ATTENDED; k++)
		if (load_relaxed(&ctl->attended[k]) == slot + 1)
			return true;
	return false;
}

bool call_here_take(const struct view *v, uint64_t serial)
{
	struct call_slot *s = call_slot_at(v, SERIAL_SLOT(serial));
	uint64_t st = load_relaxed(&s->st);

	while (SLOT_SEQ(st) == SERIAL_SEQ(serial) &&
	       SLOT_STATE(st) == SLOT_POSTED && st & SLOT_HERE)
		/* Acquire: pairs with the release in post_slot().  The thread
		 * that takes the request must see it. */
		if (cas_acq_rel(&s->st, &st, st & ~(uint64_t)SLOT_HERE))
			return true;
	return false;
}

bool call_here_copy(const struct view *v, uint64_t serial, uint32_t slot,
		    uint32_t id, struct call_here *ret)
{
	const struct call_slot *s = call_slot_at(v, SERIAL_SLOT(serial));
	bool ours = load_relaxed(&s->callee_slot) == slot &&
		    load_relaxed(&s->callee_id) == id;
	uint64_t st;

	ret->serial = serial;
	ret->word = load_relaxed(&s->ret);
	ret->size = load_relaxed(&s->len);
	ret->caller = load_relaxed(&s->caller_id);
	ret->call = load_relaxed(&s->call) - 1;
	ret->id = load_relaxed(&s->call_id);
	if (ret->size > SLOT_INLINE)
		return false;
	if (ret->size)
		memcpy(ret->bytes, s->bytes, ret->size);
	/* As in a seqlock: all that was copied was read before the word is read
	 * again.  Pairs with the fence in fill_slot(), where the drawing is. */
	acquire_fence();
	st = load_relaxed(&s->st);
	if (SEED_BUG(89))
		return ours;
	return ours && SLOT_SEQ(st) == SERIAL_SEQ(serial) &&
	       SLOT_STATE(st) == SLOT_POSTED;
}
