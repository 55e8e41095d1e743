/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: the condition
 *
 * A waiter reads `seq` while it holds the lock, gives the lock back and sleeps
 * while `seq` is that number.  A notify adds 1 to `seq` while it holds the
 * lock, so no notify can come between the waiter's read and the end of its
 * lock.  The notify moves the sleepers over to the futex of the lock itself,
 * where each unlock wakes one.
 *
 * The waiter announces the lock all the while.  Killed asleep: recovery finds
 * no word to free, and wakes those whose notify the dead thread may have
 * consumed.
 */
#include "libfusion/core/locks/skirmish_cond.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/locks/skirmish_queue.h"

/* Sleep until seq is not @seq any more.  0, -ETIMEDOUT, -EINTR. */
static int skirmish_sleep_on_seq(struct skirmish *s, uint32_t seq,
				 struct wait *wait)
{
	for (;;) {
		int64_t left = wait_left(wait);
		int r;

		/* Acquire: as below.  A notify that came since counts. */
		if (!left)
			return load_acquire(&s->seq) != seq ? 0
							    : wait_error(wait);
		r = futex_wait(&s->seq, seq, left);
		/* Acquire: pairs with the releases in skirmish_notify(),
		 * skirmish_fini() and skirmish_recover_announced(). */
		if (r == 0 || load_acquire(&s->seq) != seq)
			return 0;
		wait_slept(wait, r);
	}
}

int skirmish_wait(struct view *v, struct thread_rec *me, struct skirmish *s,
		  struct wait *wait)
{
	/* Acquire: pairs with the release in skirmish_fini(). */
	uint32_t id = load_acquire(&s->id), depth, seq;
	uint64_t seen;
	int slept, r;

	if (!id || !skirmish_depth(me, s))
		return skirmish_not_held(s);
	r = skirmish_adopt(v, me, s);
	if (r < 0)
		return r;
	depth = s->depth;
	/* Relaxed: the lock keeps notifies out. */
	seq = load_relaxed(&s->seq);
	s->depth = 0;
	skirmish_give(s, thread_token(me));
	if (SEED_BUG(23))
		seq = load_relaxed(&s->seq);
	slept = skirmish_sleep_on_seq(s, seq, wait);
	if (skirmish_take(s, thread_token(me), SKIRMISH_WAIT, &seen))
		r = skirmish_confirm(s, thread_token(me), id,
				     skirmish_begin(s, seen, false));
	else
		r = skirmish_lock_slow(v, me, s, id, SKIRMISH_WAIT, NULL);
	if (r != 0 && r != -EOWNERDEAD)
		return skirmish_settle(v, me, s, r);
	s->depth = depth;
	return r ? r : slept;
}

/* Killed before the sleepers have moved over: recovery of the owner wakes them
 * all. */
int skirmish_notify(struct view *v, struct thread_rec *me, struct skirmish *s,
		    bool all)
{
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out. */
	uint64_t w = load_relaxed(&s->word);
	uint32_t seq;

	(void)v;
	if (SKIRMISH_OWNER(w) != thread_token(me))
		return skirmish_not_held(s);
	/* Release: pairs with the acquire in skirmish_sleep_on_seq(). */
	seq = add_release(&s->seq, 1) + 1;
	/* Relaxed: only the flag itself is stored. */
	while (!(w & SKIRMISH_WAIT) &&
	       !cas_relaxed(&s->word, &w, w | SKIRMISH_WAIT))
		;
	if (futex_requeue(&s->seq, seq, skirmish_futex(s), all ? INT_MAX : 1) <
	    0)
		futex_wake(&s->seq, INT_MAX);
	return 0;
}
