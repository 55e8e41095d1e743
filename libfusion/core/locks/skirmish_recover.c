/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: recovery of the dead, and the checker
 *
 * Recovery goes through the announcements of the dead thread.  For each lock,
 * one CAS takes the dead thread out of the word, as owner and as heir.  Then
 * all waiters are woken, since the dead thread may have owed or consumed a
 * wake.  Then the announcement goes.  A recoverer that dies in between leaves
 * the announcement, so the next recoverer repeats these steps.
 */
#include "libfusion/core/locks/skirmish_recover.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/locks/skirmish_queue.h"

/* Take @token out of the word.  If @token owned the lock, @next_owner gets it,
 * or nobody if that is 0.  true: @token owned the lock. */
static bool skirmish_recover_word(struct skirmish *s, uint32_t token,
				  uint32_t next_owner)
{
	uint64_t w = load_relaxed(&s->word), next;
	bool owned;

	do {
		owned = SKIRMISH_OWNER(w) == token;
		next = w;
		if (SKIRMISH_HEIR(w) == token)
			next = (uint32_t)next;
		if (owned) {
			/* No other thread writes it while the dead one owns the
			 * lock. */
			s->depth = 0;
			next = (next & ~(uint64_t)UINT32_MAX) | SKIRMISH_DIED;
			if (next_owner)
				next |= next_owner | (w & SKIRMISH_WAIT);
		}
		/* The next owner must see the heap recovered.  Release: pairs
		 * with the acquires in skirmish_lock_fast() and
		 * skirmish_take(). */
	} while (!cas_release(&s->word, &w, next));
	return owned;
}

/* Recover one lock that @t announces.  If @lends, a thread that has borrowed it
 * inherits it.  true: @t owned it. */
static bool skirmish_recover_announced(struct view *v,
				       const struct thread_rec *t,
				       struct skirmish *s, bool lends)
{
	uint32_t token = thread_token(t), next = 0;
	/* Acquire: pairs with the release in skirmish_give(), which hands the
	 * lock over. */
	bool owned = SKIRMISH_OWNER(load_acquire(&s->word)) == token;

	if (owned && lends)
		next = lend_borrower(v, t, skirmish_index(v, s) + 1);
	owned = skirmish_recover_word(s, token, next);
	if (owned)
		add_relaxed(&s->recovered, 1);
	/* All: the dead thread may have owed a wake, or consumed one.  The seq
	 * counts on, too: the dead thread may have been about to notify a
	 * thread that has given the lock back and does not sleep yet.  Release:
	 * pairs with the acquire in skirmish_sleep_on_seq(). */
	if (!SEED_BUG(24)) {
		add_release(&s->seq, 1);
		futex_wake(skirmish_futex(s), INT_MAX);
		futex_wake(&s->seq, INT_MAX);
	}
	return owned;
}

/* The locks that a dead thread owned, for the events. */
struct owned_locks {
	uint32_t n, index[THREAD_SKIRMISHES];
};

static void skirmish_recover_all(struct view *v, struct thread_rec *t,
				 bool lends, struct owned_locks *ret)
{
	uint32_t hi = table_hi(v, KIND_SKIRMISH);

	lend_tell(v, t);
	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t i = ANNOUNCED_WHAT(load_relaxed(&t->skirmishes[k]));

		if (i && i <= hi && thread_token(t) &&
		    skirmish_recover_announced(
			    v, t, view_entry(v, KIND_SKIRMISH, i - 1), lends))
			ret->index[ret->n++] = i - 1;
		/* Release: pairs with the acquire in lend_announced(). */
		store_release(&t->skirmishes[k], 0u);
	}
	t->n_skirmishes = 0;
}

int skirmish_recover(struct view *v, struct thread_rec *t,
		     struct thread_rec *me)
{
	/* The daemon's visitors (slot 0) lend nothing. */
	bool lends = load_relaxed(&t->member) != 1;
	struct owned_locks owned = {.n = 0};
	int r = lends ? lend_lock(v, me) : 0;

	if (r < 0)
		return r;
	skirmish_recover_all(v, t, lends, &owned);
	if (lends)
		lend_unlock(v, me);
	skirmish_announce_wait(t, 0);
	/* After the lend lock: no thread waits for the event lock while it
	 * holds another core lock. */
	for (uint32_t k = 0; k < owned.n; k++) {
		const struct skirmish *s =
			view_entry(v, KIND_SKIRMISH, owned.index[k]);

		event_log(v, me, EVENT_RECOVERED, thread_member_id(v, t),
			  "skirmish %.*s", ENTRY_NAME_MAX, s->e.name);
	}
	return 0;
}

/* --- The checker -----------------------------------------------------------
 */

static const char *skirmish_fault(const struct view *v,
				  const struct skirmish *s)
{
	uint64_t w = load_relaxed(&s->word);

	if (load_relaxed(&s->id) != load_relaxed(&s->e.id))
		return "skirmish: id is not its own";
	if (SKIRMISH_OWNER(w) && !thread_by_token(v, SKIRMISH_OWNER(w)))
		return "skirmish: held by nobody";
	if (SKIRMISH_HEIR(w) && !thread_by_token(v, SKIRMISH_HEIR(w)))
		return "skirmish: nobody is its heir";
	return NULL;
}

unsigned skirmish_check(struct view *v, check_report_fn report, void *ctx)
{
	struct checker c = {.report = report, .ctx = ctx};
	uint32_t hi = table_hi(v, KIND_SKIRMISH);

	for (uint32_t i = 0; i < hi; i++) {
		const struct skirmish *s = view_entry(v, KIND_SKIRMISH, i);
		const char *what;

		if (load_relaxed(&s->e.state) != ENTRY_USED)
			continue;
		what = skirmish_fault(v, s);
		if (what)
			check_fault(&c, "%s", what);
	}
	return c.faults;
}

unsigned skirmish_check_thread(const struct view *v, const struct thread_rec *t)
{
	uint32_t hi = table_hi(v, KIND_SKIRMISH);
	unsigned faults = 0;

	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t i = load_relaxed(&t->skirmishes[k]);
		const struct skirmish *s;

		if (!i || i == load_relaxed(&t->waits_for) ||
		    i & ANNOUNCED_BORROWED)
			continue;
		s = i <= hi ? view_entry(v, KIND_SKIRMISH, i - 1) : NULL;
		faults += !s || SKIRMISH_OWNER(load_relaxed(&s->word)) !=
					thread_token(t);
	}
	return faults;
}
