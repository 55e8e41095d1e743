/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waking listeners
 *
 * A listener that found nothing sets cursor.idle.  A dispatcher that finds it
 * set takes it, and posts MSG_NEWS into the queue of the listener's member.  A
 * listener that found a record which is being written (CURSOR_BLOCKED) is woken
 * for each channel: its own messages may lie behind that record.  So a burst of
 * messages costs one wake for each listener, and a listener that is reading
 * costs none.
 *
 * Invariant: after a message is committed, its listener reads on, or has a
 * MSG_NEWS in its queue, or the queue's `scan` mark is set.  A visitor is told
 * by the visitors' bell instead.
 */
#include "libfusion/core/talk/listener_wake.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/bell.h"

/*
 * Set the `scan` mark of the listener's queue, which is full.  So its
 * dispatcher is awake, and looks at the mark before it sleeps:
 *
 *   the thread that wakes              the dispatcher of the listener
 *   scan = 1                           take the records, give the cells back
 *   fence                              fence (dispatch_arm())
 *   room in the queue? post            scan? look at all reactors
 *
 * Without the fence here the queue may look full after it was emptied, and
 * nobody sees the mark: the dispatcher would sleep with news for it.
 */
static void mark_queue_scan(struct view *v, struct thread_rec *me,
			    const struct cursor *c)
{
	struct ring queue;

	if (message_queue(v, me, load_relaxed(&c->slot),
			  load_relaxed(&c->owner), &queue) == 0)
		/* Release: pairs with the exchange of `scan` in the library's
		 * dispatcher.  It must see the message when it looks. */
		store_release(&queue.ctl->scan, 1u);
	full_fence();
}

/*
 * The thread that wakes may be late: the ring has another reactor by now, and
 * the cursor another listener.  The thread that takes the mark must tell the
 * listener that set it, and name the reactor which that listener knows:
 *
 *   the next listener                  the late thread
 *   the ring is its reactor's          take the mark (acquire)
 *   the cursor is its own              of which reactor is the ring,
 *   idle = 1 (release)                 whose is the cursor? tell it
 *
 * If the ring or the cursor changes hands behind the mark, the listener that
 * set the mark has gone, and needs no wake.
 */
void listener_wake(struct view *v, struct thread_rec *me, const struct ring *r,
		   struct cursor *c, bool always)
{
	struct msg_head h = {.kind = MSG_NEWS};
	uint32_t slot, owner;

	/* Acquire: pairs with the release in cursor_rest().  One of several
	 * dispatchers takes the mark, and posts. */
	if (!load_relaxed(&c->idle) && !always)
		return;
	if (!xchg_acquire(&c->idle, 0u) && !always)
		return;
	h.a = load_relaxed(&r->ctl->owner) & ~RING_OF_REACTOR;
	slot = load_relaxed(&c->slot);
	owner = load_relaxed(&c->owner);
	if (CURSOR_FLAGS(c) & CURSOR_VISITOR) {
		visitor_bell_ring(v->sb);
		return;
	}
	if (!slot || slot > v->geo.max_members)
		return;
	/* The queue is full: first the mark, which the dispatcher is sure to
	 * see. */
	if (message_post(v, me, slot, owner, &h, NULL, NULL) == -EAGAIN) {
		mark_queue_scan(v, me, c);
		if (SEED_BUG(86))
			return;
		message_post(v, me, slot, owner, &h, NULL, NULL);
	}
}

/*
 *   the dispatcher                 the listener
 *   commit the record              idle = 1
 *   fence                          fence
 *   idle? take it, wake            look again
 */
void listeners_wake(struct view *v, struct thread_rec *me, struct ring *r,
		    uint64_t channel)
{
	bool all = channel == LISTENERS_ALL;

	full_fence();
	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		struct cursor *c = cursor_at(r, i);
		uint32_t state, idle = load_relaxed(&c->idle);

		if (!idle && !all)
			continue;
		/* Acquire: pairs with the release in take_cursor().  The cursor
		 * must be seen with its owner. */
		state = CURSOR_STATE(load_acquire(&c->st));
		if (state != CURSOR_LIVE && state != CURSOR_LAGGED)
			continue;
		if (all || (idle == CURSOR_BLOCKED && !SEED_BUG(101)) ||
		    load_relaxed(&c->mask) & CHANNEL_BIT(channel))
			listener_wake(v, me, r, c, all);
	}
}
