/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/talk/ring.h"

#include <limits.h>
#include <string.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/bell.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"

#define PROBES 64u /* rings looked at before a new one is made */

static uint64_t memory_of(uint32_t cells, uint32_t n_cursors)
{
	return (uint64_t)n_cursors * RING_CURSOR +
	       (uint64_t)cells * (sizeof(uint64_t) + RING_CELL);
}

static bool is_size(uint32_t cells)
{
	return cells >= RING_CELLS_MIN && cells <= RING_CELLS_MAX &&
	       !(cells & (cells - 1));
}

int ring_map(const struct view *v, uint32_t index, struct ring *ret)
{
	struct ring_ctl *ctl;
	uint32_t cells, n_cursors;
	uint64_t off, end = v->geo.off_ring_mem + v->geo.ring_mem_size;
	char *p;

	if (index >= ring_hi(v))
		return -EINVAL;
	ctl = ring_ctl(v, index);
	cells = load_relaxed(&ctl->cells);
	n_cursors = load_relaxed(&ctl->n_cursors);
	off = load_relaxed(&ctl->off);
	if (!is_size(cells) || n_cursors > v->geo.n_rings ||
	    off < v->geo.off_ring_mem || off % RING_CELL || off > end ||
	    memory_of(cells, n_cursors) > end - off)
		return -EIO;
	p = v->base + off;
	*ret = (struct ring){
		.sb = v->sb,
		.ctl = ctl,
		.cursors = p,
		.hdr = (uint64_t *)(p + (uint64_t)n_cursors * RING_CURSOR),
		.index = index,
		.cells = cells,
		.mask = cells - 1,
		.n_cursors = n_cursors,
	};
	ret->cell = (char *)(ret->hdr + cells);
	return 0;
}

/* --- Opening and closing -------------------------------------------------- */

/* End of what the rings below @i have, or 0: the table makes no sense. */
static uint64_t end_of_rings(const struct view *v, uint32_t i)
{
	struct ring r;

	if (!i)
		return v->geo.off_ring_mem;
	if (ring_map(v, i - 1, &r) < 0)
		return 0;
	return view_off(v, r.cursors) + memory_of(r.cells, r.n_cursors);
}

/* Under rings.lock.  Commit: the mark.  Killed before it: memory is reserved
 * that the next one reserves again. */
