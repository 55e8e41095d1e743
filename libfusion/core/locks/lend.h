/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lending: who executes a call may take what its callers have
 *
 * A thread that waits in a call lends its skirmishes to whoever executes that
 * call, at any depth.  The word stays the lender's; a borrower announces the
 * lock in thread_rec.skirmishes with BORROWED and how many levels it has.  All
 * borrowers of a lock are in one chain of calls, each but the last of them
 * waiting, so one of them at most is at work.
 *
 * Who borrows, gives the last level back, goes on after a call that was LENT,
 * gives a call up, or recovers the dead does it under superblock.lend, which
 * is held for some loads and stores and never while waiting.  Under it:
 *
 *   borrow      the chain of POSTED, not CLOSED slots up to who has the lock,
 *               or has borrowed it, all LENT; then announce.  Also through a
 *               LENT one that is given up or answered, while its owner waits
 *               for what is out: else the two would wait for each other
 *   give back   strike out; inherited: first the word to the next borrower,
 *               or to nobody
 *   close       a slot is CLOSED, and not LENT if nobody has borrowed
 *   recover     the word of the dead to a borrower, DIED, or to nobody; then
 *               his announcements go
 *
 * What looks at the calls between lender and borrower is in talk/borrow.h.
 *
 * As long as one living thread has borrowed a lock, its word is its lender's or
 * a borrower's; and no slot of the chain is left but by who dies.  A lock that
 * is destroyed is nobody's: an announcement counts with its id.
 *
 * Killed, each with one commit:
 *   borrow      the announcement; LENT alone costs its waiter one look
 *   give back   the announcement's end; the word is another borrower's already
 *               or free, and recovery finds nothing of his in it
 *   recover     the word; it is the dead one's no more, and the next recovery
 *               strikes out
 */
#ifndef FUSION_CORE_LEND_H
#define FUSION_CORE_LEND_H

#include "libfusion/core/locks/skirmish.h"

/* As core_lock(). */
int lend_lock(struct view *v, struct thread_rec *me);
void lend_unlock(struct view *v, struct thread_rec *me);

/* Is the lock that @t announces with @e, one of its words, still there? */
bool lend_is_same(const struct view *v, const struct thread_rec *t, uint32_t e);
/* Where @t announces the lock of @what (index + 1) as borrowed, NULL nowhere.
 * One that was destroyed since does not count, whatever is in its place. */
uint32_t *lend_announced(const struct view *v, const struct thread_rec *t,
			 uint32_t what);

/* Strike out @e, one of @me->skirmishes; what was borrowed under the lock. */
void lend_strike(struct thread_rec *me, uint32_t *e);
/* Those that were destroyed since; true: one was @what. */
bool lend_forget(const struct view *v, struct thread_rec *me, uint32_t what);
/* The token of another than @but who has borrowed @what, 0 nobody.  Under the
 * lock. */
uint32_t lend_borrower(const struct view *v, const struct thread_rec *but,
		       uint32_t what);

/* What a thread has borrowed at some time. */
struct lend_mark {
	uint32_t n;
	struct {
		uint32_t what, levels;
	} has[THREAD_SKIRMISHES];
};
void lend_mark(const struct view *v, const struct thread_rec *me,
	       struct lend_mark *ret);
/* Give back what @me has borrowed since; all of it if @mark is NULL. */
void lend_return(struct view *v, struct thread_rec *me,
		 const struct lend_mark *mark);

/* The thread of @t is gone: those whose locks it has borrowed are to know,
 * before their calls fail.  Idempotent. */
void lend_tell(struct view *v, const struct thread_rec *t);

#endif
