/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/talk/borrow.h"

#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/talk/call_chain.h"

/* --- Looking for borrowers ------------------------------------------------ */

/* Is @token me, or who waits for me? */
static bool is_caller_above(const struct view *v, const struct thread_rec *me,
			    uint32_t token)
{
	uint64_t up = call_executes(me);
	const struct call_slot *s;

	if (token == thread_token(me))
		return true;
	for (unsigned n = 0; n < CALL_CHAIN_MAX && (s = call_chain(v, &up));
	     n++)
		if (load_relaxed(&s->owner) == token)
			return true;
	return false;
}

/* Is what @t announces there, in @e, and does not wait for @me, a lock of
 * @me's? */
static bool is_borrowed_from(const struct view *v, const struct thread_rec *me,
			     const struct thread_rec *t, uint32_t e)
{
	uint32_t what = ANNOUNCED_WHAT(e), owner;
	const struct skirmish *s;

	if (!(e & ANNOUNCED_BORROWED) || !lend_is_same(v, t, e))
		return false;
	s = view_entry(v, KIND_SKIRMISH, what - 1);
	owner = SKIRMISH_OWNER(load_acquire(&s->word));
	return (owner && is_caller_above(v, me, owner)) ||
	       lend_announced(v, me, what);
}

static bool find_borrower(const struct view *v, const struct thread_rec *me,
			  uint32_t *ret_token)
{
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *t = view_thread(v, i);

		if (!load_acquire(&t->member) || t == me)
			continue;
		for (unsigned k = THREAD_SKIRMISHES; k-- > 0;) {
			uint32_t e = load_acquire(&t->skirmishes[k]);

			if (is_borrowed_from(v, me, t, e) &&
			    !is_caller_above(v, me, thread_token(t))) {
				*ret_token = thread_token(t);
				return true;
			}
		}
	}
	return false;
}

/* --- Borrowing ------------------------------------------------------------ */

/* Of @t, which waits in it. */
static bool mark_slot_lent(const struct view *v, struct call_slot *s,
			   uint32_t seq, const struct thread_rec *t)
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
	       find_borrower(v, t, &token);
}

/* Does the one of token @owner wait for what @me executes, or one who has
 * borrowed @what?  Then who waits on the way does not go on without a look. */
static bool mark_chain_lent(struct view *v, const struct thread_rec *me,
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
		if (!mark_slot_lent(v, s, SERIAL_SEQ(serial), t))
			return false;
		if (token == owner || (t && lend_announced(v, t, what)))
			return true;
	}
	return false;
}

/* One of @me->lent_ids that no announcement uses; THREAD_LENT: none. */
static unsigned free_lent_id(const struct thread_rec *me)
{
	uint32_t used = 0, i;

	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++)
		if (me->skirmishes[k] & ANNOUNCED_BORROWED)
			used |= 1u << ANNOUNCED_ID(me->skirmishes[k]);
	for (i = 0; i < THREAD_LENT && used & 1u << i; i++)
		;
	return i;
}

static int borrow_announced(struct view *v, struct thread_rec *me,
			    struct skirmish *s)
{
	uint32_t what = skirmish_index(v, s) + 1, n = me->n_skirmishes, id;
	uint32_t owner = SKIRMISH_OWNER(load_acquire(&s->word));

	if (!owner || !mark_chain_lent(v, me, what, owner))
		return -EBUSY;
	id = free_lent_id(me);
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
	r = borrow_announced(v, me, s);
	lend_unlock(v, me);
	return r;
}

int lend_is_out(struct view *v, struct thread_rec *me, uint32_t *ret_token)
{
	int r = lend_lock(v, me);

	if (r < 0)
		return r;
	r = find_borrower(v, me, ret_token);
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
	r = find_borrower(v, me, ret_token);
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
