/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: waiting
 *
 * A member's thread spins for a moment, then sleeps on the low half of the
 * word.  The daemon never sleeps: skirmish_queue() does one round of the wait
 * at a time.  Invariant of both: a thread sleeps, or comes back later, only
 * while the word has WAIT, so the unlock that it waits for wakes a waiter.
 *
 * A waiter that gives up must leave the word as if it had never been the heir.
 * If the lock was handed over in that moment, it has the lock after all.
 */
#include "libfusion/core/locks/skirmish_queue.h"

#include <unistd.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/locks/skirmish_ring.h"

#define SPIN_FIRST 16 /* pauses between two attempts, doubling ... */
#define SPIN_LAST 128 /* ... up to this */
#define SPIN_LEAST 100

/* --- Spinning --------------------------------------------------------------
 */

static bool has_one_cpu(void)
{
	static int n_cpus; /* atomic: 0 not asked yet */
	/* Relaxed: every thread that asks stores the same number. */
	int n = load_relaxed(&n_cpus);

	if (!n) {
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);
		store_relaxed(&n_cpus, n > 0 ? n : 1);
	}
	return n == 1;
}

/*
 * Try for at most twice the average time of a short wait, which s->spin keeps
 * (glibc's adaptive mutex has the idea).  A wait that ended in time moves the
 * average toward its own length; one that did not makes the next ones shorter.
 */
static bool skirmish_spin(struct skirmish *s, uint32_t token, uint64_t more,
			  uint64_t *seen)
{
	/* Relaxed: the average is a hint; a wrong one costs time only. */
	uint32_t usual = load_relaxed(&s->spin);
	uint32_t most = 2 * usual + SPIN_LEAST, all = 0;
	bool taken = false;

	if (has_one_cpu())
		return skirmish_take(s, token, more, seen);
	if (most > SKIRMISH_SPIN_MAX)
		most = SKIRMISH_SPIN_MAX;
	for (uint32_t d = SPIN_FIRST; !taken && all < most; all += d) {
		taken = skirmish_take(s, token, more, seen);
		for (uint32_t i = 0; !taken && i < d; i++)
			cpu_relax();
		if (d < SPIN_LAST)
			d *= 2;
	}
	if (!taken)
		all = 0;
	store_relaxed(&s->spin,
		      (uint32_t)((int32_t)usual +
				 ((int32_t)all - (int32_t)usual) / 8));
	return taken;
}

/* --- Waiting asleep --------------------------------------------------------
 */

struct waiter {
	struct view *v;
	struct thread_rec *me;
	struct skirmish *s;
	uint32_t token, id;
	struct wait *wait;
	int64_t start, nap, suspect_at;
	uint64_t seen;	/* the lock's word, as it was last */
	bool suspected; /* asked whether the owner is dead, once at least */
};

/* End the wait of @token: it is not the heir any more, and WAIT is set for the
 * sleepers behind it.  true: it has the lock, which was handed over meanwhile,
 * and *seen is the word. */
static bool skirmish_withdraw(struct skirmish *s, uint32_t token,
			      uint64_t *seen)
{
	uint64_t w = load_relaxed(&s->word), next;

	do {
		if (SKIRMISH_OWNER(w) == token) {
			*seen = w;
			return true;
		}
		next = w | SKIRMISH_WAIT;
		if (SKIRMISH_HEIR(w) == token)
			next = (uint32_t)next;
		/* Acquire: pairs with the release in skirmish_give(). */
	} while (!cas_acquire(&s->word, &w, next));
	if (!SKIRMISH_OWNER(w))
		futex_wake(skirmish_futex(s), 1);
	return false;
}

/* Take the lock, or set WAIT and, if @want_heir and there is no heir, become
 * the heir.  0: sleep while the word is w->seen; 1 taken; -EAGAIN the word has
 * changed meanwhile. */
static int skirmish_queue_up(struct waiter *w, bool want_heir)
{
	uint64_t next;

	if (SKIRMISH_OWNER(w->seen) == w->token)
		return 1;
	if (skirmish_take(w->s, w->token, SKIRMISH_WAIT, &w->seen))
		return 1;
	next = w->seen | SKIRMISH_WAIT;
	if (want_heir && !SKIRMISH_HEIR(next))
		next |= (uint64_t)w->token << 32;
	if (next == w->seen)
		return 0;
	/* Relaxed: only the word itself is being agreed on. */
	if (!cas_relaxed(&w->s->word, &w->seen, next))
		return -EAGAIN;
	w->seen = next;
	return 0;
}

/* If the wait has lasted long, ask whether the owner is dead. */
static void waiter_suspect_owner(struct waiter *w, int64_t now)
{
	if (now < w->suspect_at)
		return;
	w->suspected = true;
	life_suspect(w->v, SKIRMISH_OWNER(w->seen));
	now = clock_monotonic_ns();
	w->suspect_at =
		now + (now - w->start < SUSPECT_LAST_NS ? SUSPECT_FIRST_NS
							: SUSPECT_LAST_NS);
}

/* Every waiter asks once before its wait is over: a thread that tries often,
 * each time with little patience, would never find the owner dead.  true: it
 * was. */
static bool waiter_suspect_at_last(struct waiter *w)
{
	if (w->suspected)
		return false;
	w->suspected = true;
	return life_suspect(w->v, SKIRMISH_OWNER(w->seen)) == 1;
}

/* How long to sleep at most.  There is one heir only: the other waiters sleep
 * ever longer, so that they do not all come back at once. */
static int64_t waiter_next_nap(struct waiter *w)
{
	int64_t nap = w->nap;

	if (SKIRMISH_HEIR(w->seen) == w->token)
		nap = SUSPECT_FIRST_NS;
	else if (w->nap < HEIR_NAP_NS)
		w->nap *= 2;
	return wait_nap(w->wait, nap);
}

