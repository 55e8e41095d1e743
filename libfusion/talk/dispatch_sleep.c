/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between two turns: is there anything to do, and how the dispatcher sleeps
 *
 * The dispatcher sleeps on a flag in the header of the next record.  A producer
 * that finds the flag takes it off and wakes it.  A thread of this process that
 * posts something does that too (dispatch_rouse()).
 */
#include "libfusion/talk/dispatch_sleep.h"

#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/talk/call_attend.h"
#include "libfusion/talk/dispatch_post.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/turn.h"

bool dispatch_is_there(const struct dispatcher *d)
{
	uint32_t cells, producer;

	return ring_look(&d->ring, d->next, &cells, &producer) != RING_EMPTY ||
	       attend_is_there(d) || dispatch_has_posts(d) || d->backlog;
}

static bool sees_work(void *arg)
{
	struct dispatcher *d = arg;

	/* Acquire: pairs with the release in dispatch_threads_stop(). */
	return dispatch_is_there(d) || load_acquire(&d->stop) ||
	       load_relaxed(&d->wanted);
}

bool dispatch_spin(struct dispatcher *d)
{
	return spin_until(&d->spinner, sees_work, d);
}

/*
 *   a thread that posts               the dispatcher
 *   put it on the list                flag at asleep_at, in the ring
 *   fence (dispatch_rouse())          fence
 *   flag in the ring? take it off,    anything on the list?
 *   wake                              sleep while the flag is there
 */
bool dispatch_arm(struct dispatcher *d)
{
	dispatch_release_cells(d, true);
	if (attend_close(d))
		return false;
	/* Release: pairs with the acquire in dispatch_rouse(). */
	store_release(&d->asleep_at, d->next + 1);
	if (!ring_arm(&d->ring, d->next))
		return false;
	full_fence();
	if (dispatch_has_posts(d) || load_acquire(&d->stop) ||
	    load_acquire(&d->n_syncers) || load_relaxed(&d->ring.ctl->scan)) {
		ring_rouse(&d->ring, d->next);
		return false;
	}
	store_relaxed(&d->ring.ctl->sleeping, 1u);
	return true;
}

void dispatch_rouse(struct dispatcher *d)
{
	uint64_t at;

	full_fence(); /* the drawing is at dispatch_arm() */
	/* Acquire: pairs with the release in dispatch_arm(). */
	at = load_acquire(&d->asleep_at);
	if (at)
		ring_rouse(&d->ring, at - 1);
}

void dispatch_idle(struct dispatcher *d)
{
	life_sweep(&d->arena->view);
	turn_take(d);
	store_relaxed(&d->ring.ctl->scan, 1u);
	turn_give(d);
}
