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
#include <time.h>

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

#define NAP_NS 1000000 /* while another thread dispatches */

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
		if (!s->done && sync_is_over(d, s))
			s->done = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static struct timespec realtime_of(int64_t deadline_ns)
{
	int64_t at = clock_realtime_ns() + deadline_ns - clock_monotonic_ns();

	return (struct timespec){
		.tv_sec = at / 1000000000,
		.tv_nsec = at % 1000000000,
	};
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
			 int64_t deadline)
{
	const struct timespec until = realtime_of(deadline);
	int cancel, r = 0;

	pthread_mutex_lock(&d->lock);
	s->next = d->syncers;
	d->syncers = s;
	/* Release: pairs with the acquires in dispatch_run() and
	 * dispatch_arm(). */
	add_release(&d->n_syncers, 1);
	pthread_mutex_unlock(&d->lock);
	dispatch_rouse(d);
	cancel = cancel_off();
	pthread_mutex_lock(&d->lock);
	while (!s->done && r == 0)
		r = deadline < 0 ? pthread_cond_wait(&d->changed, &d->lock)
				 : pthread_cond_timedwait(&d->changed, &d->lock,
							  &until);
	r = s->done ? 0 : -ETIMEDOUT;
	unlink_syncer(d, s);
	pthread_mutex_unlock(&d->lock);
	cancel_back(cancel);
	return r;
}

static bool is_sync_done(struct dispatcher *d, struct syncer *s)
{
	bool done;

	turn_take(d);
	done = sync_is_over(d, s);
	turn_give(d);
	return done;
}

/* Dispatch until @s is over, as the program dispatches by hand. */
static int sync_by_hand(struct dispatcher *d, struct syncer *s,
			int64_t deadline)
{
	int r;

	for (;;) {
		r = fusion_arena_dispatch(d->arena, 0);
		if (r == -EBUSY)
			sleep_ns(NAP_NS);
		else if (r < 0)
			return r;
		if (is_sync_done(d, s))
			return 0;
		if (deadline >= 0 && clock_monotonic_ns() >= deadline)
			return -ETIMEDOUT;
	}
}

FUSION_API int fusion_arena_sync(struct fusion_arena *arena, int64_t timeout_ns)
{
	struct syncer mine = {0};
	struct dispatcher *d;
	int64_t deadline;
	int r;

	callback_check();
	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	if (dispatch_is_mine(arena))
		return told(-EDEADLK);
	r = deadline_begin(timeout_ns, &deadline);
	if (r == 0)
		r = dispatch_start(arena);
	d = r < 0 ? NULL : dispatcher_of(arena, &r);
	if (!d)
		return told(r);
	mine.until = ring_tail(&d->ring);
	if (d->mode == DISPATCH_MANUAL)
		return told(sync_by_hand(d, &mine, deadline));
	return told(wait_for_sync(d, &mine, deadline));
}
