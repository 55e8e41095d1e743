/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Borrowing: the half of lending (locks/lend.h) that follows the chain of calls
 * from the thread that executes a call up to the threads that wait for it */
#ifndef FUSION_CORE_BORROW_H
#define FUSION_CORE_BORROW_H

#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/talk/call.h"

/*
 * Borrow skirmish @s from a thread that waits for what @me executes, and that
 * owns or has borrowed it; once more if @me has borrowed it already.
 *
 *   0
 *   -EBUSY      no such thread has it
 *   -ENOLCK     @me holds or has borrowed too many
 *   -EOVERFLOW  @me has borrowed it too often
 *   -ETIMEDOUT  superblock.lend was not free in time
 */
int lend_borrow(struct view *v, struct thread_rec *me, struct skirmish *s);
/* Find a thread that has borrowed what @me owns or has borrowed, and that does
 * not itself wait for @me: its token is *ret_token. 1 there is one, 0 none,
 * -errno. */
int lend_is_out(struct view *v, struct thread_rec *me, uint32_t *ret_token);
/* Close @slot, in which @me waits: nobody borrows through it any more.  Answers
 * as lend_is_out(). */
int lend_close(struct view *v, struct thread_rec *me, struct call_slot *slot,
	       uint32_t *ret_token);

#endif
