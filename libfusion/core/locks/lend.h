/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lending: a thread that executes a call may take the locks of its callers
 *
 * A thread that waits in a call lends its skirmishes to the thread that
 * executes the call, at any depth of calls.  The word of the lock keeps the
 * lender's token.  The borrower announces the lock in thread_rec.skirmishes,
 * with BORROWED and the number of its levels.  All borrowers of a lock are in
 * one chain of calls, and each but the last of them waits; so one of them at
 * most runs.
 *
 * Five steps are made under superblock.lend: to borrow, to give the last level
 * back, to go on after a call that was LENT, to give a call up, to recover the
 * dead.  That lock is held for some loads and stores, and never while waiting.
 * Under it:
 *
 *   borrow      mark as LENT the chain of POSTED, not CLOSED slots, up to the
 *               thread that holds the lock or has borrowed it; then announce.
 *               The chain may go through a LENT slot that is given up or
 *               answered, while its owner waits for what it lent: else the two
 *               threads would wait for each other
 *   give back   strike out; if the borrower has inherited the word, first give
 *               the word to the next borrower, or to nobody
 *   close       mark a slot as CLOSED, and as not LENT if nobody has borrowed
 *   recover     give the word of the dead thread to a borrower, with DIED, or
 *               to nobody; then strike out the dead thread's announcements
 *
 * The functions that follow the calls between lender and borrower are in
 * talk/borrow.h.
 *
 * Invariant: as long as a living thread has borrowed a lock, the word names its
 * lender or a borrower, and only death takes a thread out of the chain.  A lock
 * that is destroyed has no borrowers: an announcement counts only while the
 * lock has the id that was announced.
 *
 * A thread that is killed in a step; each step has one commit:
 *   borrow      the announcement.  LENT alone costs the waiter one search
 *   give back   the end of the announcement.  The word is another borrower's or
 *               free by then, so recovery finds no dead owner in it
 *   recover     the word, which is not the dead thread's any more.  The next
 *               recovery strikes out
 */
#ifndef FUSION_CORE_LEND_H
#define FUSION_CORE_LEND_H

#include "libfusion/core/locks/skirmish.h"

/* Lock superblock.lend.  0; errors as core_lock(). */
int lend_lock(struct view *v, struct thread_rec *me);
/* Unlock superblock.lend. */
void lend_unlock(struct view *v, struct thread_rec *me);

/* Say whether the lock that @t announces with the word @e still exists. */
bool lend_is_same(const struct view *v, const struct thread_rec *t, uint32_t e);
/* Find the word with which @t announces the lock of @what (index + 1) as
 * borrowed; NULL there is none.  A lock that was destroyed since does not
 * count, whatever is in its place. */
uint32_t *lend_announced(const struct view *v, const struct thread_rec *t,
			 uint32_t what);

/* Strike out @e, a word of @me->skirmishes; under the lend lock if it announces
 * a borrowed lock. */
void lend_strike(struct thread_rec *me, uint32_t *e);
/* Strike out all borrowed locks that were destroyed since.  true: one of them
 * was @what. */
bool lend_forget(const struct view *v, struct thread_rec *me, uint32_t what);
/* Find a thread other than @but that has borrowed @what: its token, 0 nobody.
 * Under the lend lock. */
uint32_t lend_borrower(const struct view *v, const struct thread_rec *but,
		       uint32_t what);

/* What a thread had borrowed at some time: locks (index + 1) and levels. */
struct lend_mark {
	uint32_t n;
	struct {
		uint32_t what, levels;
	} has[THREAD_SKIRMISHES];
};
/* Write down what @me has borrowed now. */
void lend_mark(const struct view *v, const struct thread_rec *me,
	       struct lend_mark *ret);
/* Give back what @me has borrowed since @mark, or all if @mark is NULL. */
void lend_return(struct view *v, struct thread_rec *me,
		 const struct lend_mark *mark);

/* Mark the locks that the dead thread of @t has borrowed with DIED, so that
 * their lenders know before their calls fail.  Idempotent. */
void lend_tell(struct view *v, const struct thread_rec *t);

#endif
