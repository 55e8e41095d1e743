/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lending: the announcements of borrowed locks
 *
 * A thread strikes out a lock of its own without the lend lock, and that may
 * move the announcement of a borrowed one while another thread searches it.  So
 * lend_strike() first copies the last announcement over the one that ends, and
 * then ends the last: a search from the end to the beginning misses none.
 */
#include "libfusion/core/locks/lend.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/skirmish_give.h"

int lend_lock(struct view *v, struct thread_rec *me)
{
	return core_lock(v, me, &v->sb->lend);
}

void lend_unlock(struct view *v, struct thread_rec *me)
{
	core_unlock(v, me, &v->sb->lend);
}

/* --- Announcements -------------------------------------------------------- */

bool lend_is_same(const struct view *v, const struct thread_rec *t, uint32_t e)
{
	uint32_t what = ANNOUNCED_WHAT(e), id;
	const struct skirmish *s;

	if (!what || what > table_hi(v, KIND_SKIRMISH))
		return false;
	s = view_entry(v, KIND_SKIRMISH, what - 1);
	id = load_relaxed(&s->id);
	return id && id == load_relaxed(&t->lent_ids[ANNOUNCED_ID(e)]);
}

uint32_t *lend_announced(const struct view *v, const struct thread_rec *t,
			 uint32_t what)
{
	for (unsigned k = THREAD_SKIRMISHES; k-- > 0;) {
		/* Acquire: an announcement that moves must not be missed. Pairs
		 * with the releases in lend_strike(), and with that of a new
		 * one in borrow_announced(), which stores its id before. */
		uint32_t e = load_acquire(&t->skirmishes[k]);

		if (e & ANNOUNCED_BORROWED && ANNOUNCED_WHAT(e) == what &&
		    lend_is_same(v, t, e))
			return (uint32_t *)&t->skirmishes[k];
	}
	return NULL;
}

void lend_strike(struct thread_rec *me, uint32_t *e)
{
	/* Members may scribble on the daemon's records: never read beyond the
	 * end. */
	uint32_t n = load_relaxed(&me->n_skirmishes);

	if (n > THREAD_SKIRMISHES)
		n = THREAD_SKIRMISHES;
	if (!n)
		return;
	/* Release, both: pairs with the acquire in lend_announced(). */
	store_release(e, me->skirmishes[n - 1]);
	/* A thread that is killed in between announces the last one twice,
	 * which does no harm. */
	compiler_fence();
	store_release(&me->skirmishes[n - 1], 0u);
	me->n_skirmishes = n - 1;
}

bool lend_forget(const struct view *v, struct thread_rec *me, uint32_t what)
{
	bool found = false;

	for (unsigned k = THREAD_SKIRMISHES; k-- > 0;) {
		uint32_t e = me->skirmishes[k];

		if (!(e & ANNOUNCED_BORROWED) || lend_is_same(v, me, e))
			continue;
		found |= ANNOUNCED_WHAT(e) == what;
		lend_strike(me, &me->skirmishes[k]);
	}
	return found;
}

uint32_t lend_borrower(const struct view *v, const struct thread_rec *but,
		       uint32_t what)
{
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *t = view_thread(v, i);

		/* Acquire: pairs with the release in thread_release(). */
		if (t != but && load_acquire(&t->member) &&
		    lend_announced(v, t, what))
			return thread_token(t);
	}
	return 0;
}

/* --- What a handler has forgotten ----------------------------------------- */

void lend_mark(const struct view *v, const struct thread_rec *me,
	       struct lend_mark *ret)
{
	uint32_t hi = table_hi(v, KIND_SKIRMISH);

	ret->n = 0;
	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t e = load_relaxed(&me->skirmishes[k]);
		uint32_t what = ANNOUNCED_WHAT(e);

		if (!(e & ANNOUNCED_BORROWED) || !what || what > hi)
			continue;
		ret->has[ret->n].what = what;
		ret->has[ret->n++].levels = skirmish_levels(
			v, me, view_entry(v, KIND_SKIRMISH, what - 1));
	}
}

static uint32_t marked_levels(const struct lend_mark *mark, uint32_t what)
{
	for (uint32_t i = 0; mark && i < mark->n; i++)
		if (mark->has[i].what == what)
			return mark->has[i].levels;
	return 0;
}

void lend_return(struct view *v, struct thread_rec *me,
		 const struct lend_mark *mark)
{
	struct lend_mark now;

	lend_mark(v, me, &now);
	for (uint32_t i = 0; i < now.n; i++) {
		uint32_t n = marked_levels(mark, now.has[i].what);

		while (now.has[i].levels-- > n)
			skirmish_unlock(v, me,
					view_entry(v, KIND_SKIRMISH,
						   now.has[i].what - 1));
	}
	lend_forget(v, me, 0);
}

/* --- Recovery ------------------------------------------------------------- */

/* Set DIED in the word, unless @token, the dead thread, owns it itself. */
static void mark_lent(struct skirmish *s, uint32_t token)
{
	uint64_t w = load_relaxed(&s->word);

	while (SKIRMISH_OWNER(w) && SKIRMISH_OWNER(w) != token)
		/* Release: pairs with the acquires in skirmish_lock_fast() and
		 * skirmish_take(), as that in skirmish_recover_word(). */
		if (cas_release(&s->word, &w, w | SKIRMISH_DIED))
			break;
}

void lend_tell(struct view *v, const struct thread_rec *t)
{
	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t e = load_relaxed(&t->skirmishes[k]);

		if (e & ANNOUNCED_BORROWED && lend_is_same(v, t, e) &&
		    !SEED_BUG(25))
			mark_lent(view_entry(v, KIND_SKIRMISH,
					     ANNOUNCED_WHAT(e) - 1),
				  thread_token(t));
	}
}
