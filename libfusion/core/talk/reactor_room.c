/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room in a reactor's ring
 *
 * Producers free the oldest records themselves.  The gate is the position of
 * the slowest listener that is waited for; what lies before it may be freed.
 * The gate is not behind the end of the ring (find_gate()), since a listener
 * may begin there at any moment.  Cursors that are not waited for and stand
 * before the gate are pushed along, and the pusher counts the message as
 * dropped.  So each message is read or counted once by each listener.
 *
 * Invariant: a cell is stamped free by CAS from the exact word that was read,
 * the first cell of a record last.  A producer that is late, or dies on the
 * way, changes nothing that others have changed.
 */
#include "libfusion/core/talk/reactor_room.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/ring_consume.h"

/* How often to try against a reader that moves by itself meanwhile.  A reader
 * moves once a record; what moves more often than that is no reader, but
 * somebody scribbling. */
#define PUSH_TRIES 64

/* Move @c behind the record at @pos, unless it is there already.  True: moved
 * by this call, so the record is lost to that listener.  Acquire: pairs with
 * the CAS in read_next_record(). */
static bool push_cursor(struct cursor *c, uint64_t pos, uint32_t cells)
{
	uint64_t at = load_acquire(&c->pos);

	for (int i = 0; at <= pos && i < PUSH_TRIES; i++)
		/* Release: pairs with the acquire of pos in
		 * read_next_record(). */
		if (cas_release(&c->pos, &at, pos + cells))
			return true;
	return false;
}

/* Push all cursors along that stand before the record at @pos, and count the
 * message.  Cursors that are waited for (cursor_is_gating()) are pushed too:
 * they were not waited for when the gate was computed, or they would not stand
 * here.  A listener that lags may go idle, and so be waited for again, at any
 * moment.  A new listener that is LIVE has yet to go to the end. */
static void push_cursors(struct ring *r, uint64_t pos, uint32_t cells,
			 uint64_t channel, bool is_message)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		struct cursor *c = cursor_at(r, i);
		/* Acquire: pairs with the release in take_cursor(); the
		 * position is that of this listener. */
		uint32_t state = CURSOR_STATE(load_acquire(&c->st));

		if ((state == CURSOR_LAGGED || state == CURSOR_LIVE) &&
		    !(SEED_BUG(80) && cursor_is_gating(c)) &&
		    push_cursor(c, pos, cells) && is_message &&
		    load_relaxed(&c->mask) & CHANNEL_BIT(channel))
			add_relaxed(&c->dropped, 1);
	}
}

/* Stamp the cells of a record for the next lap, the interior cells first, each
 * by CAS from the exact word that it had: a thread that is late does nothing.
 * Release: pairs with the acquires in ring_claim() and are_cells_free(); the
 * cursors are pushed first. */
static void stamp_free(struct ring *r, uint64_t pos, uint32_t cells, uint64_t h)
{
	for (uint32_t i = cells - 1; i; i--) {
		uint64_t was = HDR_FREE_AT(pos + i);

		cas_release(&r->hdr[(pos + i) & r->mask], &was,
			    HDR_FREE_AT(pos + i + r->cells));
	}
	cas_release(&r->hdr[pos & r->mask], &h, HDR_FREE_AT(pos + r->cells));
}

/*
 * Find the position before which records may be freed.
 *
 *   here                               a listener that begins
 *   the end of the ring?               cursor LIVE
 *   fence                              fence
 *   is the cursor LIVE? its position   the end of the ring? begin there
 *
 * If the cursor is not seen LIVE here, the listener finds the same end or a
 * later one.  So it owns no record before the gate, however late the records
 * are freed.
 */
static uint64_t find_gate(const struct ring *r, uint64_t head)
{
	uint64_t end = ring_tail(r), gate;

	full_fence();
	gate = cursors_gate(r, head);
	return gate < end || SEED_BUG(112) ? gate : end;
}

/* Give a few of the oldest records back.  True: something is free now. */
bool reactor_make_room(struct ring *r, uint64_t *ret_gate)
{
	/* Acquire: pairs with the CAS of the head below. */
	uint64_t head = load_acquire(&r->ctl->head);
	uint64_t gate = find_gate(r, head);
	bool freed = false;

	*ret_gate = gate;
	for (uint32_t n = 0; n < r->cells / 8 && head < gate;) {
		/* Acquire: pairs with the release in ring_commit(). */
		uint64_t h = load_acquire(&r->hdr[head & r->mask]);
		uint32_t cells = HDR_CELLS(h), producer;
		enum ring_found found = ring_look(r, head, &cells, &producer);
		const struct msg_head *m = ring_head_at(r, head);

		if (found == RING_LOST) {
			cells = 1; /* stamped by a thread that did not move the
				      head */
		} else if (found == RING_RECORD || found == RING_SKIP) {
			push_cursors(r, head, cells, load_relaxed(&m->a),
				     found == RING_RECORD);
			stamp_free(r, head, cells, h);
		} else {
			break;
		}
		freed = true;
		n += cells;
		/* Release: the stamps come first; pairs with the acquires of
		 * the head, in this function and in cursor_is_sound(). */
		if (cas_release(&r->ctl->head, &head, head + cells))
			head += cells;
		else
			head = load_acquire(&r->ctl->head);
	}
	return freed;
}
