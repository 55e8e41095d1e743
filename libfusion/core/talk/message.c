/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages: finding a queue, posting into it, waiting for room
 *
 * Invariant: a member that is not inside any more has no queue.  The thread
 * that makes a queue looks at the member's state once more behind a fence.  The
 * recovery of the member looks for a queue behind a fence, too.  So one of the
 * two closes the queue; the drawing is at make_queue().
 */
#include "libfusion/core/talk/message.h"

#include <string.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/ring_open.h"
#include "libfusion/core/talk/ring_produce.h"
#include "libfusion/core/talk/ring_room.h"

/* Cells of a member's queue: 64 KiB of payload, less in a small arena. */
static uint32_t queue_cells(const struct view *v)
{
	uint64_t n = v->geo.span >> 22;

	return n < 64 ? 64 : n > 1024 ? 1024 : (uint32_t)n;
}

/* Tell whether the member is inside and stays.  A member that leaves gets no
 * new queue: its recovery may have looked for one already. */
static bool member_stays(const struct view *v, uint32_t slot, uint32_t id)
{
	const struct member_rec *m = view_member(v, slot);
	/* Acquire: pairs with the release in member_claim().  The id is read
	 * behind the state that came with it. */
	uint32_t state = load_acquire(&m->state);

	return (state == MEMBER_JOINING || state == MEMBER_ALIVE) &&
	       load_relaxed(&m->id) == id;
}

/*
 *   the thread that makes a queue      the thread that takes the member out
 *   link it                            state = LEAVING or DEAD
 *   fence                              fence
 *   inside still? else unlink, close   a queue? close it
 *
 * Killed between linking and closing: MSG_OP_OPEN still stands, and recovery of
 * the thread that makes the queue closes it (give_ring_back()).
 */
static int make_queue(struct view *v, struct thread_rec *me, uint32_t slot,
		      uint32_t id, uint32_t *ret_index)
{
	struct member_rec *m = view_member(v, slot);
	int r;

	if (!member_stays(v, slot, id))
		return -ESRCH;
	r = ring_open(v, me, id, queue_cells(v), 0, &m->ring, ret_index);
	if (r < 0)
		return r;
	if (SEED_BUG(107))
		ring_opened(me);
	full_fence();
	r = member_stays(v, slot, id) || SEED_BUG(85) ? 0 : -ESRCH;
	/* If another thread has linked the ring, that looks here, too.  The
	 * word may be the next member's by now: so the ring is taken back
	 * first, which fails if the other side has closed it. */
	if (r < 0 && ring_has_opened(v, me))
		ring_take_back(v, me, me);
	ring_opened(me);
	return r;
}

/* Find or make the member's queue, which may be another owner's by now. */
static int find_queue(struct view *v, struct thread_rec *me, uint32_t slot,
		      uint32_t id, struct ring *ret)
{
	/* Acquire: pairs with the CAS in ring_open().  The ring must be seen
	 * open. */
	uint32_t i = load_acquire(&view_member(v, slot)->ring);
	int r;

	if (!i) {
		r = make_queue(v, me, slot, id, &i);
		if (r < 0)
			return r;
		i++;
	}
	return ring_map(v, i - 1, ret) < 0 ? -EIO : 0;
}

/* Clear the word of member @id if it names the ring @r of another: a thread
 * that was late has linked a queue for the member that had the slot before.
 * The caller has seen the owner before this looks at the member: the queue of a
 * member that stays is not closed.  True: the member has no queue now. */
static bool unlink_foreign(const struct view *v, uint32_t slot, uint32_t id,
			   const struct ring *r)
{
	uint32_t linked = r->index + 1;

	return member_stays(v, slot, id) &&
	       cas_acq_rel(&view_member(v, slot)->ring, &linked, 0u);
}

int message_queue(struct view *v, struct thread_rec *me, uint32_t slot,
		  uint32_t id, struct ring *ret)
{
	int r;

	if (!member_at(v, slot, id))
		return -ESRCH;
	r = find_queue(v, me, slot, id, ret);
	/* The member may have gone meanwhile, and its ring be another owner's.
	 * Acquire: pairs with the CAS in take_in_hands(), and keeps the load of
	 * `closed` and of the member's state behind this one. */
	if (r == 0 && load_acquire(&ret->ctl->owner) != id)
		r = unlink_foreign(v, slot, id, ret)
			    ? find_queue(v, me, slot, id, ret)
			    : -ESRCH;
	if (r < 0)
		return r;
	if (load_acquire(&ret->ctl->owner) != id ||
	    load_relaxed(&ret->ctl->closed))
		return -ESRCH;
	return 0;
}

