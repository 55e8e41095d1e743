/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Skirmish: giving back, and the levels that a thread has. */
#ifndef FUSION_CORE_SKIRMISH_GIVE_H
#define FUSION_CORE_SKIRMISH_GIVE_H

#include "libfusion/core/locks/skirmish.h"

/*
 * Give one level of @s back.  The mark of a dead owner stays for the next
 * owner.
 * 0 done; 1 done, and a waiter was woken.
 * -EPERM @me does not hold it.
 * -EIDRM @s is destroyed.
 * -ETIMEDOUT as lend_lock(); only if @me has borrowed it.
 */
int skirmish_unlock(struct view *v, struct thread_rec *me, struct skirmish *s);
/* Strike out what @me may announce of a lock that was destroyed, whose record
 * @s another lock has.  What @me has of that other lock stays. */
void skirmish_forget(struct view *v, struct thread_rec *me, struct skirmish *s);
/* Clear the mark of a dead owner.  0; -EPERM @me does not hold @s; -EIDRM @s is
 * destroyed; -EALREADY there is no mark. */
int skirmish_consistent(struct thread_rec *me, struct skirmish *s);

/* Count the levels that @me owns of @s, 0 none. */
uint32_t skirmish_depth(const struct thread_rec *me, const struct skirmish *s);
/* Count the levels that @me owns or has borrowed of @s, 0 none. */
uint32_t skirmish_levels(const struct view *v, const struct thread_rec *me,
			 const struct skirmish *s);

/* --- For the files of the skirmish only ------------------------------------
 */

/*
 * Take @token out of the word, hand the word to the heir if there is one, and
 * wake the heir or one waiter.  The mark of a dead owner stays in the word.
 * true: a thread may be waiting.  Killed before the CAS: the word names a dead
 * owner, and recovery marks it; after it: the mark is as it was, and recovery
 * finds the announcement and wakes all.
 */
bool skirmish_give(struct skirmish *s, uint32_t token);
/* Say why a thread that does not hold @s may not give it back: -EPERM, -EIDRM.
 */
int skirmish_not_held(const struct skirmish *s);
/*
 * Make the levels of @s that @me has inherited as a borrower its own.
 * 0 they were before; 1 they are now.
 * -EPERM others have borrowed @s: they wait for the call that @me executes, and
 * rely on it to hold the lock.
 * -ETIMEDOUT as lend_lock().
 */
int skirmish_adopt(struct view *v, struct thread_rec *me, struct skirmish *s);

#endif
