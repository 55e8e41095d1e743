/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checker of a whole arena
 *
 * What it checks is what a quiet arena keeps: no lock is held, no thread
 * announces anything, the owner of each record is inside, and the checkers
 * of all kinds find no fault.
 */
#include "libfusion/core/recovery/check.h"

#include "libfusion/core/recovery/recover.h"

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/heap/container.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/heap_check.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/property_recover.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_recover.h"
#include "libfusion/core/names/table_check.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_recover.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_check.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_recover.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/cursor_recover.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/core/talk/ring.h"
#include "libfusion/core/talk/ring_check.h"

struct arena_checker {
	struct checker check;
	struct view *v;
};

static void check_superblock(struct arena_checker *c)
{
	const struct superblock *sb = c->v->sb;
	struct geometry geo;

	if (geometry_read(&geo, sb) < 0)
		check_fault(
			&c->check,
			"superblock: positions do not follow from the span");
	if (load_relaxed(&sb->state) > ARENA_GONE)
		check_fault(&c->check, "superblock: unknown state (%u)",
			    sb->state);
	if (load_relaxed(&sb->members_hi) > geo.max_members + 1)
		check_fault(&c->check, "superblock: members_hi too high (%u)",
			    sb->members_hi);
	if (load_relaxed(&sb->threads_hi) > geo.max_threads)
		check_fault(&c->check, "superblock: threads_hi too high (%u)",
			    sb->threads_hi);
	for (int kind = 0; kind < N_KINDS; kind++) {
		const struct table_head *h = &sb->tables[kind];

		if (load_relaxed(&h->hi) > geo.tables[kind].max)
			check_fault(
				&c->check,
				"superblock: a table's mark is too high (%u)",
				h->hi);
		if (load_relaxed(&h->lock.word))
			check_fault(&c->check, "lock of a table is held (%u)",
				    h->lock.word);
	}
	if (load_relaxed(&sb->event_lock.word))
		check_fault(&c->check, "event lock is held (%u)",
			    sb->event_lock.word);
}

static void check_members(struct arena_checker *c)
{
	uint32_t hi = members_hi(c->v),
		 master = load_relaxed(&c->v->sb->master);
	bool found = !master;

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(c->v, i);
		uint32_t state = load_relaxed(&m->state);

		if (state > MEMBER_DEAD)
			check_fault(&c->check, "member: unknown state (%u)", i);
		if (state == MEMBER_FREE)
			continue;
		if (state == MEMBER_DEAD)
			check_fault(&c->check,
				    "member: dead and not recovered (%u)", i);
		if (!m->id || m->id >= load_relaxed(&c->v->sb->next_id))
			check_fault(&c->check, "member: id out of range (%u)",
				    i);
		if (member_find(c->v, m->id) != i)
			check_fault(&c->check, "member: two have one id (%u)",
				    i);
		found = found || m->id == master;
	}
	if (!found)
		check_fault(&c->check, "member: the master is not inside (%u)",
			    master);
}

/* Tell whether @t announces an operation, or holds a lock. */
static bool announces_any(const struct thread_rec *t)
{
	for (unsigned i = 0; i < THREAD_CORE_LOCKS; i++)
		if (t->core_locks[i])
			return true;
	return load_relaxed(&t->span.op) || load_relaxed(&t->table.op) ||
	       load_relaxed(&t->pool.op) || load_relaxed(&t->msg.op) ||
	       load_relaxed(&t->msg_block) || load_relaxed(&t->call.op) ||
	       ref_announces(t) || object_announces(t);
}

static void check_threads(struct arena_checker *c)
{
	uint32_t hi = view_hi(&c->v->sb->threads_hi, c->v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *t = view_thread(c->v, i);
		uint32_t slot = load_relaxed(&t->member);

		if (announces_any(t))
			check_fault(&c->check,
				    "thread: announces an operation (%u)", i);
		if (skirmish_check_thread(c->v, t) ||
		    property_check_thread(c->v, t))
			check_fault(
				&c->check,
				"thread: announces a lock that is not its own (%u)",
				i);
		if (!slot)
			continue;
		if (TOKEN_SLOT(t->token) != i || !TOKEN_GEN(t->token))
			check_fault(&c->check,
				    "thread: token is not its own (%u)", i);
		if (slot - 1 >= members_hi(c->v))
			check_fault(&c->check, "thread: of no member (%u)", i);
		else if (slot > 1 &&
			 !load_relaxed(&view_member(c->v, slot - 1)->state))
			check_fault(&c->check,
				    "thread: of a member that is gone (%u)", i);
	}
}

unsigned arena_check(struct view *v, check_report_fn report, void *ctx)
{
	struct arena_checker c = {
		.check = {.report = report, .ctx = ctx},
		.v = v,
	};

	check_superblock(&c);
	check_members(&c);
	check_threads(&c);
	for (int kind = 0; kind < N_KINDS; kind++)
		c.check.faults += table_check(v, kind, report, ctx);
	return c.check.faults + skirmish_check(v, report, ctx) +
	       property_check(v, report, ctx) + ref_check(v, report, ctx) +
	       object_check(v, report, ctx) + ring_check(v, report, ctx) +
	       reactor_check(v, report, ctx) + call_check(v, report, ctx) +
	       container_check(v, report, ctx) + heap_check(v, report, ctx);
}
