/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for the answer of a call
 *
 * The thread looks for a while, then it gives the turn away and sleeps.  What
 * it is asked to execute meanwhile, by an upcall, it executes.  After a sleep
 * that nobody ended it looks whether the owner is dead.  When its time is over,
 * or a signal has ended the wait, it withdraws the call; it cannot withdraw a
 * call whose answer is just being written, so it waits for that a little
 * longer.
 *
 * Acquires of the slot's word pair with the releases of the executor, in
 * call_return_end() and call_fail_seen(), and with the CAS in call_upcall().
 */
#include "libfusion/talk/call_wait.h"

#include <errno.h>
#include <sched.h>

#include "libfusion/base/callback.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/borrow.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/talk/call_handler.h"

/* How long a caller whose time is over waits for an answer that is being
 * written. */
#define RETURNING_NS 10000000LL

static void fail_gone(const struct execution *x)
{
	/* Acquire: pairs with the release in post_slot(). */
	uint64_t st = load_acquire(&x->slot->st);

	call_fail_seen(x->v, x->slot, st, call_gone_error(x->v, x->slot, st));
}

void call_probe(struct execution *x, uint64_t st)
{
	struct view *v = x->v;
	const struct call *c = x->rq.call;
	uint32_t exec;

	x->looked = true;
	if (member_is_dead(v, c->owner_slot))
		life_sweep(v);
	if (!x->slot)
		return;
	exec = call_executor(v, x->serial);
	if (SLOT_STATE(st) == SLOT_RETURNING &&
	    SLOT_EXTRA(st) < v->geo.max_threads)
		exec = load_relaxed(&view_thread(v, SLOT_EXTRA(st))->token) &
		       TOKEN_MASK;
	if (exec)
		life_suspect(v, exec);
	/* The owner may have left just when the slot was posted. */
	if (!member_at(v, load_relaxed(&x->slot->callee_slot),
		       load_relaxed(&x->slot->callee_id)))
		fail_gone(x);
}

static bool is_news(uint64_t st)
{
	return st & SLOT_UPCALL || SLOT_STATE(st) == SLOT_DONE ||
	       SLOT_STATE(st) == SLOT_FAILED;
}

static bool has_answer(void *arg)
{
	const struct execution *x = arg;

	return is_news(load_acquire(&x->slot->st));
}

static void sleep_once(struct execution *x)
{
	struct call_slot *s = x->slot;
	uint64_t st;
	int r;

	give_turn_away(x);
	st = load_acquire(&s->st);
	if (is_news(st))
		return;
	/* Relaxed: what the executor brings is read with acquire. */
	if (!(st & SLOT_SLEEP) && !cas_relaxed(&s->st, &st, st | SLOT_SLEEP))
		return;
	r = futex_wait((uint32_t *)&s->st, (uint32_t)st | SLOT_SLEEP,
		       wait_nap(&x->wait, x->nap));
	wait_slept(&x->wait, r);
	if (r != -ETIMEDOUT)
		return;
	if (is_late(x))
		return;
	x->nap = SUSPECT_LAST_NS;
	call_probe(x, load_acquire(&s->st));
}

static void await_borrower(struct execution *x, uint32_t token)
{
	give_turn_away(x);
	sleep_ns(100000);
	if (++x->n_naps % 1000 == 0)
		life_suspect(x->v, token);
}

/* Give the call up, as the wait is over.  -ETIMEDOUT, -EINTR; 0: something has
 * happened after all, or will. */
static int give_up_call(struct execution *x)
{
	int64_t now = clock_monotonic_ns();
	uint64_t st = load_acquire(&x->slot->st);
	uint32_t token;
	int r;

	/* Look once whether the owner is dead, before the caller gives up. */
	if (!x->looked) {
		call_probe(x, st);
		return 0;
	}
	/* Do not go on while another thread has borrowed our locks. */
	r = lend_close(x->v, x->me, x->slot, &token);
	if (r == 1)
		await_borrower(x, token);
	if (r)
		return 0;
	if (call_withdraw(x->v, x->me, x->slot, &st))
		return wait_error(&x->wait);
	if (SLOT_STATE(st) != SLOT_RETURNING)
		return 0;
	if (!x->given_up_ns)
		x->given_up_ns = now;
	sched_yield();
	if (now - x->given_up_ns < RETURNING_NS)
		return 0;
	return call_abandon(x->slot, &st) ? wait_error(&x->wait) : 0;
}

/* Wait until each thread that has borrowed a lock of this thread, or of a
 * thread that waits for this one, has given it back or died. */
static void await_borrowers(struct execution *x)
{
	uint32_t token;

	while (lend_is_out(x->v, x->me, &token) > 0)
		await_borrower(x, token);
}

/* The handler of an upcall did not return, so this thread does not wait for its
 * own answer any more: withdraw the call, or free the slot when the answer
 * comes. */
static void undo_upcall(const struct callback_args *args)
{
	struct fusion_arena *arena = args->a;
	struct thread_rec *me = thread_rec_of(arena);
	struct call_slot *s = args->b;
	uint64_t st;

	if (me && !call_withdraw(&arena->view, me, s, &st) &&
	    !call_abandon(s, &st))
		call_slot_free(&arena->view, me, s);
	if (args->n)
		dispatch_unblock(arena);
}

static void run_upcall(struct execution *x)
{
	struct callback c CALLBACK;

	callback_begin(&c, undo_upcall, x->arena, x->slot, x->blocked);
	call_run_upcall(x->arena, call_upcall_take(x->slot));
	callback_end(&c);
}

int call_await(struct execution *x)
{
	uint64_t st = 0;
	int r = 0;

	x->nap = SUSPECT_FIRST_NS;
	while (r == 0) {
		st = load_acquire(&x->slot->st);

		if (st & SLOT_UPCALL)
			run_upcall(x);
		else if (is_news(st))
			break;
		else if (is_late(x))
			r = give_up_call(x);
		else if (!spin_until(&x->cache->call_spinner, has_answer, x))
			sleep_once(x);
	}
	if (r == 0 && st & SLOT_LENT)
		await_borrowers(x);
	return r;
}
