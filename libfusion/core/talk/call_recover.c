/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of the dead, and what is true of those of the living. */
#include "libfusion/core/talk/call_recover.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_private.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/core/talk/ring_produce.h"

#define UPCALLS_MAX 3 /* of one slot, one after another */

/* --- Recovery ------------------------------------------------------------- */

static void recover_return(struct view *v, struct thread_rec *t,
			   struct thread_rec *me)
{
	uint32_t i = t->call.kind, at = i;
	struct call_slot *s;
	uint64_t st;

	if (load_relaxed(&t->call.op) != CALL_OP_RETURN)
		return;
	s = i < v->geo.n_slots ? call_slot_next(v, &at) : NULL;
	if (s && at == i + 1) {
		st = load_acquire(&s->st);
		if (SLOT_SEQ(st) == (uint32_t)t->call.a[0] &&
		    SLOT_STATE(st) == SLOT_RETURNING &&
		    SLOT_EXTRA(st) == thread_slot(v, t)) {
			call_slot_free_block(v, me, s);
			call_finish(v, me, s, SLOT_FAILED, EOWNERDEAD);
		} else {
			call_tell(v, s, st);
		}
	}
	compiler_fence();
	store_relaxed(&t->call.op, 0u);
}

/* Nobody executes it: its caller is to know. */
static void drop_upcall(struct view *v, struct call_slot *s)
{
	uint64_t serial = load_acquire(&s->upcall);
	struct call_slot *up = call_slot_of(v, serial);

	if (up && call_is_wanted(v, serial))
		call_fail_seen(v, up, load_acquire(&up->st), EOWNERDEAD);
	call_upcall_take(s);
}

/* A slot of a thread that is gone.  It has one upcall at most, and as its
 * thread does not take it there comes no other: a slot that has one each time
 * we look makes no sense. */
static int recover_slot(struct view *v, struct thread_rec *me,
			struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);

	for (int i = 0; i < UPCALLS_MAX; i++) {
		if (st & SLOT_ONEWAY)
			return 0; /* whoever executes it frees it */
		if (call_withdraw(v, me, s, &st) || call_abandon(s, &st))
			return 0;
		if (!(st & SLOT_UPCALL))
			break;
		drop_upcall(v, s);
		st = load_acquire(&s->st);
	}
	if (st & SLOT_UPCALL)
		return -EIO;
	if (SLOT_STATE(st) == SLOT_IDLE) {
		call_slot_free_block(v, me, s);
		call_slot_leave(v, s, load_relaxed(&s->owner));
	} else {
		call_slot_free(v, me, s);
	}
	return 0;
}

static struct call_slot *next_slot_of(struct view *v,
				      const struct thread_rec *t, uint32_t *at)
{
	uint32_t token = thread_token(t);
	struct call_slot *s = NULL;

	if (*at == 0) {
		*at = v->geo.max_threads;
		s = call_slot_at(v, thread_slot(v, t));
	}
	if (!s)
		s = call_slot_next(v, at);
	while (s && load_relaxed(&s->owner) != token)
		s = call_slot_next(v, at);
	return s;
}

/* What it executed: @serial, and is not any more. */
static void fail_executed(struct view *v, uint64_t serial)
{
	struct call_slot *s = call_slot_of(v, serial);
	uint64_t st = s ? load_acquire(&s->st) : 0;

	if (s && SLOT_SEQ(st) == SERIAL_SEQ(serial))
		call_fail_seen(v, s, st, EOWNERDEAD);
}

/* And what it was in the middle of when it called others: not what it has
 * deferred since, if it has gone on with the answer. */
static void recover_exec(struct view *v, struct thread_rec *t)
{
	const struct call_slot *s;
	uint32_t at = 0;

	fail_executed(v, call_enter(t, 0));
	while ((s = next_slot_of(v, t, &at))) {
		uint64_t st = load_acquire(&s->st);

		if (SLOT_STATE(st) != SLOT_IDLE && !(st & SLOT_ONEWAY) &&
		    !call_is_put_off(v, s, st))
			fail_executed(v, load_relaxed(&s->parent));
	}
}

