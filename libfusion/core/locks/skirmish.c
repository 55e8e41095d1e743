/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: creation, announcements, taking
 *
 * A thread that wants a lock does, in this order: announce it, try the CAS on
 * the word, and after the CAS look whether the record still is the lock that it
 * meant.  Invariant: whenever the word names a thread, that thread announces
 * the lock, so that recovery of the thread finds the word.
 */
#include "libfusion/core/locks/skirmish.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/locks/skirmish_queue.h"

/* --- Creation --------------------------------------------------------------
 */

/* A thread that still uses the lock that was in this record before may store
 * into the word once more.  It then finds another id, and undoes its store. */
void skirmish_init(struct view *v, void *rec, const void *arg)
{
	struct skirmish *s = rec;

	(void)v;
	/* Relaxed, all of it: table_add_locked() in table.c publishes the
	 * record with a release of its state. */
	store_relaxed(&s->word, 0);
	s->depth = 0;
	store_relaxed(&s->flags, *(const uint32_t *)arg);
	store_relaxed(&s->spin, SKIRMISH_SPIN_MAX / 2);
	store_relaxed(&s->recovered, 0);
	s->taken = 0;
	s->contended = 0;
	store_relaxed(&s->id, load_relaxed(&s->e.id));
}

void skirmish_fini(struct view *v, void *rec)
{
	struct skirmish *s = rec;

	(void)v;
	/* Release, all three: a waiter that sees the new seq (acquire in
	 * skirmish_sleep_on_seq()) or the new word (acquire in
	 * skirmish_sleep_once()) must see that the id is 0. */
	store_release(&s->id, 0);
	add_release(&s->seq, 1);
	futex_wake(&s->seq, INT_MAX);
	/* The word must differ from what waiters saw before they are woken: a
	 * waiter may be on the way to sleep, and the kernel then turns it back.
	 */
	xor_release(&s->word, SKIRMISH_WAIT);
	futex_wake(skirmish_futex(s), INT_MAX);
}

int skirmish_create(struct view *v, struct thread_rec *me, const char *name,
		    uint32_t flags, uint32_t creator, struct skirmish **ret)
{
	uint32_t i;
	int r = table_add(v, me, KIND_SKIRMISH, name, creator, &flags, &i);

	if (r == 0)
		*ret = view_entry(v, KIND_SKIRMISH, i);
	return r;
}

int skirmish_destroy(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	/* Acquire: pairs with the release in skirmish_fini(). */
	uint32_t id = load_acquire(&s->id);
	int r = -EIDRM;

	if (id)
		r = table_remove(v, me, KIND_SKIRMISH, skirmish_index(v, s),
				 id);
	/* If the caller holds it, there is nothing to give back any more. */
	if (r == 0)
		skirmish_strike(v, me, s);
	return r;
}

/* --- Announcements ---------------------------------------------------------
 * A thread announces in skirmishes[], below n_skirmishes.  Recovery reads the
 * whole array, so the order of the two stores does not matter. */

int skirmish_announce(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t n = load_relaxed(&me->n_skirmishes);

	if (n >= THREAD_SKIRMISHES)
		return -ENOLCK;
	store_relaxed(&me->skirmishes[n], skirmish_index(v, s) + 1);
	me->n_skirmishes = n + 1;
	compiler_fence();
	return 0;
}

bool skirmish_strike(struct view *v, struct thread_rec *me,
		     const struct skirmish *s)
{
	/* Members may scribble on the daemon's records: never read beyond the
	 * end. */
	uint32_t n = load_relaxed(&me->n_skirmishes), i;
	uint32_t what = skirmish_index(v, s) + 1;

	if (n > THREAD_SKIRMISHES)
		n = THREAD_SKIRMISHES;
	i = n;
	compiler_fence();
	while (i > 0 && me->skirmishes[i - 1] != what)
		i--;
	if (!i)
		return false;
	lend_strike(me, &me->skirmishes[i - 1]);
	return true;
}

