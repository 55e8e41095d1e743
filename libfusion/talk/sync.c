/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting until what has come is handled
 *
 * A caller of fusion_arena_sync() waits for the records that are in the queue,
 * for the requests that are HERE in slots, and for the messages of reactors.
 * First the requests must begin, then all handlings that have a lower number
 * must end.  Later requests are not waited for, or two members that call each
 * other without a pause would hold a third one up for ever.
 */
#include "libfusion/talk/sync.h"

#include <fusion/dispatch.h>

#include <errno.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/arena_private.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/talk/call_attend.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/dispatch_sleep.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/turn.h"

#define NAP_NS 1000000 /* while another thread dispatches or handles */

bool sync_is_over(struct dispatcher *d, struct syncer *s)
{
	if (!s->looked)
		attend_note(d, s->here);
	s->looked = true;
	if (!s->begun && !attend_has(d, s->here))
		s->begun = d->numbers + 1;
	return s->begun && dispatch_has_ended(d, s->begun) &&
	       dispatch_done(d) >= s->until && !d->backlog;
}

void sync_look(struct dispatcher *d)
{
	pthread_mutex_lock(&d->lock);
	for (struct syncer *s = d->syncers; s; s = s->next)
		if (!load_relaxed(&s->done) && sync_is_over(d, s)) {
			/* Release: pairs with the acquire in wait_for_sync(),
			 * as the caller must see what the handlers wrote. */
			store_release(&s->done, 1u);
			/* The syncer is there as long as this thread has the
			 * lock. */
			futex_wake(&s->done, 1);
		}
	pthread_mutex_unlock(&d->lock);
}

static void unlink_syncer(struct dispatcher *d, struct syncer *s)
{
	struct syncer **p = &d->syncers;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	sub_relaxed(&d->n_syncers, 1);
}

static int wait_for_sync(struct dispatcher *d, struct syncer *s,
			 struct wait *wait)
{
	int64_t left;
	int r;

	pthread_mutex_lock(&d->lock);
	s->next = d->syncers;
	d->syncers = s;
	/* Release: pairs with the acquires in dispatch_run() and
	 * dispatch_arm(). */
	add_release(&d->n_syncers, 1);
	pthread_mutex_unlock(&d->lock);
	dispatch_rouse(d);
	/* Acquire: pairs with the release in sync_look(). */
	while (!load_acquire(&s->done) && (left = wait_left(wait)))
		wait_slept(wait, futex_wait(&s->done, 0, left));
	pthread_mutex_lock(&d->lock);
	/* Acquire: as in the loop. */
	r = load_acquire(&s->done) ? 0 : wait_error(wait);
	unlink_syncer(d, s);
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* Not if another thread has the turn: the caller looks again. */
static bool is_sync_done(struct dispatcher *d, struct syncer *s)
{
	bool done;

	if (!turn_try(d))
		return false;
	done = sync_is_over(d, s);
	turn_give(d);
	return done;
}

/* Dispatch until @s is over, as the program dispatches by hand. */
static int sync_by_hand(struct dispatcher *d, struct syncer *s,
			struct wait *wait)
{
	int r;

	for (;;) {
		r = fusion_arena_dispatch(d->arena, 0, 0);
		if (r < 0 && r != -EBUSY)
			return r;
		if (is_sync_done(d, s))
			return 0;
		if (!wait_left(wait))
			return wait_error(wait);
		/* Another thread has the turn, or still handles something. */
		if (r <= 0)
			wait_slept(wait, sleep_ns(NAP_NS));
	}
}

FUSION_API int fusion_arena_sync(struct fusion_arena *arena, int64_t timeout_ns,
				 uint32_t flags)
{
	struct syncer mine = {0};
	struct dispatcher *d;
	struct wait wait;
	int r;

	callback_check();
	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	if (dispatch_is_mine(arena))
		return told(-EDEADLK);
	r = wait_begin(timeout_ns, flags, &wait);
	if (r == 0)
		r = dispatch_start(arena);
	d = r < 0 ? NULL : dispatcher_of(arena, &r);
	if (!d)
		return told(r);
	mine.until = ring_tail(&d->ring);
	if (d->mode == DISPATCH_MANUAL)
		return told(sync_by_hand(d, &mine, &wait));
	return told(wait_for_sync(d, &mine, &wait));
}