int call_recover(struct view *v, struct thread_rec *t, struct thread_rec *me,
		 bool alone)
{
	struct call_slot *s;
	uint32_t at = 0;
	int r = 0;

	if (!me)
		return -EIO;
	recover_return(v, t, me);
	if (alone)
		recover_exec(v, t);
	while (r == 0 && !SEED_BUG(52) && (s = next_slot_of(v, t, &at)))
		r = recover_slot(v, me, s);
	if (r < 0)
		return r;
	store_relaxed(&t->exec, 0u);
	store_relaxed(&t->put_off, 0ull);
	return 0;
}

/* Records that it has queued, and whose wake it owed. */
static void wake_queues(struct view *v)
{
	uint32_t cells, producer;
	struct ring r;

	for (uint32_t i = 0; i < ring_hi(v); i++) {
		uint64_t head;

		if (ring_map(v, i, &r) < 0 || !load_acquire(&r.ctl->owner) ||
		    load_relaxed(&r.ctl->owner) & RING_OF_REACTOR)
			continue;
		head = load_acquire(&r.ctl->head);
		if (ring_look(&r, head, &cells, &producer) == RING_RECORD)
			ring_wake(&r, head);
	}
}

int call_recover_member(struct view *v, uint32_t slot)
{
	uint32_t id = load_relaxed(&view_member(v, slot)->id), at = 0;
	struct call_slot *s;

	/* The drawing is at call_begin(). */
	full_fence();
	while ((s = call_slot_next(v, &at))) {
		uint64_t st = load_acquire(&s->st);

		if (load_relaxed(&s->callee_slot) == slot &&
		    load_relaxed(&s->callee_id) == id && !SEED_BUG(51))
			call_fail_seen(v, s, st, EOWNERDEAD);
	}
	wake_queues(v);
	return 0;
}

/* --- The checker ---------------------------------------------------------- */

static const char *slot_fault(struct view *v, const struct call_slot *s)
{
	uint64_t st = load_relaxed(&s->st);
	uint32_t owner = load_relaxed(&s->owner);

	switch (SLOT_STATE(st)) {
	case SLOT_IDLE:
		return s->block ? "call: an idle slot has a block" : NULL;
	case SLOT_RETURNING:
		if (SLOT_EXTRA(st) >= v->geo.max_threads ||
		    !load_relaxed(&view_thread(v, SLOT_EXTRA(st))->member))
			return "call: nobody returns it";
		return NULL;
	case SLOT_POSTED:
		if (!member_at(v, s->callee_slot, s->callee_id))
			return "call: its owner is gone";
		break;
	case SLOT_DONE:
	case SLOT_FAILED:
		break;
	default:
		return "call: unknown state";
	}
	return st & SLOT_ONEWAY || thread_by_token(v, owner)
		       ? NULL
		       : "call: nobody waits for it";
}

unsigned call_check(struct view *v, check_report_fn report, void *ctx)
{
	uint32_t hi = table_hi(v, KIND_CALL), at = 0;
	struct checker k = {.report = report, .ctx = ctx};
	const struct call_slot *s;

	for (uint32_t i = 0; i < hi; i++) {
		const struct call *c = view_entry(v, KIND_CALL, i);
		const char *what = NULL;

		if (load_relaxed(&c->e.state) != ENTRY_USED)
			continue;
		if (load_relaxed(&c->id) != load_relaxed(&c->e.id))
			what = "call: id is not its own";
		else if (load_relaxed(&c->lock.word))
			what = "call: lock is held";
		if (what)
			check_fault(&k, "%s", what);
	}
	while ((s = call_slot_next(v, &at))) {
		const char *what = slot_fault(v, s);

		if (what)
			check_fault(&k, "%s", what);
	}
	return k.faults;
}