/* --- Taking ----------------------------------------------------------------
 */

bool skirmish_take(struct skirmish *s, uint32_t token, uint64_t more,
		   uint64_t *seen)
{
	uint64_t w = load_relaxed(&s->word), next;

	while (!SKIRMISH_OWNER(w)) {
		next = w | token | more;
		if (SKIRMISH_HEIR(w) == token)
			next = (uint32_t)next;
		/* The new owner must see what the last owner wrote.  Acquire:
		 * pairs with the releases in skirmish_unlock_fast(),
		 * skirmish_give() and skirmish_recover_word(). */
		if (cas_acquire(&s->word, &w, next)) {
			*seen = w;
			return true;
		}
	}
	*seen = w;
	return false;
}

int skirmish_begin(struct skirmish *s, uint64_t w, bool contended)
{
	s->depth = 0;
	s->taken++;
	if (contended)
		s->contended++;
	return w & SKIRMISH_DIED ? -EOWNERDEAD : 0;
}

int skirmish_confirm(struct skirmish *s, uint32_t token, uint32_t id, int r)
{
	/* Acquire: pairs with the release in skirmish_fini(). */
	if (load_acquire(&s->id) == id)
		return r;
	skirmish_give(s, token);
	return -EIDRM;
}

int skirmish_settle(struct view *v, struct thread_rec *me, struct skirmish *s,
		    int r)
{
	if (r != 0 && r != -EOWNERDEAD)
		skirmish_strike(v, me, s);
	return r;
}

int skirmish_deepen(struct thread_rec *me, struct skirmish *s)
{
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out. */
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) != thread_token(me))
		return -EBUSY;
	if (!load_relaxed(&s->id))
		return -EIDRM;
	if (s->depth >= SKIRMISH_DEPTH_MAX)
		return -EOVERFLOW;
	s->depth++;
	return 0;
}

/* Borrow @s from a thread that waits for a call which @me executes.  -EBUSY: no
 * thread lends it; else as kind_ops.borrow(). */
static int skirmish_borrow(struct view *v, struct thread_rec *me,
			   struct skirmish *s)
{
	/* Relaxed: only the thread itself writes its `exec`. */
	return load_relaxed(&me->exec) ? kind_ops[KIND_CALL].borrow(v, me, s)
				       : -EBUSY;
}

int skirmish_lock(struct view *v, struct thread_rec *me, struct skirmish *s,
		  struct wait *wait)
{
	/* Acquire: pairs with the release in skirmish_fini(). */
	uint32_t id = load_acquire(&s->id);
	int r;

	if (!id)
		return -EIDRM;
	if (skirmish_lock_fast(me, thread_token(me), s,
			       skirmish_index(v, s) + 1))
		return skirmish_settle(
			v, me, s, skirmish_confirm(s, thread_token(me), id, 0));
	r = skirmish_deepen(me, s);
	if (r == -EBUSY)
		r = skirmish_borrow(v, me, s);
	if (r != -EBUSY)
		return r;
	r = skirmish_announce(v, me, s);
	if (r < 0)
		return r;
	return skirmish_settle(v, me, s,
			       skirmish_lock_slow(v, me, s, id, 0, wait));
}

int skirmish_try(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	/* Acquire: pairs with the release in skirmish_fini(). */
	uint32_t id = load_acquire(&s->id);
	uint64_t seen;
	int r;

	if (!id)
		return -EIDRM;
	r = skirmish_deepen(me, s);
	if (r == -EBUSY)
		r = skirmish_borrow(v, me, s);
	if (r != -EBUSY)
		return r;
	r = skirmish_announce(v, me, s);
	if (r < 0)
		return r;
	if (skirmish_take(s, thread_token(me), 0, &seen))
		r = skirmish_confirm(s, thread_token(me), id,
				     skirmish_begin(s, seen, false));
	else
		r = -EBUSY;
	return skirmish_settle(v, me, s, r);
}
