/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The invariants of the rings of a quiet arena. */
#include "libfusion/core/talk/ring_check.h"

#include <stdio.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/ring.h"

struct checker {
	struct view *v;
	void (*report)(void *, const char *);
	void *ctx;
	unsigned faults;
};

static void fault(struct checker *c, const char *what, uint32_t index)
{
	char text[96];

	c->faults++;
	snprintf(text, sizeof(text), "ring: %s (%u)", what, index);
	if (c->report)
		c->report(c->ctx, text);
}

/* Records from the head on, all of them whole, then free cells of this lap. */
static void check_queue(struct checker *c, const struct ring *r)
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
			fault(c, "a record is being written", r->index);
		else if (found != RING_RECORD && found != RING_SKIP)
			fault(c, "a header makes no sense", r->index);
		if (!cells || cells > end - pos) {
			fault(c, "a record is too long", r->index);
			return;
		}
		pos += cells;
	}
	for (; pos < end; pos++) {
		uint64_t h = load_relaxed(&r->hdr[pos & r->mask]);

		if ((h & ~HDR_SLEEP) != HDR_FREE_AT(pos)) {
			fault(c, "a cell is neither used nor free", r->index);
			return;
		}
	}
}

static bool has_owner(const struct view *v, uint32_t owner, uint32_t index)
{
	uint32_t slot = member_find(v, owner);

	return slot && load_relaxed(&view_member(v, slot)->ring) == index + 1;
}

unsigned ring_check(struct view *v, void (*report)(void *, const char *),
		    void *ctx)
{
	struct checker c = {.v = v, .report = report, .ctx = ctx};
	uint32_t hi = ring_hi(v);

	if (load_relaxed(&v->sb->rings.lock.word))
		fault(&c, "the table's lock is held", 0);
	for (uint32_t i = 0; i < hi; i++) {
		uint32_t owner;
		struct ring r;

		if (ring_map(v, i, &r) < 0) {
			fault(&c, "it cannot be", i);
			continue;
		}
		owner = load_relaxed(&r.ctl->owner);
		/* Those of reactors are looked at by reactor_check(); and what
		 * is in one that they gave back, the next one goes on with:
		 * cells whose producer died giving them back, too. */
		if (owner & RING_OF_REACTOR || r.n_cursors)
			continue;
		if (owner && !has_owner(v, owner, i))
			fault(&c, "its owner does not know it", i);
		check_queue(&c, &r);
	}
	return c.faults;
}
