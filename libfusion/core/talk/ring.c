/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rings as everybody sees them: find the memory of one, find its end, check its
 * headers
 *
 * Nothing here writes, and everything is bounded, so that the daemon may do it
 * with a hostile ring.
 */
#include "libfusion/core/talk/ring.h"

static bool is_ring_size(uint32_t cells)
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
	if (!is_ring_size(cells) || n_cursors > v->geo.n_rings ||
	    off < v->geo.off_ring_mem || off % RING_CELL || off > end ||
	    ring_memory_size(cells, n_cursors) > end - off)
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

/* Where to look on, if the cell at @pos was given back: at the head, or at the
 * next cell if the head has not moved yet. */
static uint64_t next_lap(const struct ring *r, uint64_t pos)
{
	uint64_t head = load_relaxed(&r->ctl->head);

	return head > pos ? head : pos + 1;
}

uint64_t ring_tail(const struct ring *r)
{
	uint64_t pos = load_relaxed(&r->ctl->hint);

	/* Acquire in the loop: pairs with the release in ring_commit() and
	 * ring_release(), as in ring_claim().  The hint itself may be relaxed:
	 * a wrong one costs turns. */
	for (uint32_t turn = 0; turn < 2 * r->cells; turn++) {
		uint64_t h = load_acquire(&r->hdr[pos & r->mask]);

		if (HDR_POS(h) == (pos & HDR_POS_MASK) &&
		    HDR_STATE(h) != HDR_FREE && HDR_CELLS(h))
			pos += HDR_CELLS(h);
		else if (POS_IS_BEFORE(pos & HDR_POS_MASK, HDR_POS(h)))
			pos = next_lap(r, pos);
		else
			break;
	}
	return pos;
}

bool ring_has_room(const struct ring *r)
{
	uint64_t pos = ring_tail(r);

	/* Acquire: pairs with the release in ring_release(), as in
	 * ring_claim(). */
	return HDR_POS(load_acquire(&r->hdr[pos & r->mask])) ==
	       (pos & HDR_POS_MASK);
}

/* From the head on each cell has its position of this lap; or it was given
 * back, and has that of the next lap.  This holds as long as the head does not
 * move.  Acquire: pairs with the release of the head in reactor_make_room();
 * headers are read behind the head. */
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
