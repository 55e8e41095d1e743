/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery of what a dead thread was doing with a ring
 *
 * thread_rec.msg says which of two: opening a ring (MSG_OP_OPEN), or producing
 * a record (MSG_OP_CLAIM, MSG_OP_CLAIMED).  Each step is idempotent: a
 * recoverer may die here, and the next one starts over from the same
 * announcement.
 */
#include "libfusion/core/talk/ring_recover.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/ring_open.h"
#include "libfusion/core/talk/ring_produce.h"

/* End the claim of dead thread @t.  True: its record was committed.  If the
 * recoverer dies after the claim is gone, the next one must come to the same
 * answer: so the announcement first says that the claim was never made. */
static bool settle_claim(struct view *v, struct thread_rec *t, struct ring *r)
{
	uint32_t op = load_relaxed(&t->msg.op);
	uint64_t pos = t->msg.a[0];
	uint64_t *hdr = &r->hdr[pos & r->mask];
	/* Acquire: pairs with nothing but the death: a dead thread stores no
	 * more, and whoever saw its death sees all its stores. */
	uint64_t h = load_acquire(hdr);
	uint32_t cells = HDR_CELLS(h);
	bool claimed = HDR_STATE(h) == HDR_CLAIM &&
		       HDR_POS(h) == (pos & HDR_POS_MASK) &&
		       HDR_PRODUCER(h) == thread_slot(v, t);

	if (claimed && !SEED_BUG(44)) {
		store_relaxed(&t->msg.op, (uint32_t)MSG_OP_CLAIM);
		compiler_fence();
	}
	if (claimed && !SEED_BUG(41))
		store_release(
			hdr, HDR_MAKE(HDR_SKIP, cells, thread_slot(v, t), pos));
	if (!SEED_BUG(42))
		ring_wake(r, pos);
	return !claimed && op == MSG_OP_CLAIMED;
}

/* Give back the ring that @t had taken and not linked; or had linked for a
 * member that has gone since, and which the dead thread would have unlinked
 * next.  0, -ETIMEDOUT. */
static int give_ring_back(struct view *v, struct thread_rec *me,
			  struct thread_rec *t)
{
	uint32_t i = t->msg.kind, owner = (uint32_t)t->msg.a[0];
	uint64_t link = t->msg.a[1];

	/* The word may be anywhere below the heap: check it. */
	if (link % 4 || link > v->geo.off_words || !view_has(v, link, 4) ||
	    !ring_has_opened(v, t))
		return 0;
	/* Acquire: pairs with the CAS of the word in ring_open(). */
	if (load_relaxed(&ring_ctl(v, i)->owner) == owner &&
	    load_acquire((uint32_t *)view_at(v, link)) == i + 1 &&
	    (owner & RING_OF_REACTOR || member_find(v, owner)))
		return 0;
	return ring_take_back(v, me, t) == -ETIMEDOUT ? -ETIMEDOUT : 0;
}

/* Free the block that @t had not sent yet.  0; -ETIMEDOUT @t keeps it; or as
 * life_rec_get(). */
static int free_unsent(struct view *v, struct thread_rec *t)
{
	struct thread_rec *me;
	int r = life_rec_get(v, &me);

	if (r == 0)
		r = block_free_from(v, me, view_off(v, &t->msg_block));
	/* A slot that names no block is cleared: nothing is left to free. */
	return r == -EINVAL ? 0 : r;
}

int ring_recover(struct view *v, struct thread_rec *t)
{
	uint32_t op = load_relaxed(&t->msg.op);
	bool committed = false;
	struct thread_rec *me;
	struct ring r;
	int err;

	if (op == MSG_OP_OPEN) {
		err = life_rec_get(v, &me);
		if (err < 0)
			return err;
		err = give_ring_back(v, me, t);
		if (err < 0)
			return err;
	} else if (op && ring_map(v, t->msg.kind, &r) < 0) {
		return -EIO;
	} else if (op) {
		committed = settle_claim(v, t, &r);
	}
	if (committed) {
		store_relaxed(&t->msg_block, 0ull);
	} else if (load_relaxed(&t->msg_block)) {
		err = free_unsent(v, t);
		if (err < 0)
			return err;
	}
	compiler_fence();
	store_relaxed(&t->msg.op, 0u);
	return 0;
}
