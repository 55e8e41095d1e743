/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening and closing rings
 *
 * The table of rings only grows: a ring that is closed keeps its memory and its
 * position, and the next owner that needs one of the same size takes it.  A
 * ring has an owner before the CAS of the caller's word, and is found from that
 * CAS on.  The opener's thread_rec.msg says MSG_OP_OPEN before it takes the
 * ring and until the word names it.  The caller takes that back
 * (ring_opened()), once it need not close the ring as its owner has gone.
 *
 * Invariant: a ring that is not free is named by the owner's word, or by the
 * MSG_OP_OPEN of one thread.  So recovery can give back each ring that a dead
 * opener took and did not link.
 *
 * Several threads may open a ring for the same owner, and announce the same
 * ring.  So the owner does not say which of them has the ring.  Each thread
 * passes the ring through its own hands, on the way in and on the way out:
 *
 *    owner     0 --CAS--> hands of t ---------> X ---CAS--> hands of t ---> 0
 *    a[2] of t   0                 0  1        1          1         0   0
 *
 * The ring is that of t in its hands, and if it is X's and a[2] is set.  Killed
 * anywhere, t leaves one of the two, or has no ring: another opener is never
 * asked.  A thread that closes the ring of a dead member has the life lock, and
 * passes the ring through RING_CLOSING.  So only one thread drains a ring.
 */
#include "libfusion/core/talk/ring_open.h"

#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/core/talk/ring_produce.h"
#include "libfusion/core/talk/ring_room.h"

#define PROBES 64u /* rings tried before a new one is made */

/* Where the memory of the rings below @i ends; 0 if the table makes no
 * sense. */
static uint64_t end_of_rings(const struct view *v, uint32_t i)
{
	struct ring r;

	if (!i)
		return v->geo.off_ring_mem;
	if (ring_map(v, i - 1, &r) < 0)
		return 0;
	return view_off(v, r.cursors) + ring_memory_size(r.cells, r.n_cursors);
}

/* Make one more ring, under rings.lock.  Commit: the store of rings.hi.  Killed
 * before it: the next caller reserves the same memory again. */
static int make_ring(struct view *v, uint32_t cells, uint32_t n_cursors)
{
	uint32_t i = ring_hi(v);
	uint64_t size = ring_memory_size(cells, n_cursors),
		 off = end_of_rings(v, i);
	struct ring_ctl *ctl = ring_ctl(v, i);
	uint64_t *hdr;
	int r;

	if (!off)
		return -EIO;
	if (i >= v->geo.n_rings ||
	    off + size > v->geo.off_ring_mem + v->geo.ring_mem_size)
		return -ENOSPC;
	r = view_reserve(v, view_off(v, ctl), sizeof(*ctl));
	if (!r)
		r = view_reserve(v, off, size);
	if (r < 0)
		return r;
	memset(ctl, 0, sizeof(*ctl));
	ctl->cells = cells;
	ctl->n_cursors = n_cursors;
	ctl->off = off;
	memset(view_at(v, off), 0, (size_t)n_cursors * RING_CURSOR);
	hdr = view_at(v, off + (uint64_t)n_cursors * RING_CURSOR);
	for (uint32_t c = 0; c < cells; c++)
		store_relaxed(&hdr[c], HDR_FREE_AT(c));
	/* Release: pairs with the acquire in view_hi(). */
	store_release(&v->sb->rings.hi, i + 1);
	return (int)i;
}

static uint32_t hands_of(const struct view *v, const struct thread_rec *t)
{
	return RING_HANDS | thread_slot(v, t);
}

/* Take ring @i if it has no owner and the size, and if no late producer still
 * writes at the position where it goes on. */
static bool take_ring(struct view *v, uint32_t i, uint32_t hands,
		      uint32_t cells, uint32_t n_cursors)
{
	struct ring_ctl *ctl = ring_ctl(v, i);
	uint32_t nobody = 0;
	struct ring r;

	if (load_relaxed(&ctl->owner) || ring_map(v, i, &r) < 0 ||
	    r.cells != cells || r.n_cursors != n_cursors)
		return false;
	/* Acquire: pairs with the release in ring_commit(): a late producer has
	 * stopped writing once its CLAIM is gone. */
	if (HDR_STATE(load_acquire(
		    &r.hdr[load_relaxed(&ctl->head) & r.mask])) == HDR_CLAIM)
		return false;
	/* Acquire: pairs with the release in drop_ring().  The new owner must
	 * see the ring as it was drained before it uses the ring. */
	return cas_acquire(&ctl->owner, &nobody, hands);
}

