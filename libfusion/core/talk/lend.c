/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/talk/lend.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"

int lend_lock(struct view *v, struct thread_rec *me)
{
	return core_lock(v, me, &v->sb->lend);
}

void lend_unlock(struct view *v, struct thread_rec *me)
{
	core_unlock(v, me, &v->sb->lend);
}

static uint32_t token_of(const struct thread_rec *t)
{
	return load_relaxed(&t->token) & TOKEN_MASK;
}

/* --- Announcements -------------------------------------------------------- */

/* Is what @t announces there as borrowed, in @e, still the same lock? */
static bool is_the_same(const struct view *v, const struct thread_rec *t,
			uint32_t e)
{
	uint32_t what = ANNOUNCED_WHAT(e), id;
	const struct skirmish *s;

	if (!what || what > table_hi(v, KIND_SKIRMISH))
		return false;
	s = view_entry(v, KIND_SKIRMISH, what - 1);
	id = load_relaxed(&s->id);
	return id && id == load_relaxed(&t->lent_ids[ANNOUNCED_ID(e)]);
}

/* From the end: what is struck out moves towards the begin. */
uint32_t *lend_announced(const struct view *v, const struct thread_rec *t,
			 uint32_t what)
{
	for (unsigned k = THREAD_SKIRMISHES; k-- > 0;) {
		/* Acquire: pairs with the releases of who strikes out. */
		uint32_t e = load_acquire(&t->skirmishes[k]);

		if (e & ANNOUNCED_BORROWED && ANNOUNCED_WHAT(e) == what &&
		    is_the_same(v, t, e))
			return (uint32_t *)&t->skirmishes[k];
	}
	return NULL;
}

void lend_strike(struct thread_rec *me, uint32_t *e)
{
	/* As in strike_out(): never beyond the end. */
	uint32_t n = load_relaxed(&me->n_skirmishes);

	if (n > THREAD_SKIRMISHES)
		n = THREAD_SKIRMISHES;
	if (!n)
		return;
	/* Release, both: pairs with the acquire in lend_announced(). */
	store_release(e, me->skirmishes[n - 1]);
	/* Killed in between, the last one stands there twice: once is
	 * enough. */
	compiler_fence();
	store_release(&me->skirmishes[n - 1], 0u);
	me->n_skirmishes = n - 1;
}

bool lend_forget(const struct view *v, struct thread_rec *me, uint32_t what)
{
	bool found = false;

	for (unsigned k = THREAD_SKIRMISHES; k-- > 0;) {
		uint32_t e = me->skirmishes[k];

		if (!(e & ANNOUNCED_BORROWED) || is_the_same(v, me, e))
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

		if (t != but && load_acquire(&t->member) &&
		    lend_announced(v, t, what))
			return token_of(t);
	}
	return 0;
}

/* --- Looking for borrowers ------------------------------------------------ */

/* Is @token me, or who waits for me? */
static bool is_above(const struct view *v, const struct thread_rec *me,
		     uint32_t token)
{
	uint64_t up = call_executes(me);
	const struct call_slot *s;

	if (token == token_of(me))
		return true;
	for (unsigned n = 0; n < CALL_CHAIN_MAX && (s = call_chain(v, &up));
	     n++)
		if (load_relaxed(&s->owner) == token)
			return true;
	return false;
}

/* Is what @t announces there, in @e, and does not wait for @me, a lock of
 * @me's? */
static bool is_of(const struct view *v, const struct thread_rec *me,
		  const struct thread_rec *t, uint32_t e)
{
	uint32_t what = ANNOUNCED_WHAT(e), owner;
	const struct skirmish *s;

	if (!(e & ANNOUNCED_BORROWED) || !is_the_same(v, t, e))
		return false;
	s = view_entry(v, KIND_SKIRMISH, what - 1);
	owner = SKIRMISH_OWNER(load_acquire(&s->word));
	return (owner && is_above(v, me, owner)) || lend_announced(v, me, what);
}

static bool is_out(const struct view *v, const struct thread_rec *me,
		   uint32_t *ret_token)
{
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *t = view_thread(v, i);

		if (!load_acquire(&t->member) || t == me)
			continue;
		for (unsigned k = THREAD_SKIRMISHES; k-- > 0;) {
			uint32_t e = load_acquire(&t->skirmishes[k]);

			if (is_of(v, me, t, e) &&
			    !is_above(v, me, token_of(t))) {
				*ret_token = token_of(t);
				return true;
			}
		}
	}
	return false;
}

/* --- Borrowing ------------------------------------------------------------ */

/* Of @t, which waits in it. */
static bool lend_slot(const struct view *v, struct call_slot *s, uint32_t seq,
		      const struct thread_rec *t)
{
	uint64_t st = load_acquire(&s->st);
	uint32_t token;

	/* A visitor does not wait for who has borrowed. */
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED &&
	       !(st & (SLOT_VISITOR | SLOT_CLOSED)))
		/* Release: pairs with the acquire of who waits in it. */
		if (st & SLOT_LENT || cas_acq_rel(&s->st, &st, st | SLOT_LENT))
			return true;
	return SLOT_SEQ(st) == seq && st & SLOT_LENT && t &&
	       is_out(v, t, &token);
}

