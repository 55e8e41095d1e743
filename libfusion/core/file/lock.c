/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Core locks: taking, giving back, recovery
 *
 * A waiter spins for a moment, then sleeps with CORE_LOCK_WAIT set in the word.
 * Invariant: while a thread sleeps on the word, the word has WAIT or is about
 * to get it from a thread that was woken, so the unlock wakes a waiter.
 */
#include "libfusion/core/file/lock.h"

#include <errno.h>
#include <limits.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"

#define SPIN_FIRST 16 /* pauses between two attempts, doubling ... */
#define SPIN_LAST 128 /* ... up to this */
#define SPIN_ALL 1000 /* and no more in all: then sleep */

static bool core_lock_try(struct core_lock *l, uint32_t token, uint32_t *seen)
{
	uint32_t w = load_relaxed(&l->word);

	/* The new owner must see what the last owner wrote.  Acquire: pairs
	 * with the releases in core_unlock() and core_lock_recover_one(). */
	while (!(w & TOKEN_MASK))
		if (cas_acquire(&l->word, &w, token | w))
			return true;
	*seen = w;
	return false;
}

/* Poll ever more rarely: a busy poller takes the cache line away from the
 * owner. */
static bool core_lock_spin(struct core_lock *l, uint32_t token, uint32_t *seen)
{
	for (int all = 0, d = SPIN_FIRST; all < SPIN_ALL; all += d) {
		if (core_lock_try(l, token, seen))
			return true;
		for (int i = 0; i < d; i++)
			cpu_relax();
		if (d < SPIN_LAST)
			d *= 2;
	}
	return false;
}

static int core_lock_sleep(struct view *v, struct core_lock *l, uint32_t token,
			   int64_t patience_ns)
{
	int64_t now = clock_monotonic_ns(), nap = SUSPECT_FIRST_NS;
	int64_t end = patience_ns ? now + patience_ns : INT64_MAX, look_at;
	uint32_t w;

	if (patience_ns && patience_ns < nap)
		nap = patience_ns;
	look_at = now + nap;
	/* A thread that has slept takes the lock with WAIT set, as others may
	 * sleep, too. */
	while (!core_lock_try(l, token | CORE_LOCK_WAIT, &w)) {
		/* Relaxed: only the word itself is being agreed on. */
		if (!(w & CORE_LOCK_WAIT) &&
		    !cas_relaxed(&l->word, &w, w | CORE_LOCK_WAIT))
			continue;
		futex_wait(&l->word, w | CORE_LOCK_WAIT, nap);
		/* Read the clock after a wake, too: wakes without the lock must
		 * not delay the probe of the owner. */
		now = clock_monotonic_ns();
		if (now < look_at)
			continue;
		/* The lock was recovered, so try again, even after the
		 * deadline. */
		if (life_suspect(v, w & TOKEN_MASK) == 1)
			continue;
		if (now >= end)
			return -ETIMEDOUT;
		if (nap < SUSPECT_LAST_NS)
			nap *= 2;
		look_at = now + nap;
	}
	return 0;
}

/* Record the lock and its owner, so that the daemon can probe the owner when it
 * tries again.  -ETIMEDOUT. */
static int core_lock_give_up(struct view *v, const struct core_lock *l,
			     uint32_t seen)
{
	v->met = seen & TOKEN_MASK;
	v->met_at = view_off(v, l);
	return -ETIMEDOUT;
}

static void core_lock_strike(struct thread_rec *me, uint64_t off)
{
	for (unsigned i = THREAD_CORE_LOCKS; i-- > 0;) {
		if (me->core_locks[i] == off) {
			me->core_locks[i] = 0;
			return;
		}
	}
}

int core_lock(struct view *v, struct thread_rec *me, struct core_lock *l)
{
	return core_lock_for(v, me, l, v->patience_ns);
}

int core_lock_for(struct view *v, struct thread_rec *me, struct core_lock *l,
		  int64_t patience_ns)
{
	uint32_t token = thread_token(me);
	uint64_t off = view_off(v, l);
	uint32_t seen = 0;
	unsigned n = 0;
	int r;

	if ((load_relaxed(&l->word) & TOKEN_MASK) == token)
		return -EDEADLK;
	while (n < THREAD_CORE_LOCKS && me->core_locks[n])
		n++;
	if (n == THREAD_CORE_LOCKS)
		return -EDEADLK;

	/* Announce before the word can have our token, so that recovery need
	 * not search all locks.  A death in between costs one spurious wake. */
	if (!SEED_BUG(13))
		me->core_locks[n] = off;
	compiler_fence();
	if (core_lock_spin(l, token, &seen)) {
		if (SEED_BUG(13))
			me->core_locks[n] = off;
		return 0;
	}
	r = patience_ns == NEVER_SLEEP
		    ? core_lock_give_up(v, l, seen)
		    : core_lock_sleep(v, l, token, patience_ns);
	if (r < 0) {
		compiler_fence();
		me->core_locks[n] = 0;
	}
	return r;
}

void core_unlock(struct view *v, struct thread_rec *me, struct core_lock *l)
{
	if (SEED_BUG(14))
		core_lock_strike(me, view_off(v, l));
	/* The next owner must see what this one wrote.  Release: pairs with the
	 * acquire in core_lock_try().  No waiter is forgotten: the exchange
	 * takes the flag with the word, and the thread that is woken sets it
	 * again. */
	if (xchg_release(&l->word, 0) & CORE_LOCK_WAIT)
		futex_wake(&l->word, 1);
	/* Clear after the wake: if this thread is killed before the wake,
	 * recovery wakes the waiters. */
	compiler_fence();
	core_lock_strike(me, view_off(v, l));
}

void core_lock_recover_one(struct thread_rec *t, struct core_lock *l)
{
	uint32_t token = thread_token(t);
	uint32_t w = load_relaxed(&l->word);

	/* The next owner must see the intent undone or redone.  Release: pairs
	 * with the acquire in core_lock_try(). */
	while ((w & TOKEN_MASK) == token && token)
		if (cas_release(&l->word, &w, 0))
			break;
	/* All: the dead thread may have owed a wake, or consumed one. */
	futex_wake(&l->word, INT_MAX);
}

void core_lock_recover(struct view *v, struct thread_rec *t)
{
	for (unsigned i = 0; i < THREAD_CORE_LOCKS; i++) {
		uint64_t off = t->core_locks[i];

		if (off && off % 8 == 0 &&
		    off <= v->geo.off_spans - sizeof(struct core_lock) &&
		    view_has(v, off, sizeof(struct core_lock)))
			core_lock_recover_one(t, view_at(v, off));
		t->core_locks[i] = 0;
	}
}
