/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Borrowing: the half of lending (locks/lend.h) that follows the chain of calls
 * from the thread that executes one up to the threads that wait
 */
#ifndef FUSION_CORE_BORROW_H
#define FUSION_CORE_BORROW_H

#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/talk/call.h"

/* Take what a thread has that waits for @me, or has borrowed.  0; -EBUSY there
 * is none; -EMFILE, -EOVERFLOW; -ETIMEDOUT. */
int lend_borrow(struct view *v, struct thread_rec *me, struct skirmish *s);
/* Has anybody borrowed what @me, or who waits for @me, has, or what @me has
 * borrowed?  Others than those who wait for @me.  *ret_token is one of them.
 * 1, 0, -errno. */
int lend_is_out(struct view *v, struct thread_rec *me, uint32_t *ret_token);
/* Nobody borrows any more because @me waits in @slot.  As lend_is_out(). */
int lend_close(struct view *v, struct thread_rec *me, struct call_slot *slot,
	       uint32_t *ret_token);

#endif
