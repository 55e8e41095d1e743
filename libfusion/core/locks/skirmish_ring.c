/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: rings of waiters, which are deadlocks
 *
 * A thread that waits for a lock stores the lock's index in its record
 * (skirmish_queue.c), and the lock's word names its owner.  So waits form a
 * graph in which each thread has at most one edge, and a deadlock is a ring in
 * it.  The walk takes no lock.  Its length is bounded by the number of threads.
 */
#include "libfusion/core/locks/skirmish_ring.h"

#include "libfusion/core/file/thread.h"

const struct thread_rec *skirmish_blocker(const struct view *v,
					  const struct thread_rec *t,
					  uint32_t *ret_index)
{
	/* Acquire: pairs with the release in skirmish_announce_wait(). */
	uint32_t i = load_acquire(&t->waits_for), owner;
	const struct thread_rec *holder;
	const struct skirmish *s;

	if (!i || i > table_hi(v, KIND_SKIRMISH))
		return NULL;
	s = view_entry(v, KIND_SKIRMISH, i - 1);
	/* Acquire: pairs with the release in skirmish_give().  The id must not
	 * be older than the word. */
	owner = SKIRMISH_OWNER(load_acquire(&s->word));
	/* Acquire: pairs with the release in skirmish_fini(). */
	if (!load_acquire(&s->id))
		return NULL;
	holder = thread_by_token(v, owner);
	if (!holder || holder == t)
		return NULL;
	*ret_index = i - 1;
	return holder;
}

static bool skirmish_walk_ring(const struct view *v,
			       const struct thread_rec *me, uint32_t *ret_n)
{
	uint32_t most = view_hi(&v->sb->threads_hi, v->geo.max_threads), i;
	const struct thread_rec *t = me;

	for (uint32_t n = 1; n <= most; n++) {
		t = skirmish_blocker(v, t, &i);
		if (!t)
			return false;
		if (t == me) {
			*ret_n = n;
			return n > 1;
		}
	}
	return false;
}

/* A ring counts only if two walks find it: a thread that has just been given a
 * lock seems to wait for it until it clears its `waits_for`. */
bool skirmish_in_ring(const struct view *v, const struct thread_rec *me,
		      uint32_t *ret_n)
{
	uint32_t first, second;

	if (!skirmish_walk_ring(v, me, &first) ||
	    !skirmish_walk_ring(v, me, &second) || first != second)
		return false;
	if (ret_n)
		*ret_n = first;
	return true;
}
