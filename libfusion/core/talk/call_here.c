/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that stay in their slots
 *
 * A dispatcher that looks for work looks at the slots of its last callers, too,
 * as long as ring_ctl.attended names them: it attends to them.  A small request
 * from such a slot needs no record in a queue: one cache line goes to the owner
 * with the request and comes back with the answer.
 *
 *   who calls                         who attends
 *   slot POSTED|HERE                  what he has begun is not HERE any more
 *   fence                             not attended
 *   attended? else take HERE off,     fence
 *   and write a record                HERE? take it off, and execute it
 *
 * HERE is taken off by a CAS, so it is one of the two who sees to the request.
 * While the slot is attended only who attends does: he may begin it without
 * taking HERE off, remembers that, and takes it off before he attends no more.
 *
 * Killed:
 *   caller   its slots are recovered as if they were not HERE
 *   owner    the same; the ring's next owner attends to nobody
 */
#include "libfusion/core/talk/call_here.h"

#include "libfusion/core/talk/call_private.h"

#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/life/life.h"

bool call_is_attended(const struct view *v, const struct call *c, uint32_t slot)
{
	/* Acquire: pairs with the release in ring_open(). */
	uint32_t i = load_acquire(&view_member(v, c->owner_slot)->ring);
	const struct ring_ctl *ctl;

	if (!i || i > ring_hi(v))
		return false;
	ctl = ring_ctl(v, i - 1);
	if (load_relaxed(&ctl->owner) != c->owner)
		return false;
	/* Relaxed: the fences are in the drawing. */
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
		/* Acquire: pairs with the release in post(). */
		if (cas_acq_rel(&s->st, &st, st & ~(uint64_t)SLOT_HERE))
			return true;
	return false;
}

bool call_here_copy(const struct view *v, uint64_t serial, uint32_t slot,
		    uint32_t id, struct call_here *ret)
{
	const struct call_slot *s = call_slot_at(v, SERIAL_SLOT(serial));
	bool mine = load_relaxed(&s->callee_slot) == slot &&
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
	/* What was read is older than this: as in a seqlock.  Pairs with the
	 * fence in fill(), where the drawing is. */
	acquire_fence();
	st = load_relaxed(&s->st);
	if (SEED_BUG(89))
		return mine;
	return mine && SLOT_SEQ(st) == SERIAL_SEQ(serial) &&
	       SLOT_STATE(st) == SLOT_POSTED;
}