void message_wake(const struct owed *owed)
{
	if (owed->slept)
		ring_wake(&owed->ring, owed->pos);
}

int message_post(struct view *v, struct thread_rec *me, uint32_t slot,
		 uint32_t id, const struct msg_head *h, const void *data,
		 struct owed *owed)
{
	uint32_t size =
		h->flags & MSG_BLOCK ? (uint32_t)sizeof(uint64_t) : h->size;
	uint32_t cells = ring_cells(size);
	struct msg_head *at;
	struct owed wake;
	int r;

	if (size > RING_INLINE)
		return -EMSGSIZE;
	r = message_queue(v, me, slot, id, &wake.ring);
	if (r == 0)
		r = ring_claim(v, me, &wake.ring, cells, &wake.pos,
			       &wake.slept);
	if (r < 0)
		return r;
	at = ring_head_at(&wake.ring, wake.pos);
	*at = *h;
	at->target = id;
	if (size)
		memcpy(at + 1,
		       h->flags & MSG_BLOCK ? (void *)&me->msg_block : data,
		       size);
	ring_commit(v, me, &wake.ring, wake.pos, cells);
	if (owed) {
		*owed = wake;
		return 0;
	}
	message_wake(&wake);
	ring_finish(me);
	return 0;
}

int message_offer(struct view *v, struct thread_rec *me, uint32_t slot,
		  uint32_t id, const struct msg_head *h, const void *data)
{
	int r = message_post(v, me, slot, id, h, data, NULL);
	struct ring ring;

	if (r != -EAGAIN)
		return r;
	r = message_queue(v, me, slot, id, &ring);
	if (r < 0)
		return r;
	ring_ask_space(&ring);
	if (SEED_BUG(95))
		return -EAGAIN;
	r = message_post(v, me, slot, id, h, data, NULL);
	return r == -EAGAIN && !ring_is_sound(&ring) ? -EIO : r;
}

int message_wait(struct view *v, uint32_t slot, uint32_t id, struct wait *wait)
{
	int64_t nap = wait_nap(wait, SUSPECT_FIRST_NS);
	uint32_t seen, i;
	struct ring r;
	int slept = 0;

	if (!member_at(v, slot, id))
		return -ESRCH;
	/* Acquire: as in message_queue(). */
	i = load_acquire(&view_member(v, slot)->ring);
	if (!i)
		return 0; /* the member is going: message_post() says so */
	if (ring_map(v, i - 1, &r) < 0)
		return -EIO;
	if (!nap)
		return wait_error(wait);
	add_relaxed(&r.ctl->space_waiters, 1);
	/* The drawing is at ring_wait_space().  Acquire: pairs with the release
	 * in wake_space_waiters(); we look for room behind it. */
	full_fence();
	seen = load_acquire(&r.ctl->space);
	if (ring_has_room(&r) || load_relaxed(&r.ctl->closed))
		nap = 0;
	if (nap)
		slept = ring_wait_space(&r, seen, nap);
	if (slept == -ETIMEDOUT && member_is_dead(v, slot))
		life_sweep(v);
	wait_slept(wait, slept);
	sub_relaxed(&r.ctl->space_waiters, 1);
	return 0;
}

int message_recover_member(struct view *v, uint32_t slot)
{
	struct member_rec *m = view_member(v, slot);
	struct thread_rec *me;
	uint32_t i;
	int r;

	/* The drawing is at make_queue(): the member's state, which
	 * life_exit_begin() or life_depart() has stored, then the queue.
	 * Acquire: pairs with the CAS in ring_open(). */
	full_fence();
	i = load_acquire(&m->ring);
	if (!i)
		return 0;
	if (i > ring_hi(v))
		return -EIO;
	r = life_rec_get(v, &me);
	if (r < 0)
		return r;
	r = ring_close_queue(v, me, i - 1, m->id);
	if (r == -ETIMEDOUT)
		return r;
	store_relaxed(&m->ring, 0u);
	return 0;
}
