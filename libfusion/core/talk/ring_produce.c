/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Producing: claim cells, write the record, commit
 *
 * The CAS of the first header takes all cells of a record, so two producers
 * never share a cell.  Invariant: a header in state CLAIM belongs to a thread
 * whose thread_rec.msg announces that position, so that recovery finds each
 * claim whose producer has died, and turns it into SKIP (ring_recover.c).
 */
#include "libfusion/core/talk/ring_produce.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"

/* Check that the cells after the first are free in this lap, too. */
static bool are_cells_free(const struct ring *r, uint64_t pos, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		/* Acquire: pairs with the release in ring_release() and
		 * stamp_free().  The last reader must be done with the cell
		 * before we write into it. */
		if (load_acquire(&r->hdr[(pos + i) & r->mask]) !=
		    HDR_FREE_AT(pos + i))
			return false;
	return true;
}

static void announce_claim(struct thread_rec *me, const struct ring *r,
			   uint64_t pos)
{
	me->msg.kind = r->index;
	me->msg.a[0] = pos;
	compiler_fence();
	store_relaxed(&me->msg.op, (uint32_t)MSG_OP_CLAIM);
	compiler_fence();
}

void ring_finish(struct thread_rec *me)
{
	compiler_fence();
	store_relaxed(&me->msg.op, 0u);
	compiler_fence();
}

void ring_wake(const struct ring *r, uint64_t pos)
{
	futex_wake((const uint32_t *)&r->hdr[pos & r->mask], INT_MAX);
}

/* Claim cells at *pos, whose header was @h. 1: claimed. 0: look again at *pos,
 * which is behind the cells that were skipped, if any.  -EAGAIN: the ring is
 * full. */
static int claim_cells_at(struct view *v, struct thread_rec *me, struct ring *r,
			  uint32_t cells, uint64_t *pos, uint64_t h,
			  bool *ret_slept)
{
	uint32_t who = thread_slot(v, me);
	uint32_t to_end = r->cells - (uint32_t)(*pos & r->mask);
	uint32_t n = cells <= to_end ? cells : to_end;
	unsigned state = cells <= to_end ? HDR_CLAIM : HDR_SKIP;
	bool slept = h & HDR_SLEEP;

	/* Not free, and the header is still @h: the ring is full.  Else another
	 * producer was quicker.  Acquire, as in ring_claim(). */
	if (!are_cells_free(r, *pos, n))
		return load_acquire(&r->hdr[*pos & r->mask]) == h ? -EAGAIN : 0;
	announce_claim(me, r, *pos);
	/* Acquire: as in are_cells_free().  Release: a SKIP is committed by
	 * this CAS; pairs with the acquire in ring_look(). */
	if (!cas_acq_rel(&r->hdr[*pos & r->mask], &h,
			 HDR_MAKE(state, n, who, *pos))) {
		ring_finish(me);
		return 0;
	}
	if (state == HDR_SKIP) {
		if (slept)
			ring_wake(r, *pos);
		ring_finish(me);
		*pos += n;
		return 0;
	}
	if (!SEED_BUG(40)) {
		compiler_fence();
		store_relaxed(&me->msg.op, (uint32_t)MSG_OP_CLAIMED);
	}
	/* Relaxed: a hint; a wrong one costs the next producer some turns. */
	store_relaxed(&r->ctl->hint, *pos + n);
	*ret_slept = slept;
	return 1;
}

int ring_claim(struct view *v, struct thread_rec *me, struct ring *r,
	       uint32_t cells, uint64_t *ret_pos, bool *ret_slept)
{
	uint64_t pos = load_relaxed(&r->ctl->hint);

	if (cells > r->cells / 2 || cells > HDR_CELLS_MAX || !cells)
		return -EMSGSIZE;
	/* Each turn goes on by one record, unless another producer has moved
	 * the end. */
	for (uint32_t turn = 0; turn < 64 * r->cells; turn++) {
		/* Acquire: pairs with the release in ring_release() and
		 * stamp_free().  A cell that is seen free is no longer read by
		 * anybody. */
		uint64_t h = load_acquire(&r->hdr[pos & r->mask]);
		int got;

		if (HDR_POS(h) != (pos & HDR_POS_MASK)) {
			if (POS_IS_BEFORE(HDR_POS(h), pos & HDR_POS_MASK))
				return -EAGAIN; /* of the last lap: the ring is
						   full */
			pos = load_relaxed(&r->ctl->head);
			continue;
		}
		if (HDR_STATE(h) != HDR_FREE) {
			if (!HDR_CELLS(h))
				return -EIO;
			pos += HDR_CELLS(h);
			continue;
		}
		got = claim_cells_at(v, me, r, cells, &pos, h, ret_slept);
		if (got == 1)
			*ret_pos = pos;
		if (got)
			return got < 0 ? got : 0;
	}
	return -EAGAIN;
}

void ring_commit(struct view *v, struct thread_rec *me, struct ring *r,
		 uint64_t pos, uint32_t cells)
{
	/* Commit.  Release: pairs with the acquire in ring_look().  The
	 * consumer must see the record before it sees DONE. */
	store_release(&r->hdr[pos & r->mask],
		      HDR_MAKE(HDR_DONE, cells, thread_slot(v, me), pos));
	compiler_fence();
	store_relaxed(&me->msg_block, 0ull);
}
