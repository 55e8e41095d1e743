/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The invariants of the members' queues in a quiet arena; reactor_check() has
 * those of reactors' rings.
 */
#include "libfusion/core/talk/ring_check.h"

#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/ring.h"
#include "libfusion/core/talk/ring_consume.h"

struct ring_checker {
	struct checker check;
	struct view *v;
};

/* Check one queue: from the head on whole records, then free cells of this
 * lap. */
static void check_queue(struct ring_checker *c, const struct ring *r)
{
	uint64_t pos = load_relaxed(&r->ctl->head);
	uint64_t end = pos + r->cells;
	uint32_t cells, producer;
	enum ring_found found;

	while (pos < end) {
		found = ring_look(r, pos, &cells, &producer);
		if (found == RING_EMPTY)
			break;
		if (found == RING_BUSY)
			check_fault(&c->check,
				    "ring: a record is being written (%u)",
				    r->index);
		else if (found != RING_RECORD && found != RING_SKIP)
			check_fault(&c->check,
				    "ring: a header makes no sense (%u)",
				    r->index);
		if (!cells || cells > end - pos) {
			check_fault(&c->check,
				    "ring: a record is too long (%u)",
				    r->index);
			return;
		}
		pos += cells;
	}
	for (; pos < end; pos++) {
		uint64_t h = load_relaxed(&r->hdr[pos & r->mask]);

		if ((h & ~HDR_SLEEP) != HDR_FREE_AT(pos)) {
			check_fault(
				&c->check,
				"ring: a cell is neither used nor free (%u)",
				r->index);
			return;
		}
	}
}

static bool has_queue_owner(const struct view *v, uint32_t owner,
			    uint32_t index)
{
	uint32_t slot = member_find(v, owner);

	return slot && load_relaxed(&view_member(v, slot)->ring) == index + 1;
}

unsigned ring_check(struct view *v, check_report_fn report, void *ctx)
{
	struct ring_checker c = {
		.check = {.report = report, .ctx = ctx},
		.v = v,
	};
	uint32_t hi = ring_hi(v);

	if (load_relaxed(&v->sb->rings.lock.word))
		check_fault(&c.check, "ring: the table's lock is held");
	for (uint32_t i = 0; i < hi; i++) {
		uint32_t owner;
		struct ring r;

		if (ring_map(v, i, &r) < 0) {
			check_fault(&c.check, "ring: it cannot be (%u)", i);
			continue;
		}
		owner = load_relaxed(&r.ctl->owner);
		/* reactor_check() checks reactors' rings.  A ring that a
		 * reactor gave back may also hold records, which its next
		 * reactor passes over, and cells whose producer died giving
		 * them back. */
		if (ring_is_reactors(owner) || r.n_cursors)
			continue;
		if (owner && !has_queue_owner(v, owner, i))
			check_fault(&c.check,
				    "ring: its owner does not know it (%u)", i);
		check_queue(&c, &r);
	}
	return c.check.faults;
}