/* 0 taken, -EBUSY go on, other errors: not taken. */
static int skirmish_sleep_once(struct waiter *w)
{
	int64_t now = clock_monotonic_ns();
	int r;

	/* Acquire, both: pairs with the releases in skirmish_fini().  A waiter
	 * that sees the new word must see that the id is 0. */
	w->seen = load_acquire(&w->s->word);
	if (load_acquire(&w->s->id) != w->id)
		return -EIDRM;
	r = skirmish_queue_up(w, now - w->start >= HEIR_AFTER_NS);
	if (r)
		return r == 1 ? 0 : -EBUSY;
	if (load_relaxed(&w->s->flags) & SKIRMISH_ERRORCHECK &&
	    skirmish_in_ring(w->v, w->me, NULL))
		return -EDEADLK;
	if (wait_is_over(w->wait, now))
		return waiter_suspect_at_last(w) ? -EBUSY : wait_error(w->wait);
	r = futex_wait_bits(skirmish_futex(w->s), (uint32_t)w->seen,
			    waiter_next_nap(w), skirmish_wake_bit(w->token));
	wait_slept(w->wait, r);
	waiter_suspect_owner(w, clock_monotonic_ns());
	return -EBUSY;
}

/*
 * Two threads that close a ring of waits at the same time:
 *
 *   one                                the other
 *   waits_for = a                      waits_for = b
 *   fence                              fence
 *   the other's waits_for?             the first one's waits_for?
 *
 * One of them must see the ring (skirmish_in_ring()).  An exchange cannot
 * replace the fence: on some machines it orders nothing for the loads behind
 * it.
 */
void skirmish_announce_wait(struct thread_rec *t, uint32_t what)
{
	/* Release: pairs with the acquire in skirmish_blocker(). */
	store_release(&t->waits_for, what);
	full_fence();
}

int skirmish_lock_slow(struct view *v, struct thread_rec *me,
		       struct skirmish *s, uint32_t id, uint64_t more,
		       struct wait *wait)
{
	struct waiter w = {
		.v = v,
		.me = me,
		.s = s,
		.token = thread_token(me),
		.id = id,
		.wait = wait,
		.nap = HEIR_AFTER_NS,
	};
	int r = -EBUSY;

	if (skirmish_spin(s, w.token, more, &w.seen))
		return skirmish_confirm(s, w.token, id,
					skirmish_begin(s, w.seen, true));
	skirmish_announce_wait(me, skirmish_index(v, s) + 1);
	w.start = clock_monotonic_ns();
	w.suspect_at = w.start + SUSPECT_FIRST_NS;
	while (r == -EBUSY)
		r = skirmish_sleep_once(&w);
	/* Without the lock after all, or with it at the last moment. */
	if (r < 0 && skirmish_withdraw(s, w.token, &w.seen))
		r = 0;
	skirmish_announce_wait(me, 0);
	/* Acquire: pairs with the release in skirmish_give(), if that has
	 * handed the lock over. */
	if (r == 0)
		r = skirmish_confirm(
			s, w.token, id,
			skirmish_begin(s, load_acquire(&s->word), true));
	return r;
}

/* --- Waiting without sleeping ----------------------------------------------
 */

/* Announce @s, which has @id, and that @me waits for it.  -EBUSY: done; else
 * there is no wait: as skirmish_deepen() and skirmish_announce(). */
static int skirmish_begin_wait(struct view *v, struct thread_rec *me,
			       struct skirmish *s, uint32_t id)
{
	int r = id ? skirmish_deepen(me, s) : -EIDRM;

	if (r != -EBUSY)
		return r;
	r = skirmish_announce(v, me, s);
	if (r < 0)
		return r;
	skirmish_announce_wait(me, skirmish_index(v, s) + 1);
	/* The record keeps which lock is meant: at the next call, another lock
	 * may be in its place. */
	me->waits_id = id;
	return -EBUSY;
}

int skirmish_queue(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	/* Relaxed: only the thread itself writes its `waits_for`. */
	bool queued = load_relaxed(&me->waits_for) == skirmish_index(v, s) + 1;
	struct waiter w = {.s = s, .token = thread_token(me)};
	/* Acquire: pairs with the release in skirmish_fini(). */
	uint32_t id = load_acquire(&s->id);
	int r;

	if (!queued) {
		r = skirmish_begin_wait(v, me, s, id);
		if (r != -EBUSY)
			return r;
	}
	do {
		/* Acquire, both: as in skirmish_sleep_once(). */
		w.seen = load_acquire(&s->word);
		r = load_acquire(&s->id) != me->waits_id
			    ? -EIDRM
			    : skirmish_queue_up(&w, true);
	} while (r == -EAGAIN);
	if (r == 0)
		return -EBUSY;
	if (r < 0 && skirmish_withdraw(s, w.token, &w.seen))
		skirmish_give(s, w.token);
	skirmish_announce_wait(me, 0);
	/* Acquire: pairs with the release in skirmish_give(), if that has
	 * handed the lock over. */
	if (r == 1)
		r = skirmish_confirm(
			s, w.token, me->waits_id,
			skirmish_begin(s, load_acquire(&s->word), queued));
	return skirmish_settle(v, me, s, r);
}

void skirmish_unqueue(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint64_t seen;

	if (load_relaxed(&me->waits_for) != skirmish_index(v, s) + 1)
		return;
	if (skirmish_withdraw(s, thread_token(me), &seen))
		skirmish_give(s, thread_token(me));
	skirmish_announce_wait(me, 0);
	skirmish_strike(v, me, s);
}
