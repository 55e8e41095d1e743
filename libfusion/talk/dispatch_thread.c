/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's threads
 *
 * One is active: it drains the queue and sleeps on it.  When its handler blocks
 * it steps down, and another thread, parked or new, becomes active.
 */
#include "libfusion/talk/dispatch_thread.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "libfusion/base/log.h"
#include "libfusion/base/quiet_thread.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/talk/call_attend.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/dispatch_sleep.h"
#include "libfusion/talk/turn.h"

#define LOOK_NS SUSPECT_LAST_NS /* between two looks at all there is */

static void sleep_a_while(struct dispatcher *d, uint64_t at)
{
	int r = ring_sleep(&d->ring, at, LOOK_NS);

	store_relaxed(&d->ring.ctl->sleeping, 0u);
	if (r == -ETIMEDOUT)
		dispatch_idle(d);
}

/* May the active thread @t keep the turn?  Relaxed: a thread that wants the
 * turn waits for it, and is seen at a later look. */
static bool may_go_on(const struct dispatch_thread *t)
{
	const struct dispatcher *d = t->d;

	return !load_relaxed(&d->wanted) && !load_relaxed(&d->stop) &&
	       load_relaxed(&d->active) == t;
}

/* Hold the turn as long as there is something to do, then sleep.  Another
 * thread that wants the turn gets it in between: a mutex alone would give it to
 * this thread again and again. */
static void be_active(struct dispatch_thread *t)
{
	struct dispatcher *d = t->d;
	bool asleep = false;
	uint64_t at;

	while (load_relaxed(&d->wanted))
		sched_yield();
	pthread_mutex_lock(&d->turn);
	turn_taken(d);
	do {
		if (!dispatch_run(d) && !dispatch_spin(d))
			asleep = dispatch_arm(d);
	} while (!asleep && may_go_on(t));
	at = d->next;
	turn_give(d);
	if (asleep)
		sleep_a_while(d, at);
}

/* Wait until this thread is the active one.  False: stop. */
static bool become_active(struct dispatch_thread *t)
{
	struct dispatcher *d = t->d;
	bool stop;

	pthread_mutex_lock(&d->lock);
	while (!load_relaxed(&d->stop) && d->active && d->active != t) {
		d->n_parked++;
		pthread_cond_wait(&d->changed, &d->lock);
		d->n_parked--;
	}
	stop = load_relaxed(&d->stop);
	if (!stop)
		store_relaxed(&d->active, t);
	pthread_mutex_unlock(&d->lock);
	return !stop;
}

static void *run_dispatch_thread(void *arg)
{
	struct dispatch_thread *t = arg;

	while (become_active(t))
		be_active(t);
	/* Callers must not count on this thread any more. */
	turn_take(t->d);
	attend_close(t->d);
	turn_give(t->d);
	return NULL;
}

int dispatch_thread_start(struct dispatcher *d)
{
	struct dispatch_thread *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->d = d;
	r = quiet_thread_start(&t->thread, run_dispatch_thread, t);
	if (r < 0) {
		free(t);
		return r;
	}
	t->next = d->threads;
	d->threads = t;
	return 0;
}

void dispatch_threads_stop(struct dispatcher *d)
{
	struct dispatch_thread *t;

	pthread_mutex_lock(&d->lock);
	/* Release: pairs with the acquires in sees_work() and
	 * dispatch_arm(). */
	store_release(&d->stop, 1u);
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	dispatch_rouse(d);
	while ((t = d->threads)) {
		pthread_join(t->thread, NULL);
		d->threads = t->next;
		free(t);
	}
}

/* No second thread could be started: this is no error of the call. */
static void refuse_another(const struct fusion_arena *arena)
{
	refuse_nothing();
	log_error("arena '%s': no thread could be started, so nothing is "
		  "dispatched while a handler waits",
		  arena->path);
}

bool dispatch_block(struct fusion_arena *arena)
{
	struct dispatcher *d = dispatcher_existing(arena);

	if (!d || my_turns != d)
		return false;
	pthread_mutex_lock(&d->lock);
	if (d->mode != DISPATCH_THREAD || load_relaxed(&d->stop)) {
		pthread_mutex_unlock(&d->lock);
		return false;
	}
	store_relaxed(&d->active, (struct dispatch_thread *)NULL);
	if (d->n_parked)
		pthread_cond_broadcast(&d->changed);
	else if (dispatch_thread_start(d) < 0)
		refuse_another(arena);
	pthread_mutex_unlock(&d->lock);
	turn_give(d);
	return true;
}

void dispatch_unblock(struct fusion_arena *arena)
{
	struct dispatcher *d = dispatcher_existing(arena);

	turn_take(d);
}
