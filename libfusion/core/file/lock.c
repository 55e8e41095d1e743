/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/file/lock.h"

#include <errno.h>
#include <limits.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"

#define SPIN_FIRST 16 /* pauses between two looks, doubling ... */
#define SPIN_LAST 128 /* ... up to this */
#define SPIN_ALL 1000 /* and no more in all: then sleep */

static bool try_lock(struct core_lock *l, uint32_t token, uint32_t *seen)
{
	uint32_t w = load_relaxed(&l->word);

	/* Acquire: pairs with the release in core_unlock() and in
	 * core_lock_recover(); what the last owner wrote is ours to see. */
	while (!(w & TOKEN_MASK))
		if (cas_acquire(&l->word, &w, token | w))
			return true;
	*seen = w;
	return false;
}

/* Poll ever more rarely: a busy poller steals the line from the owner. */
static bool spin_lock(struct core_lock *l, uint32_t token, uint32_t *seen)
{
	for (int all = 0, d = SPIN_FIRST; all < SPIN_ALL; all += d) {
		if (try_lock(l, token, seen))
			return true;
		for (int i = 0; i < d; i++)
			cpu_relax();
		if (d < SPIN_LAST)
			d *= 2;
	}
	return false;
}

static int sleep_lock(struct view *v, struct core_lock *l, uint32_t token,
		      int64_t patience_ns)
{
	int64_t now = clock_monotonic_ns(), nap = SUSPECT_FIRST_NS;
	int64_t end = patience_ns ? now + patience_ns : INT64_MAX, look_at;
	uint32_t w;

	if (patience_ns && patience_ns < nap)
		nap = patience_ns;
	look_at = now + nap;
	/* Who has slept takes the lock with WAIT set: others may sleep too. */
	while (!try_lock(l, token | CORE_LOCK_WAIT, &w)) {
		/* Relaxed: only the word itself is being agreed on. */
		if (!(w & CORE_LOCK_WAIT) &&
		    !cas_relaxed(&l->word, &w, w | CORE_LOCK_WAIT))
			continue;
		futex_wait(&l->word, w | CORE_LOCK_WAIT, nap);
		/* Woken or not: whoever wakes us without giving us the lock
		 * must not keep us from looking at the clock. */
		now = clock_monotonic_ns();
		if (now < look_at)
			continue;
		/* Recovered: it is free, however long that has taken. */
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

/* Recorded, so that whoever comes back later can have the owner looked at. */
static int leave_it(struct view *v, const struct core_lock *l, uint32_t seen)
{
	v->met = seen & TOKEN_MASK;
	v->met_at = view_off(v, l);
	return -ETIMEDOUT;
}

static void unannounce(struct thread_rec *me, uint64_t off)
{
	for (unsigned i = THREAD_HELD; i-- > 0;) {
		if (me->held[i] == off) {
			me->held[i] = 0;
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
	while (n < THREAD_HELD && me->held[n])
		n++;
	if (n == THREAD_HELD)
		return -EDEADLK;

	/* Announced before the word can be ours, so that recovery need not
	 * search all locks: a death in between costs one spurious wake. */
	if (!SEED_BUG(13))
		me->held[n] = off;
	compiler_fence();
	if (spin_lock(l, token, &seen)) {
		if (SEED_BUG(13))
			me->held[n] = off;
		return 0;
	}
	r = patience_ns == NEVER_SLEEP ? leave_it(v, l, seen)
				       : sleep_lock(v, l, token, patience_ns);
	if (r < 0) {
		compiler_fence();
		me->held[n] = 0;
	}
	return r;
}

void core_unlock(struct view *v, struct thread_rec *me, struct core_lock *l)
{
	if (SEED_BUG(14))
		unannounce(me, view_off(v, l));
	/* Release: pairs with the acquire in try_lock().  A waiter cannot be
	 * lost: its flag leaves with the word, and who wakes sets it again. */
	if (xchg_release(&l->word, 0) & CORE_LOCK_WAIT)
		futex_wake(&l->word, 1);
	/* Cleared after the wake: killed before it, recovery wakes for us. */
	compiler_fence();
	unannounce(me, view_off(v, l));
}

void core_lock_recover_one(struct thread_rec *t, struct core_lock *l)
{
	uint32_t token = thread_token(t);
	uint32_t w = load_relaxed(&l->word);

	/* Release: the next owner sees the intent undone or redone. */
	while ((w & TOKEN_MASK) == token && token)
		if (cas_release(&l->word, &w, 0))
			break;
	/* All: the dead one may have owed a wake, or eaten one. */
	futex_wake(&l->word, INT_MAX);
}

void core_lock_recover(struct view *v, struct thread_rec *t)
{
	for (unsigned i = 0; i < THREAD_HELD; i++) {
		uint64_t off = t->held[i];

		if (off && off % 8 == 0 &&
		    off <= v->geo.off_spans - sizeof(struct core_lock) &&
		    view_has(v, off, sizeof(struct core_lock)))
			core_lock_recover_one(t, view_at(v, off));
		t->held[i] = 0;
	}
}
