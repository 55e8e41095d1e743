/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/field.h"
#include "libfusion/core/heap.h"
#include "libfusion/core/recover.h"

struct checker {
	struct view *v;
	check_report_fn report;
	void *ctx;
	unsigned bad;
};

static void fault(struct checker *c, const char *fmt, unsigned i)
{
	char text[96];

	c->bad++;
	snprintf(text, sizeof(text), fmt, i);
	if (c->report)
		c->report(c->ctx, text);
}

static void check_thread(struct checker *c, uint32_t i)
{
	const struct thread_rec *t = view_thread(c->v, i);
	uint32_t member = t->member, state;

	if (t->span.op || t->field.op || t->pool.op)
		fault(c, "thread %u: an intent is left", i);
	if (t->pend_slot || t->pend_ptr)
		fault(c, "thread %u: a pending block is left", i);
	for (int h = 0; h < THREAD_HELD; h++)
		if (t->held[h])
			fault(c, "thread %u: a lock is announced", i);
	if (!member)
		return;
	if (member - 1 > c->v->geo.max_members) {
		fault(c, "thread %u: bad member", i);
		return;
	}
	state = view_member(c->v, member - 1)->state;
	/* Slot 0 is the undertaker's: it has a record, member or not. */
	if (member > 1 && (state == MEMBER_FREE || state == MEMBER_DEAD))
		fault(c, "thread %u: its member is gone", i);
}

unsigned arena_check(struct view *v, check_report_fn report, void *ctx)
{
	struct checker c = {.v = v, .report = report, .ctx = ctx};
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++)
		check_thread(&c, i);
	hi = view_hi(&v->sb->members_hi, v->geo.max_members + 1);
	for (uint32_t i = 1; i < hi; i++)
		if (view_member(v, i)->state > MEMBER_LEAVING)
			fault(&c, "member slot %u: dead or nonsense", i);
	if (v->sb->field_lock.word)
		fault(&c, "field lock is held by %u", v->sb->field_lock.word);
	if (v->sb->event_lock.word)
		fault(&c, "event lock is held by %u", v->sb->event_lock.word);
	c.bad += field_check(v, report, ctx);
	c.bad += heap_check(v, report, ctx);
	return c.bad;
}
