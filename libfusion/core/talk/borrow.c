/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Borrowing along the chain of calls
 *
 * All is done under superblock.lend, which is held for some loads and stores
 * and never while waiting; locks/lend.h has the protocol.  Invariant: each slot
 * between a borrower and the lender is LENT, so no thread in between goes on
 * after its call without looking for borrowers.
 */
#include "libfusion/core/talk/borrow.h"

#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/talk/call_chain.h"

/* --- Looking for borrowers ------------------------------------------------ */

/* Tell whether @token is @me, or a thread that waits for what @me executes. */
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

/* Tell whether @t announces with @e that it has borrowed a lock which @me, or a
 * thread that waits for @me, owns, or which @me has borrowed. */
static bool is_borrowed_from(const struct view *v, const struct thread_rec *me,
			     const struct thread_rec *t, uint32_t e)
{
	uint32_t what = ANNOUNCED_WHAT(e), owner;
	const struct skirmish *s;

	if (!(e & ANNOUNCED_BORROWED) || !lend_is_same(v, t, e))
		return false;
	s = view_entry(v, KIND_SKIRMISH, what - 1);
	/* Acquire: as in borrow_announced(), under the same lock. */
	owner = SKIRMISH_OWNER(load_acquire(&s->word));
	return (owner && is_caller_above(v, me, owner)) ||
	       lend_announced(v, me, what);
}

/* Find a borrower other than @me and the threads that wait for @me.  Acquire of
 * the announcements: pairs with the release in borrow_announced(). */
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

/* Mark slot @s, in which @t waits, as LENT.  True: it may be borrowed through.
 * A LENT slot that is answered or given up counts too, as long as @t has to
 * wait for a borrower. */
static bool mark_slot_lent(const struct view *v, struct call_slot *s,
			   uint32_t seq, const struct thread_rec *t)
{
	/* Acquire: pairs with the release in post_slot(). */
	uint64_t st = load_acquire(&s->st);
	uint32_t token;

	/* A visitor does not wait for borrowers, so nobody borrows from it. */
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED &&
	       !(st & (SLOT_VISITOR | SLOT_CLOSED)))
		/* Release: pairs with the acquire of the word by the waiting
		 * caller.  Acquire: pairs with the release in post_slot(). */
		if (st & SLOT_LENT || cas_acq_rel(&s->st, &st, st | SLOT_LENT))
			return true;
	return SLOT_SEQ(st) == seq && st & SLOT_LENT && t &&
	       find_borrower(v, t, &token);
}

/* Mark the chain as LENT from what @me executes up to the thread of token
 * @owner, or one that has borrowed @what.  False: the chain ends first.  A
 * thread that waits on the way then does not go on without looking for
 * borrowers. */
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
		/* The owner is read before the CAS in mark_slot_lent(), which
		 * says that it still is that slot.  Acquire: pairs with the CAS
		 * in claim_slot(). */
		token = load_acquire(&s->owner);
		t = thread_by_token(v, token);
		if (!mark_slot_lent(v, s, SERIAL_SEQ(serial), t))
			return false;
		if (token == owner || (t && lend_announced(v, t, what)))
			return true;
	}
	return false;
}

/* Find one of @me->lent_ids that no announcement uses; THREAD_LENT: there is
 * none. */
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
	/* Acquire: pairs with the release of the skirmish by its last owner. */
	uint32_t owner = SKIRMISH_OWNER(load_acquire(&s->word));

	if (!owner || !mark_chain_lent(v, me, what, owner))
		return -EBUSY;
	id = free_lent_id(me);
	if (n >= THREAD_SKIRMISHES || id == THREAD_LENT)
		return -ENOLCK;
	store_relaxed(&me->lent_ids[id], load_relaxed(&s->id));
	/* Release: pairs with the acquire in find_borrower().  The announcement
	 * must be seen with its id. */
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
		/* If it is answered, the call is over, and LENT says whether to
		 * look for borrowers.  Acquire: pairs with the release in
		 * call_finish().  Release of the CAS: pairs with the CAS in
		 * mark_slot_lent(). */
	} while (SLOT_STATE(st) == SLOT_POSTED && next != st &&
		 !cas_acq_rel(&slot->st, &st, next));
	lend_unlock(v, me);
	return r;
}
