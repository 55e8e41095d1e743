/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: giving back, and the levels that a thread has
 *
 * A thread that gives its last level back does, in this order: the CAS on the
 * word (the commit), the wake that it owes, the end of its announcement.  So a
 * thread that is killed in between still announces the lock, and recovery wakes
 * all waiters.
 *
 * A thread that has borrowed the lock (lend.h) gives back its own levels only.
 * If the owner died meanwhile, the borrower has inherited the word: then it
 * hands the word to another borrower, or gives it back if there is none.
 */
#include "libfusion/core/locks/skirmish_give.h"

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/lend.h"

bool skirmish_give(struct skirmish *s, uint32_t token)
{
	/* Relaxed: the CAS compares it. */
	uint64_t w = load_relaxed(&s->word), next;
	uint32_t heir;

	do {
		if (SKIRMISH_OWNER(w) != token)
			return false;
		heir = SKIRMISH_HEIR(w);
		next = (w & SKIRMISH_DIED) | heir | (heir ? SKIRMISH_WAIT : 0);
		/* The next owner must see what this one wrote.  Release: pairs
		 * with the acquires in skirmish_lock_fast(), skirmish_take()
		 * and, if the heir gets it, skirmish_lock_slow() and
		 * skirmish_queue(). */
	} while (!cas_release(&s->word, &w, next));
	if (heir)
		futex_wake_bits(skirmish_futex(s), skirmish_wake_bit(heir));
	else if (w & SKIRMISH_WAIT && !SEED_BUG(20))
		futex_wake(skirmish_futex(s), 1);
	return w & SKIRMISH_WAIT;
}

int skirmish_not_held(const struct skirmish *s)
{
	/* Acquire: pairs with the release in skirmish_fini(). */
	return load_acquire(&s->id) ? -EPERM : -EIDRM;
}

/* --- Borrowed --------------------------------------------------------------
 */

/* Where @me announces @s as borrowed, NULL nowhere.  Only a thread that
 * executes a call has borrowed anything. */
static uint32_t *skirmish_find_borrowed(const struct view *v,
					const struct thread_rec *me,
					const struct skirmish *s)
{
	/* Relaxed: only the thread itself writes its `exec`. */
	return load_relaxed(&me->exec)
		       ? lend_announced(v, me, skirmish_index(v, s) + 1)
		       : NULL;
}

/* Pass the word, which @token inherited, to @next, which has borrowed the lock
 * as well.  Killed before the CAS: the word names a dead owner; after it: the
 * dead thread announces a word that names another thread. */
static void skirmish_pass_word(struct skirmish *s, uint32_t token,
			       uint32_t next)
{
	/* Relaxed: the CAS compares it. */
	uint64_t w = load_relaxed(&s->word);

	while (SKIRMISH_OWNER(w) == token)
		/* Release: pairs with the acquires in skirmish_lock_fast() and
		 * skirmish_take(), after @next has given the lock back. */
		if (cas_release(&s->word, &w,
				(w & ~(uint64_t)TOKEN_MASK) | next))
			break;
}

/* Give back a level that @me has borrowed and announces in @e. */
static int skirmish_give_borrowed(struct view *v, struct thread_rec *me,
				  struct skirmish *s, uint32_t *e)
{
	uint32_t next, what = skirmish_index(v, s) + 1;
	bool told = false;
	int r;

	if (ANNOUNCED_LEVELS(*e) > 1) {
		store_relaxed(e, *e - ANNOUNCED_LEVEL);
		return 0;
	}
	r = lend_lock(v, me);
	if (r < 0)
		return r;
	/* Relaxed: the word gets the token of a borrower under the lend lock,
	 * from skirmish_recover_word() or skirmish_pass_word(). */
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) == thread_token(me)) {
		next = lend_borrower(v, me, what);
		if (next)
			skirmish_pass_word(s, thread_token(me), next);
		else
			told = skirmish_give(s, thread_token(me));
	}
	lend_strike(me, e);
	lend_unlock(v, me);
	/* Acquire: pairs with the release in skirmish_fini(). */
	return load_acquire(&s->id) ? told : -EIDRM;
}

int skirmish_adopt(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t *e;
	int r;

	if (!load_relaxed(&me->exec))
		return 0;
	r = lend_lock(v, me);
	if (r < 0)
		return r;
	e = skirmish_find_borrowed(v, me, s);
	r = 0;
	if (lend_borrower(v, me, skirmish_index(v, s) + 1)) {
		r = -EPERM;
	} else if (e) {
		s->depth += ANNOUNCED_LEVELS(*e) - 1;
		compiler_fence();
		/* Release: pairs with the acquire in lend_announced(). */
		store_release(e, ANNOUNCED_WHAT(*e));
		r = 1;
	}
	lend_unlock(v, me);
	return r;
}

/* --- Giving back -----------------------------------------------------------
 */

/* @me neither owns nor has borrowed @s.  If it announces it nevertheless, it
 * held a lock that was destroyed, whose record may be another lock by now. */
static int skirmish_unlock_not_held(struct view *v, struct thread_rec *me,
				    struct skirmish *s)
{
	if (skirmish_strike(v, me, s) ||
	    lend_forget(v, me, skirmish_index(v, s) + 1))
		return -EIDRM;
	return skirmish_not_held(s);
}

void skirmish_forget(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out. */
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) != thread_token(me))
		skirmish_unlock_not_held(v, me, s);
}

int skirmish_unlock(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t *borrowed;
	bool told;

	if (skirmish_unlock_fast(me, thread_token(me), s,
				 skirmish_index(v, s) + 1))
		return 0;
	borrowed = skirmish_find_borrowed(v, me, s);
	if (borrowed)
		return skirmish_give_borrowed(v, me, s, borrowed);
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out. */
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) != thread_token(me))
		return skirmish_unlock_not_held(v, me, s);
	told = skirmish_give(s, thread_token(me));
	skirmish_strike(v, me, s);
	/* Acquire: pairs with the release in skirmish_fini(). */
	return load_acquire(&s->id) ? told : -EIDRM;
}

/* Commit: the CAS.  Killed before it: recovery finds the dead thread in the
 * word, and the mark stays; after it: recovery sets the mark anew, since the
 * dead thread held the lock. */
int skirmish_consistent(struct thread_rec *me, struct skirmish *s)
{
	uint64_t w = load_relaxed(&s->word);

	/* Acquire: pairs with the release in skirmish_fini(). */
	if (!load_acquire(&s->id) || SKIRMISH_OWNER(w) != thread_token(me))
		return skirmish_not_held(s);
	/* Relaxed: the owner stays the same, so nobody has to see more. */
	do
		if (!(w & SKIRMISH_DIED))
			return -EALREADY;
	while (!cas_relaxed(&s->word, &w, w & ~SKIRMISH_DIED));
	return 0;
}

/* --- Levels ----------------------------------------------------------------
 */

uint32_t skirmish_depth(const struct thread_rec *me, const struct skirmish *s)
{
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out. */
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) != thread_token(me))
		return 0;
	return s->depth + 1;
}

uint32_t skirmish_levels(const struct view *v, const struct thread_rec *me,
			 const struct skirmish *s)
{
	const uint32_t *e = skirmish_find_borrowed(v, me, s);
	uint32_t own = skirmish_depth(me, s);

	return e ? ANNOUNCED_LEVELS(*e) + (own ? own - 1 : 0) : own;
}