/* Not for a reactor's ring, to which these words say something else. */
static void reopen_queue(struct ring_ctl *ctl)
{
	for (unsigned k = 0; k < RING_ATTENDED; k++)
		store_relaxed(&ctl->attended[k], 0u);
	/* Release: the attended slots are cleared first.  Others find the ring
	 * by the CAS of *link in ring_open(), which publishes both. */
	store_release(&ctl->closed, 0u);
}

/* Announce that ring @i is to be taken, take it, announce that it gets its
 * owner, give it that. */
static bool take_announced(struct view *v, struct thread_rec *me, uint32_t i,
			   uint32_t owner, uint32_t cells, uint32_t n_cursors)
{
	struct ring_ctl *ctl = ring_ctl(v, i);

	store_relaxed(&me->msg.kind, i);
	compiler_fence();
	if (!take_ring(v, i, hands_of(v, me), cells, n_cursors))
		return false;
	if (!(owner & RING_OF_REACTOR))
		reopen_queue(ctl);
	compiler_fence();
	if (!SEED_BUG(109))
		me->msg.a[2] = 1;
	compiler_fence();
	/* Release: pairs with the acquires of the owner.  A thread that sees
	 * the owner must see the ring open. */
	store_release(&ctl->owner, owner);
	return true;
}

static int find_or_make_ring(struct view *v, struct thread_rec *me,
			     uint32_t owner, uint32_t cells, uint32_t n_cursors)
{
	uint32_t hi = ring_hi(v);
	uint32_t from = hi > PROBES ? owner % hi : 0;
	int r;

	for (uint32_t n = 0; n < hi && n < PROBES; n++) {
		uint32_t i = (from + n) % hi;

		if (take_announced(v, me, i, owner, cells, n_cursors))
			return (int)i;
	}
	/* Another thread may take the ring that we make before we do: make one
	 * more. */
	for (uint32_t n = 0; n < PROBES; n++) {
		r = core_lock(v, me, &v->sb->rings.lock);
		if (r < 0)
			return r;
		r = make_ring(v, cells, n_cursors);
		core_unlock(v, me, &v->sb->rings.lock);
		if (r < 0)
			break;
		if (take_announced(v, me, (uint32_t)r, owner, cells, n_cursors))
			return r;
		r = -ENOSPC;
	}
	if (r != -ENOSPC)
		return r;
	/* No more can be made: take any that is free. */
	for (uint32_t i = 0; i < ring_hi(v); i++) {
		if (take_announced(v, me, i, owner, cells, n_cursors))
			return (int)i;
	}
	return -ENOSPC;
}

/* Take @owner off the ring, unless the ring has another owner.  Release: pairs
 * with the CAS in take_ring().  All that was done to the ring is done before it
 * gets another owner. */
static void drop_ring(struct ring_ctl *ctl, uint32_t owner)
{
	cas_release(&ctl->owner, &owner, 0u);
}

void ring_give_up(struct ring *r, uint32_t owner)
{
	drop_ring(r->ctl, owner);
}

/* Begin to say what is opened.  Recovery of another thread may read it. */
static void announce(const struct view *v, struct thread_rec *me,
		     uint32_t owner, const uint32_t *link)
{
	store_relaxed(&me->msg.a[0], (uint64_t)owner);
	me->msg.a[1] = view_off(v, link);
	me->msg.a[2] = 0;
	store_relaxed(&me->msg.kind, v->geo.n_rings);
	compiler_fence();
	store_relaxed(&me->msg.op, (uint32_t)MSG_OP_OPEN);
	compiler_fence();
}

bool ring_has_opened(const struct view *v, const struct thread_rec *t)
{
	uint32_t i = t->msg.kind, owner;

	if (load_relaxed(&t->msg.op) != MSG_OP_OPEN || i >= ring_hi(v))
		return false;
	/* Acquire: pairs with the release in take_announced(). */
	owner = load_acquire(&ring_ctl(v, i)->owner);
	return owner == hands_of(v, t) || (owner == (uint32_t)t->msg.a[0] &&
					   (t->msg.a[2] || SEED_BUG(106)));
}

void ring_opened(struct thread_rec *me)
{
	ring_finish(me);
}

/* Commit: the CAS of *link.  Killed between taking a ring and that: recovery
 * gives the ring back (give_ring_back()). */