/* Does the one of token @owner wait for what @me executes, or one who has
 * borrowed @what?  Then who waits on the way does not go on without a look. */
static bool lend_chain(struct view *v, const struct thread_rec *me,
		       uint32_t what, uint32_t owner)
{
	uint64_t up = call_executes(me), serial;

	for (unsigned n = 0; n < CALL_CHAIN_MAX; n++) {
		const struct thread_rec *t;
		struct call_slot *s;
		uint32_t token;

		serial = up;
		s = call_chain(v, &up);
		if (!s)
			return false;
		/* Before the CAS, which says that it is still that slot. */
		token = load_acquire(&s->owner);
		t = thread_by_token(v, token);
		if (!lend_slot(v, s, SERIAL_SEQ(serial), t))
			return false;
		if (token == owner || (t && lend_announced(v, t, what)))
			return true;
	}
	return false;
}

/* One of @me->lent_ids that no announcement uses; THREAD_LENT: none. */
static unsigned free_id(const struct thread_rec *me)
{
	uint32_t used = 0, i;

	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++)
		if (me->skirmishes[k] & ANNOUNCED_BORROWED)
			used |= 1u << ANNOUNCED_ID(me->skirmishes[k]);
	for (i = 0; i < THREAD_LENT && used & 1u << i; i++)
		;
	return i;
}

static int borrow_locked(struct view *v, struct thread_rec *me,
			 struct skirmish *s)
{
	uint32_t what = skirmish_index(v, s) + 1, n = me->n_skirmishes, id;
	uint32_t owner = SKIRMISH_OWNER(load_acquire(&s->word));

	if (!owner || !lend_chain(v, me, what, owner))
		return -EBUSY;
	id = free_id(me);
	if (n >= THREAD_SKIRMISHES || id == THREAD_LENT)
		return -EMFILE;
	store_relaxed(&me->lent_ids[id], load_relaxed(&s->id));
	/* Release: with its id. */
	store_release(&me->skirmishes[n], what | ANNOUNCED_WITH_ID(id) |
						  ANNOUNCED_BORROWED |
						  ANNOUNCED_LEVEL);
	me->n_skirmishes = n + 1;
	return 0;
}

int lend_borrow(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t *e;
	int r;

	if (!load_relaxed(&me->exec))
		return -EBUSY;
	e = lend_announced(v, me, skirmish_index(v, s) + 1);
	if (e && ANNOUNCED_LEVELS(*e) == ANNOUNCED_LEVELS(UINT32_MAX))
		return -EOVERFLOW;
	if (e) {
		store_relaxed(e, *e + ANNOUNCED_LEVEL);
		return 0;
	}
	if (!SKIRMISH_OWNER(load_relaxed(&s->word)))
		return -EBUSY;
	r = lend_lock(v, me);
	if (r < 0)
		return r;
	r = borrow_locked(v, me, s);
	lend_unlock(v, me);
	return r;
}

int lend_is_out(struct view *v, struct thread_rec *me, uint32_t *ret_token)
{
	int r = lend_lock(v, me);

	if (r < 0)
		return r;
	r = is_out(v, me, ret_token);
	lend_unlock(v, me);
	return r;
}

int lend_close(struct view *v, struct thread_rec *me, struct call_slot *slot,
	       uint32_t *ret_token)
{
	int r = lend_lock(v, me);
	uint64_t st, next;

	if (r < 0)
		return r;
	r = is_out(v, me, ret_token);
	st = load_acquire(&slot->st);
	do {
		next = st | SLOT_CLOSED;
		if (!r)
			next &= ~(uint64_t)SLOT_LENT;
		/* Answered: it is over, and LENT says whether to look. */
	} while (SLOT_STATE(st) == SLOT_POSTED && next != st &&
		 !cas_acq_rel(&slot->st, &st, next));
	lend_unlock(v, me);
	return r;
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

static uint32_t levels_then(const struct lend_mark *mark, uint32_t what)
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
		uint32_t n = levels_then(mark, now.has[i].what);

		while (now.has[i].levels-- > n)
			skirmish_back_out(v, me,
					  view_entry(v, KIND_SKIRMISH,
						     now.has[i].what - 1));
	}
	lend_forget(v, me, 0);
}

/* --- Recovery ------------------------------------------------------------- */

/* The lender's, who lives and is to know. */
static void mark_lent(struct skirmish *s, uint32_t token)
{
	uint64_t w = load_relaxed(&s->word);

	while (SKIRMISH_OWNER(w) && SKIRMISH_OWNER(w) != token)
		/* Release: as in take_from(), skirmish.c. */
		if (cas_release(&s->word, &w, w | SKIRMISH_DIED))
			break;
}

void lend_tell(struct view *v, const struct thread_rec *t)
{
	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t e = load_relaxed(&t->skirmishes[k]);

		if (e & ANNOUNCED_BORROWED && is_the_same(v, t, e) &&
		    !SEED_BUG(25))
			mark_lent(view_entry(v, KIND_SKIRMISH,
					     ANNOUNCED_WHAT(e) - 1),
				  token_of(t));
	}
}
