/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/recovery/check.h"

#include "libfusion/core/recovery/recover.h"

#include <stdio.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/heap_check.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_recover.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_check.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_recover.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/core/talk/ring.h"
#include "libfusion/core/talk/ring_check.h"

struct checker {
	struct view *v;
	check_report_fn report;
	void *ctx;
	unsigned faults;
};

static void fault(struct checker *c, const char *what, uint32_t index)
{
	char text[128];

	c->faults++;
	snprintf(text, sizeof(text), "%s (%u)", what, index);
	if (c->report)
		c->report(c->ctx, text);
}

static void check_superblock(struct checker *c)
{
	const struct superblock *sb = c->v->sb;
	struct geometry geo;

	if (geometry_read(&geo, sb) < 0)
		fault(c, "superblock: positions do not follow from the span",
		      0);
	if (load_relaxed(&sb->state) > ARENA_GONE)
		fault(c, "superblock: unknown state", sb->state);
	if (load_relaxed(&sb->members_hi) > geo.max_members + 1)
		fault(c, "superblock: members_hi too high", sb->members_hi);
	if (load_relaxed(&sb->threads_hi) > geo.max_threads)
		fault(c, "superblock: threads_hi too high", sb->threads_hi);
	for (int kind = 0; kind < N_KINDS; kind++) {
		const struct table_head *h = &sb->tables[kind];

		if (load_relaxed(&h->hi) > geo.tables[kind].max)
			fault(c, "superblock: a table's mark is too high",
			      h->hi);
		if (load_relaxed(&h->lock.word))
			fault(c, "lock of a table is held", h->lock.word);
	}
	if (load_relaxed(&sb->event_lock.word))
		fault(c, "event lock is held", sb->event_lock.word);
}

static void check_members(struct checker *c)
{
	uint32_t hi = members_hi(c->v),
		 master = load_relaxed(&c->v->sb->master);
	bool found = !master;

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(c->v, i);
		uint32_t state = load_relaxed(&m->state);

		if (state > MEMBER_DEAD)
			fault(c, "member: unknown state", i);
		if (state == MEMBER_FREE)
			continue;
		if (state == MEMBER_DEAD)
			fault(c, "member: dead and not recovered", i);
		if (!m->id || m->id >= load_relaxed(&c->v->sb->next_id))
			fault(c, "member: id out of range", i);
		if (member_find(c->v, m->id) != i)
			fault(c, "member: two have one id", i);
		found = found || m->id == master;
	}
	if (!found)
		fault(c, "member: the master is not inside", master);
}

static bool announces(const struct thread_rec *t)
{
	for (unsigned i = 0; i < THREAD_HELD; i++)
		if (t->held[i])
			return true;
	return load_relaxed(&t->span.op) || load_relaxed(&t->table.op) ||
	       load_relaxed(&t->pool.op) || load_relaxed(&t->msg.op) ||
	       load_relaxed(&t->msg_block) || load_relaxed(&t->call.op) ||
	       ref_announces(t) || object_announces(t);
}

static void check_threads(struct checker *c)
{
	uint32_t hi = view_hi(&c->v->sb->threads_hi, c->v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *t = view_thread(c->v, i);
		uint32_t slot = load_relaxed(&t->member);

		if (announces(t))
			fault(c, "thread: announces an operation", i);
		if (skirmish_check_thread(c->v, t) ||
		    property_check_thread(c->v, t))
			fault(c, "thread: announces a lock that is not its own",
			      i);
		if (!slot)
			continue;
		if (TOKEN_SLOT(t->token) != i || !TOKEN_GEN(t->token))
			fault(c, "thread: token is not its own", i);
		if (slot - 1 >= members_hi(c->v))
			fault(c, "thread: of no member", i);
		else if (slot > 1 &&
			 !load_relaxed(&view_member(c->v, slot - 1)->state))
			fault(c, "thread: of a member that is gone", i);
	}
}

unsigned arena_check(struct view *v, check_report_fn report, void *ctx)
{
	struct checker c = {.v = v, .report = report, .ctx = ctx};

	check_superblock(&c);
	check_members(&c);
	check_threads(&c);
	for (int kind = 0; kind < N_KINDS; kind++)
		c.faults += table_check(v, kind, report, ctx);
	return c.faults + skirmish_check(v, report, ctx) +
	       property_check(v, report, ctx) + ref_check(v, report, ctx) +
	       object_check(v, report, ctx) + ring_check(v, report, ctx) +
	       reactor_check(v, report, ctx) + call_check(v, report, ctx) +
	       heap_check(v, report, ctx);
}