int ring_open(struct view *v, struct thread_rec *me, uint32_t owner,
	      uint32_t cells, uint32_t n_cursors, uint32_t *link,
	      uint32_t *ret_index)
{
	/* Acquire: pairs with the CAS below.  A thread that reads the ring's
	 * index must see the ring open. */
	uint32_t there = load_acquire(link);
	int r = 0;

	if (!there) {
		announce(v, me, owner, link);
		r = find_or_make_ring(v, me, owner, cells, n_cursors);
		if (r >= 0) {
			/* Release: the ring is ready before others find it;
			 * pairs with the acquires of the word above, in
			 * message_queue() and in reactor_ring().  Acquire: if
			 * another thread was first, its ring is seen ready. */
			if (cas_acq_rel(link, &there, (uint32_t)r + 1))
				there = (uint32_t)r + 1;
			else
				ring_take_back(v, me, me);
			r = 0;
		}
	}
	if (r == 0 && there > ring_hi(v))
		r = -EIO;
	if (r < 0) {
		ring_opened(me);
		return r;
	}
	*ret_index = there - 1;
	return 0;
}

/* Free the block that a record carries.  -ETIMEDOUT: the record keeps it. */
static int drop_record(struct view *v, struct thread_rec *me,
		       const struct ring *r, uint64_t pos)
{
	struct msg_head *head = ring_head_at(r, pos);
	int rc = 0;

	if (head->flags & MSG_BLOCK && me)
		rc = block_free_from(v, me, view_off(v, head + 1));
	return rc == -ETIMEDOUT ? rc : 0;
}

/* Drop the records of the ring, up to one that is still being written: the
 * ring's next owner drops that one.  A consumer that died may have been giving
 * cells back: they are of the next lap (RING_LOST).  -ETIMEDOUT: the ring still
 * has those that are left. */
static int drain_ring(struct view *v, struct thread_rec *me, struct ring *r)
{
	uint64_t pos = load_relaxed(&r->ctl->head);
	uint32_t cells, producer;
	int rc;

	for (uint32_t n = 0; n < r->cells; n += cells) {
		enum ring_found found = ring_look(r, pos, &cells, &producer);

		if (found == RING_LOST) {
			cells = 1;
			store_relaxed(&r->ctl->head, pos + 1);
		} else if (found != RING_RECORD && found != RING_SKIP) {
			break;
		} else {
			rc = found == RING_RECORD ? drop_record(v, me, r, pos)
						  : 0;
			if (rc < 0)
				return rc;
			ring_release(r, pos, pos + cells);
		}
		pos += cells;
	}
	return 0;
}

/* Take the ring of @owner in @hands, or have it there already.  False: the ring
 * has another owner, or none.  Acquire and release: pairs with the acquires of
 * the owner, and with the release in take_announced(). */
static bool take_in_hands(struct ring_ctl *ctl, uint32_t owner, uint32_t hands)
{
	return cas_acq_rel(&ctl->owner, &owner, hands) || owner == hands;
}

static int close_queue(struct view *v, struct thread_rec *me, struct ring *r)
{
	int error;

	ring_shut(r);
	error = drain_ring(v, me, r);
	if (error < 0)
		return error;
	store_relaxed(&r->ctl->scan, 0u);
	store_relaxed(&r->ctl->sleeping, 0u);
	return 0;
}

int ring_take_back(struct view *v, struct thread_rec *me, struct thread_rec *t)
{
	uint32_t owner = (uint32_t)t->msg.a[0], hands = hands_of(v, t);
	uint32_t linked = t->msg.kind + 1;
	struct ring r;
	int error = ring_map(v, t->msg.kind, &r);

	if (error < 0)
		return error;
	if (!take_in_hands(r.ctl, owner, hands))
		return 0;
	compiler_fence();
	t->msg.a[2] = 0;
	compiler_fence();
	/* Only this thread has the ring: a word that names the ring is its own.
	 * Acquire and release: pairs with the CAS in ring_open(). */
	cas_acq_rel((uint32_t *)view_at(v, t->msg.a[1]), &linked, 0u);
	if (!(owner & RING_OF_REACTOR)) {
		error = close_queue(v, me, &r);
		/* A thread that lives does not come again: the next owner
		 * passes over what is left. */
		if (error < 0 && me != t)
			return error;
	}
	drop_ring(r.ctl, hands);
	return 0;
}

int ring_close_queue(struct view *v, struct thread_rec *me, uint32_t index,
		     uint32_t owner)
{
	struct ring r;
	int error = ring_map(v, index, &r);

	if (error < 0)
		return error;
	if (!take_in_hands(r.ctl, owner, RING_CLOSING))
		return 0;
	error = close_queue(v, me, &r);
	if (error < 0)
		return error;
	drop_ring(r.ctl, RING_CLOSING);
	return 0;
}
