/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consuming: look at the next record, give its cells back, sleep until one
 * comes
 *
 * ring_look() and ring_pending() only read, so any process may call them.  The
 * other functions belong to the one consumer of a member's queue.  A reactor's
 * ring has no consumer: its producers make room themselves (reactor_room.c).
 *
 * Invariant: head moves only over cells that are stamped for the next lap, and
 * the cells of a record are stamped from the last to the first.  So a producer
 * never finds the first cell of a record free while a later one is still in
 * use.
 */
#include "libfusion/core/talk/ring_consume.h"

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/talk/ring_produce.h"
#include "libfusion/core/talk/ring_room.h"

enum ring_found ring_look(const struct ring *r, uint64_t pos,
			  uint32_t *ret_cells, uint32_t *ret_producer)
{
	/* Acquire: pairs with the release in ring_commit().  The consumer must
	 * see the record once it sees DONE. */
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

/* How often to look for the end of a ring in which others dispatch meanwhile.
 * Once is enough, unless this thread is stopped while it looks. */
#define TAIL_TRIES 64

uint64_t ring_end(const struct ring *r)
{
	uint32_t cells, producer;
	uint64_t end = 0;

	for (unsigned n = 0; n < TAIL_TRIES; n++) {
		end = ring_tail(r);
		if (ring_look(r, end, &cells, &producer) == RING_EMPTY)
			break;
	}
	return end;
}

/* Stamp the last cell first, so that no producer gets in before all cells are
 * free.  If the consumer is killed on the way, the cells from the head on are
 * still whole records, and the cells behind them say by their positions that
 * they are free. */
void ring_release(struct ring *r, uint64_t from, uint64_t to)
{
	for (uint64_t p = to; p-- != from;) {
		uint64_t at = SEED_BUG(43) ? from + (to - 1 - p) : p;

		/* Release: pairs with the acquires in ring_claim().  The
		 * consumer has read the cell before a producer overwrites
		 * it. */
		store_release(&r->hdr[at & r->mask],
			      HDR_FREE_AT(at + r->cells));
	}
	compiler_fence();
	/* Relaxed: producers and other readers take the head for a hint, and
	 * trust the headers. */
	store_relaxed(&r->ctl->head, to);
	ring_tell_space(r);
}

bool ring_arm(struct ring *r, uint64_t pos)
{
	uint64_t h = HDR_FREE_AT(pos);

	/* Relaxed: the CAS only says that nothing has come.  Once a record has
	 * come, the consumer reads it behind the acquire in ring_look(). */
	return cas_relaxed(&r->hdr[pos & r->mask], &h, h | HDR_SLEEP) ||
	       h == (HDR_FREE_AT(pos) | HDR_SLEEP);
}

void ring_rouse(struct ring *r, uint64_t pos)
{
	uint64_t h = HDR_FREE_AT(pos) | HDR_SLEEP;

	/* Relaxed: no data is passed; the futex compares the word again. */
	if (cas_relaxed(&r->hdr[pos & r->mask], &h, HDR_FREE_AT(pos)))
		ring_wake(r, pos);
}

int ring_sleep(struct ring *r, uint64_t pos, int64_t timeout_ns)
{
	return futex_wait((uint32_t *)&r->hdr[pos & r->mask],
			  (uint32_t)(HDR_FREE_AT(pos) | HDR_SLEEP), timeout_ns);
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