static int make(struct view *v, uint32_t cells, uint32_t n_cursors)
{
	uint32_t i = ring_hi(v);
	uint64_t size = memory_of(cells, n_cursors), off = end_of_rings(v, i);
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

/* One that nobody has, with nobody at work where it goes on. */
static bool take(struct view *v, uint32_t i, uint32_t owner, uint32_t cells,
		 uint32_t n_cursors)
{
	struct ring_ctl *ctl = ring_ctl(v, i);
	uint32_t nobody = 0;
	struct ring r;

	if (load_relaxed(&ctl->owner) || ring_map(v, i, &r) < 0 ||
	    r.cells != cells || r.n_cursors != n_cursors)
		return false;
	if (HDR_STATE(load_acquire(
		    &r.hdr[load_relaxed(&ctl->head) & r.mask])) == HDR_CLAIM)
		return false;
	/* Acquire: pairs with the release in ring_close(). */
	return cas_acquire(&ctl->owner, &nobody, owner);
}

static int find(struct view *v, struct thread_rec *me, uint32_t owner,
		uint32_t cells, uint32_t n_cursors)
{
	uint32_t hi = ring_hi(v);
	uint32_t from = hi > PROBES ? owner % hi : 0;
	int r;

	for (uint32_t n = 0; n < hi && n < PROBES; n++) {
		uint32_t i = (from + n) % hi;

		me->msg.kind = i;
		if (take(v, i, owner, cells, n_cursors))
			return (int)i;
	}
	/* Another may find ours before we take it: make one more. */
	for (uint32_t n = 0; n < PROBES; n++) {
		r = core_lock(v, me, &v->sb->rings.lock);
		if (r < 0)
			return r;
		r = make(v, cells, n_cursors);
		core_unlock(v, me, &v->sb->rings.lock);
		if (r < 0)
			break;
		me->msg.kind = (uint32_t)r;
		if (take(v, (uint32_t)r, owner, cells, n_cursors))
			return r;
		r = -ENOSPC;
	}
	if (r != -ENOSPC)
		return r;
	/* No more can be made: whichever there is. */
	for (uint32_t i = 0; i < ring_hi(v); i++) {
		me->msg.kind = i;
		if (take(v, i, owner, cells, n_cursors))
			return (int)i;
	}
	return -ENOSPC;
}

static void reopen(struct ring_ctl *ctl)
{
	for (unsigned k = 0; k < RING_ATTENDED; k++)
		store_relaxed(&ctl->attended[k], 0u);
	store_release(&ctl->closed, 0u);
}

/* Commit: the CAS of the word.  Killed between taking a ring and that: recovery
 * gives the ring back. */
int ring_open(struct view *v, struct thread_rec *me, uint32_t owner,
	      uint32_t cells, uint32_t n_cursors, uint32_t *link,
	      uint32_t *ret_index)
{
	/* Acquire: pairs with the release below. */
	uint32_t there = load_acquire(link);
	int r = 0;

	if (!there) {
		me->msg.a[0] = owner;
		me->msg.a[1] = view_off(v, link);
		me->msg.kind = v->geo.n_rings;
		compiler_fence();
		store_relaxed(&me->msg.op, (uint32_t)MSG_OP_OPEN);
		compiler_fence();
		r = find(v, me, owner, cells, n_cursors);
		if (r >= 0) {
			reopen(ring_ctl(v, (uint32_t)r));
			if (cas_acq_rel(link, &there, (uint32_t)r + 1))
				there = (uint32_t)r + 1;
			else
				store_release(&ring_ctl(v, (uint32_t)r)->owner,
					      0u);
			r = 0;
		}
		ring_finish(me);
	}
	if (r < 0)
		return r;
	if (there > ring_hi(v))
		return -EIO;
	*ret_index = there - 1;
	return 0;
}

/* What is in it is dropped, up to a record that is still being written: who
 * has the ring next drops that.  The dead may have been giving back: such cells
 * are of the next lap. */
static void drain(struct view *v, struct thread_rec *me, struct ring *r)
{
	uint64_t pos = load_relaxed(&r->ctl->head);
	uint32_t cells, producer;

	for (uint32_t n = 0; n < r->cells; n += cells) {
		enum ring_found found = ring_look(r, pos, &cells, &producer);

		if (found == RING_LOST) {
			cells = 1;
			store_relaxed(&r->ctl->head, pos + 1);
		} else if (found != RING_RECORD && found != RING_SKIP) {
			break;
		} else {
			if (found == RING_RECORD &&
			    ring_head_at(r, pos)->flags & MSG_BLOCK && me)
				block_free_from(
					v, me,
					view_off(v, ring_head_at(r, pos) + 1));
			ring_release(r, pos, pos + cells);
		}
		pos += cells;
	}
}

int ring_close(struct view *v, struct thread_rec *me, uint32_t index,
	       uint32_t owner)
{
	struct ring r;
	int error = ring_map(v, index, &r);

	if (error < 0)
		return error;
	if (load_relaxed(&r.ctl->owner) != owner)
		return 0;
	ring_shut(&r);
	if (!(owner & RING_OF_REACTOR))
		drain(v, me, &r);
	store_relaxed(&r.ctl->scan, 0u);
	store_relaxed(&r.ctl->sleeping, 0u);
	/* Release: pairs with the acquire in take(). */
	store_release(&r.ctl->owner, 0u);
	return 0;
}

/* --- Producing ------------------------------------------------------------ */

/* The cells after the first are free too, in this lap. */
static bool are_free(const struct ring *r, uint64_t pos, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		/* Acquire: pairs with the release in ring_release(): who read
		 * the cell is done with it. */
		if (load_acquire(&r->hdr[(pos + i) & r->mask]) !=
		    HDR_FREE_AT(pos + i))
			return false;
	return true;
}

static void announce(struct thread_rec *me, const struct ring *r, uint64_t pos)
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

/* Free at @pos, in header word @h: claim.  1 claimed, 0 look again (at @pos, or
 * behind cells that were skipped), -EAGAIN. */
static int claim_at(struct view *v, struct thread_rec *me, struct ring *r,
		    uint32_t cells, uint64_t *pos, uint64_t h, bool *ret_slept)
{
	uint32_t who = thread_slot(v, me);
	uint32_t to_end = r->cells - (uint32_t)(*pos & r->mask);
	uint32_t n = cells <= to_end ? cells : to_end;
	unsigned state = cells <= to_end ? HDR_CLAIM : HDR_SKIP;
	bool slept = h & HDR_SLEEP;

	/* Or another producer was quicker, and it is not full at all. */
	if (!are_free(r, *pos, n))
		return load_acquire(&r->hdr[*pos & r->mask]) == h ? -EAGAIN : 0;
	announce(me, r, *pos);
	/* Acquire as in are_free(); release: a skipped part is as good as
	 * committed. */
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
	/* Each turn goes on by a record, or somebody else did. */
	for (uint32_t turn = 0; turn < 64 * r->cells; turn++) {
		uint64_t h = load_acquire(&r->hdr[pos & r->mask]);
		int got;

		if (HDR_POS(h) != (pos & HDR_POS_MASK)) {
			if (POS_IS_BEFORE(HDR_POS(h), pos & HDR_POS_MASK))
				return -EAGAIN; /* of the last lap: full */
			pos = load_relaxed(&r->ctl->head);
			continue;
		}
		if (HDR_STATE(h) != HDR_FREE) {
			if (!HDR_CELLS(h))
				return -EIO;
			pos += HDR_CELLS(h);
			continue;
		}
		got = claim_at(v, me, r, cells, &pos, h, ret_slept);
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
	/* Release: pairs with the acquire in ring_look().  Commit. */
	store_release(&r->hdr[pos & r->mask],
		      HDR_MAKE(HDR_DONE, cells, thread_slot(v, me), pos));
	compiler_fence();
	store_relaxed(&me->msg_block, 0ull);
}

uint64_t ring_tail(const struct ring *r)
{
	uint64_t pos = load_relaxed(&r->ctl->hint);

	for (uint32_t turn = 0; turn < 2 * r->cells; turn++) {
		uint64_t h = load_acquire(&r->hdr[pos & r->mask]);

		if (HDR_POS(h) == (pos & HDR_POS_MASK) &&
		    HDR_STATE(h) != HDR_FREE && HDR_CELLS(h))
			pos += HDR_CELLS(h);
		else if (POS_IS_BEFORE(pos & HDR_POS_MASK, HDR_POS(h)))
			pos = load_relaxed(&r->ctl->head);
		else
			break;
	}
	return pos;
}

bool ring_has_room(const struct ring *r)
{
	uint64_t pos = ring_tail(r);

	return HDR_POS(load_acquire(&r->hdr[pos & r->mask])) ==
	       (pos & HDR_POS_MASK);
}

/*
 *   who waits                          who makes room
 *   waiters++                          stamp FREE
 *   fence                              fence
 *   look for room -> none              waiters? -> space++, wake
 *   sleep while space is as seen
 */
int ring_wait_space(struct ring *r, uint32_t seen, int64_t timeout_ns)
{
	return futex_wait(&r->ctl->space, seen, timeout_ns);
}

static void wake_waiters(struct ring *r)
{
	/* Release: pairs with the acquire of who waits. */
	add_release(&r->ctl->space, 1);
	futex_wake(&r->ctl->space, INT_MAX);
}

void ring_tell_space(struct ring *r)
{
	full_fence();
	if (load_relaxed(&r->ctl->space_waiters))
		wake_waiters(r);
	visitor_tell(r->sb, &r->ctl->visitors);
}

void ring_ask_space(struct ring *r)
{
	visitor_ask(&r->ctl->visitors);
}

void ring_shut(struct ring *r)
{
	store_release(&r->ctl->closed, 1u);
	/* The drawing is at visitor_ask(): closed, then who asked.  (Those who
	 * sleep compare `space`, which always changes.) */
	full_fence();
	wake_waiters(r);
	visitor_tell(r->sb, &r->ctl->visitors);
}

/* Was it committed?  If not, nobody will.  Who finishes this after our death
 * must find the same: before the claim goes, it is announced as never made. */
static bool settle(struct view *v, struct thread_rec *t, struct ring *r)
{
	uint32_t op = load_relaxed(&t->msg.op);
	uint64_t pos = t->msg.a[0];
	uint64_t *hdr = &r->hdr[pos & r->mask];
	uint64_t h = load_acquire(hdr);
	uint32_t cells = HDR_CELLS(h);
	bool mine = HDR_STATE(h) == HDR_CLAIM &&
		    HDR_POS(h) == (pos & HDR_POS_MASK) &&
		    HDR_PRODUCER(h) == thread_slot(v, t);

	if (mine && !SEED_BUG(44)) {
		store_relaxed(&t->msg.op, (uint32_t)MSG_OP_CLAIM);
		compiler_fence();
	}
	if (mine && !SEED_BUG(41))
		store_release(
			hdr, HDR_MAKE(HDR_SKIP, cells, thread_slot(v, t), pos));
	if (!SEED_BUG(42))
		ring_wake(r, pos);
	return !mine && op == MSG_OP_CLAIMED;
}

/* It had a ring and had not linked it; or it had, and its owner is no more: the
 * dead would have looked for that next. */
static void give_ring_back(struct view *v, struct thread_rec *me,
			   const struct thread_rec *t)
{
	uint32_t i = t->msg.kind, owner = (uint32_t)t->msg.a[0];
	uint64_t link = t->msg.a[1];
	uint32_t linked = i + 1, *word;

	/* The word may be anywhere below the heap. */
	if (i >= ring_hi(v) || link % 4 || link > v->geo.off_words ||
	    !view_has(v, link, 4))
		return;
	word = view_at(v, link);
	if (load_acquire(word) == linked &&
	    (owner & RING_OF_REACTOR || member_find(v, owner) ||
	     !cas_acq_rel(word, &linked, 0u)))
		return;
	ring_close(v, me, i, owner);
}

int ring_recover(struct view *v, struct thread_rec *t)
{
	uint32_t op = load_relaxed(&t->msg.op);
	bool committed = false;
	struct thread_rec *me;
	struct ring r;

	if (op == MSG_OP_OPEN)
		give_ring_back(v, life_rec(v), t);
	else if (op && ring_map(v, t->msg.kind, &r) < 0)
		return -EIO;
	else if (op)
		committed = settle(v, t, &r);
	if (committed) {
		store_relaxed(&t->msg_block, 0ull);
	} else if (load_relaxed(&t->msg_block)) {
		me = life_rec(v);
		if (!me)
			return -EIO;
		block_free_from(v, me, view_off(v, &t->msg_block));
		store_relaxed(&t->msg_block, 0ull);
	}
	compiler_fence();
	store_relaxed(&t->msg.op, 0u);
	return 0;
}

/* --- Consuming ------------------------------------------------------------ */

enum ring_found ring_look(const struct ring *r, uint64_t pos,
			  uint32_t *ret_cells, uint32_t *ret_producer)
{
	/* Acquire: pairs with the release in ring_commit(). */
	uint64_t h = load_acquire(&r->hdr[pos & r->mask]);
	uint32_t cells = HDR_CELLS(h);

	*ret_cells = cells;
	*ret_producer = HDR_PRODUCER(h);
	if (HDR_POS(h) != (pos & HDR_POS_MASK))
		return POS_IS_BEFORE(HDR_POS(h), pos & HDR_POS_MASK)
			       ? RING_EMPTY
			       : RING_LOST;
	if (HDR_STATE(h) == HDR_FREE)
		return RING_EMPTY;
	if (!cells || cells > r->cells - (pos & r->mask))
		return RING_BROKEN;
	switch (HDR_STATE(h)) {
	case HDR_CLAIM:
		return RING_BUSY;
	case HDR_DONE:
		return RING_RECORD;
	default:
		return RING_SKIP;
	}
}

/* The last cell first.  So no producer gets in before all is done; and killed
 * on the way, what is left begins with whole records, and cells behind them say
 * by their positions that they have been given back. */
void ring_release(struct ring *r, uint64_t from, uint64_t to)
{
	for (uint64_t p = to; p-- != from;) {
		uint64_t at = SEED_BUG(43) ? from + (to - 1 - p) : p;

		/* Release: pairs with the acquires in ring_claim(): what was
		 * in the cell has been read. */
		store_release(&r->hdr[at & r->mask],
			      HDR_FREE_AT(at + r->cells));
	}
	compiler_fence();
	store_relaxed(&r->ctl->head, to);
	ring_tell_space(r);
}

bool ring_arm(struct ring *r, uint64_t pos)
{
	uint64_t h = HDR_FREE_AT(pos);

	/* Relaxed: what a claim brings is read with acquire later. */
	return cas_relaxed(&r->hdr[pos & r->mask], &h, h | HDR_SLEEP) ||
	       h == (HDR_FREE_AT(pos) | HDR_SLEEP);
}

void ring_rouse(struct ring *r, uint64_t pos)
{
	uint64_t h = HDR_FREE_AT(pos) | HDR_SLEEP;

	if (cas_relaxed(&r->hdr[pos & r->mask], &h, HDR_FREE_AT(pos)))
		ring_wake(r, pos);
}

int ring_sleep(struct ring *r, uint64_t pos, int64_t timeout_ns)
{
	return futex_wait((uint32_t *)&r->hdr[pos & r->mask],
			  (uint32_t)(HDR_FREE_AT(pos) | HDR_SLEEP), timeout_ns);
}

/* From the head on each cell has its position of this lap, or has been given
 * back and has that of the next: as long as the head does not move. */
bool ring_is_sound(const struct ring *r)
{
	uint64_t head = load_acquire(&r->ctl->head);
	bool sound = true;

	for (uint64_t p = head; sound && p != head + r->cells; p++) {
		uint64_t h = load_acquire(&r->hdr[p & r->mask]);

		sound = HDR_POS(h) == (p & HDR_POS_MASK) ||
			HDR_POS(h) == ((p + r->cells) & HDR_POS_MASK);
	}
	return sound || load_acquire(&r->ctl->head) != head;
}

uint32_t ring_pending(const struct ring *r)
{
	uint64_t pos = load_relaxed(&r->ctl->head);
	uint32_t cells, producer, pending = 0;

	for (uint32_t n = 0; n < r->cells; n += cells) {
		enum ring_found found = ring_look(r, pos, &cells, &producer);

		if (found != RING_RECORD && found != RING_SKIP)
			break;
		pending += found == RING_RECORD;
		pos += cells;
	}
	return pending;
}
