/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery of calls
 *
 * A dead thread may be a caller that waits, a callee that executes, or the
 * thread that returns an answer; it may be all of them in a chain of calls.
 * Each part is found from the thread's own record or from the slots that have
 * its token, and each step is idempotent: killed here, the next recoverer
 * starts over.
 */
#include "libfusion/core/talk/call_recover.h"

#include "libfusion/core/base/futex.h"
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

#define UPCALLS_MAX 3 /* taken off one slot, one after another */

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
		/* Acquire: pairs with the CAS in call_return_begin() and
		 * call_finish(); the dead thread stores no more. */
		st = load_acquire(&s->st);
		if (SLOT_SEQ(st) == (uint32_t)t->call.a[0] &&
		    SLOT_STATE(st) == SLOT_RETURNING &&
		    SLOT_EXTRA(st) == thread_slot(v, t)) {
			call_slot_free_block(v, me, s);
			call_finish(v, me, s, SLOT_FAILED, ECONNRESET);
		} else {
			call_tell(v, s, st);
		}
	}
	compiler_fence();
	store_relaxed(&t->call.op, 0u);
}

/* Take the upcall off a dead thread's slot, and fail the request that it names:
 * nobody will execute it.  Acquire: pairs with the release in call_upcall(). */
static void drop_upcall(struct view *v, struct call_slot *s)
{
	uint64_t serial = load_acquire(&s->upcall);
	struct call_slot *up = call_slot_of(v, serial);

	if (up && call_is_wanted(v, serial))
		call_fail_seen(v, up, load_acquire(&up->st), EHOSTDOWN);
	call_upcall_take(s);
}

/* Free a slot of a dead thread, or abandon it.  It has one upcall at most; as
 * its thread takes none off, no other upcall comes.  A slot that has one each
 * time it is read makes no sense. */
static int recover_slot(struct view *v, struct thread_rec *me,
			struct call_slot *s)
{
	/* Acquire: pairs with the release in post_slot() and call_finish();
	 * block and upcall are read behind the state. */
	uint64_t st = load_acquire(&s->st);

	for (int i = 0; i < UPCALLS_MAX; i++) {
		if (st & SLOT_ONEWAY)
			return 0; /* the thread that executes it frees it */
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

/* The dead thread has begun to execute the request of @serial: fail it if the
 * thread has died alone.  If all of its member is dead, note for
 * call_recover_member() that it was begun.  Should the slot have another
 * request by now, then that may have run, as far as its caller learns. */
static void recover_executed(struct view *v, uint64_t serial, bool alone)
{
	struct call_slot *s = call_slot_of(v, serial);
	/* Acquire: pairs with the release in post_slot(). */
	uint64_t st = s ? load_acquire(&s->st) : 0;

	if (!s || SLOT_SEQ(st) != SERIAL_SEQ(serial))
		return;
	if (alone)
		call_fail_seen(v, s, st, ECONNRESET);
	else if (SLOT_STATE(st) == SLOT_POSTED && !load_relaxed(&s->since_ns) &&
		 !SEED_BUG(54))
		store_relaxed(&s->since_ns, (uint64_t)clock_monotonic_ns());
}

/* Do so for what @t executed, and for what it was executing when it made the
 * calls in which it waits.  Not for those of a slot whose answer was used: the
 * thread may have deferred that call since. */
static void recover_exec(struct view *v, struct thread_rec *t, bool alone)
{
	const struct call_slot *s;
	uint32_t at = 0;

	recover_executed(v, call_executes(t), alone);
	while ((s = next_slot_of(v, t, &at))) {
		/* Acquire: pairs with the release in post_slot(); .parent and
		 * .callee are read behind the number. */
		uint64_t st = load_acquire(&s->st);

		if (SLOT_STATE(st) != SLOT_IDLE && !(st & SLOT_ONEWAY) &&
		    !call_is_put_off(v, s, st))
			recover_executed(v, load_relaxed(&s->parent), alone);
	}
}

int call_recover(struct view *v, struct thread_rec *t, struct thread_rec *me,
		 bool alone)
{
	struct call_slot *s;
	uint32_t at = 0;
	int r = 0;

	recover_return(v, t, me);
	recover_exec(v, t, alone);
	while (r == 0 && !SEED_BUG(52) && (s = next_slot_of(v, t, &at)))
		r = recover_slot(v, me, s);
	if (r < 0)
		return r;
	/* Release: pairs with the acquire in call_executes().  A thread that
	 * sees nothing executed must see what was noted of it. */
	store_release(&t->exec, 0u);
	store_relaxed(&t->put_off, 0ull);
	return 0;
}

/* Wake the consumers of all queues that have a record: the dead may have queued
 * it and owed the wake. */
static void wake_queues(struct view *v)
{
	uint32_t cells, producer;
	struct ring r;

	for (uint32_t i = 0; i < ring_hi(v); i++) {
		uint64_t head;

		/* Acquire: pairs with the release in drop_ring(). */
		if (ring_map(v, i, &r) < 0 || !load_acquire(&r.ctl->owner) ||
		    load_relaxed(&r.ctl->owner) & RING_OF_REACTOR)
			continue;
		/* Acquire: as in ring_is_sound().  An old head costs a wake
		 * that is not needed, or finds cells free; then the consumer is
		 * awake. */
		head = load_acquire(&r.ctl->head);
		if (ring_look(&r, head, &cells, &producer) == RING_RECORD)
			ring_wake(&r, head);
	}
}

int call_recover_member(struct view *v, uint32_t slot)
{
	uint32_t id = load_relaxed(&view_member(v, slot)->id), at = 0;
	struct call_slot *s;

	/* The drawing is at post_and_check(): the state of the member, then the
	 * slots. */
	full_fence();
	while ((s = call_slot_next(v, &at))) {
		uint64_t st = load_acquire(&s->st);

		if (load_relaxed(&s->callee_slot) == slot &&
		    load_relaxed(&s->callee_id) == id && !SEED_BUG(51))
			call_fail_seen(v, s, st, call_gone_error(v, s, st));
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
