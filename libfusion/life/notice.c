/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leave notices: telling the program that members have left or died
 *
 * A thread sleeps on event_word.  Now and then it looks at the members itself,
 * so that it notices deaths without a daemon, too.  It has the dispatcher read
 * the new events.  The notice keeps the ids of the members inside, so that it
 * tells each departure once.  A recoverer that was killed may have logged one
 * twice, and events are lost when there are more than are kept.
 *
 * The notice of an arena tells all functions that are subscribed.  The first
 * subscription makes it, and it stays until the process exits the arena.  A
 * function is not told of events from before its subscription.
 *
 * Invariant: `known` has the ids of members that have come by the events before
 * `next`, and have not gone by them.
 */
#include "libfusion/life/notice.h"

#include <fusion/arena.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/quiet_thread.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_post.h"
#include "libfusion/talk/slots.h"

#define BATCH 64	     /* events before others have their turn */
#define STOP_NAP_NS 10000000 /* between two wakes of a stopping thread */

/* What the program is told of, and by which functions. */
struct notice {
	struct dispatch_job job; /* the first: see tell_events() */
	struct fusion_arena *arena;
	pthread_mutex_t lock; /* of the slots */
	pthread_cond_t changed;
	struct slots slots;
	pthread_t thread;
	uint32_t stop; /* atomic */
	uint32_t done; /* atomic, futex */
	uint64_t next; /* atomic: event to look at */
	/* Of the job. */
	unsigned told;	 /* notices, in this run */
	uint32_t *known; /* ids inside, an array of max_members */
	uint32_t n_known;
};

static bool is_known(const struct notice *n, uint32_t id, uint32_t *ret)
{
	for (uint32_t i = 0; i < n->n_known; i++) {
		if (n->known[i] == id) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static void member_came(struct notice *n, uint32_t id)
{
	uint32_t i;

	if (id != n->arena->id && !is_known(n, id, &i) &&
	    n->n_known < n->arena->view.geo.max_members)
		n->known[n->n_known++] = id;
}

/* Acquire: pairs with the release in stop_thread(). */
static bool is_stopped(const struct notice *n)
{
	return load_acquire(&n->stop);
}

static void undo_notice_fn(const struct callback_args *args)
{
	slots_leave(args->a);
}

static void call_notice_fn(const struct notice *n, struct fusion_slot *slot,
			   enum fusion_notice how, uint32_t id)
{
	struct callback c CALLBACK;

	callback_begin(&c, undo_notice_fn, slot, NULL, 0);
	((fusion_leave_fn)slot->is.fn)(n->arena, how, id, slot->is.ctx);
	callback_end(&c);
}

/* Tell of the event at position @at. */
static void tell_notice(struct notice *n, uint64_t at, enum fusion_notice how,
			uint32_t id)
{
	struct slots_walk walk = {.list = &n->slots};
	struct fusion_slot *slot;

	while ((slot = slots_next(&walk))) {
		if (at < slot->is.from || is_stopped(n))
			continue;
		n->told++;
		call_notice_fn(n, slot, how, id);
	}
}

static void member_went(struct notice *n, uint64_t at, uint32_t id,
			enum fusion_notice how)
{
	uint32_t i;

	if (!is_known(n, id, &i))
		return;
	n->known[i] = n->known[--n->n_known];
	tell_notice(n, at, how, id);
}

static void look_around(struct notice *n)
{
	struct view *v = &n->arena->view;
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);
		/* Acquire: pairs with the release in member_ready(). */
		uint32_t state = load_acquire(&m->state);

		if (state == MEMBER_ALIVE || state == MEMBER_LEAVING)
			member_came(n, m->id);
	}
}

/* Is member @id out, and recovered if it died? */
static bool is_out(const struct view *v, uint32_t id)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);

		/* Acquire: pairs with the release in life_depart(). */
		if (load_acquire(&m->state) != MEMBER_FREE &&
		    load_relaxed(&m->id) == id)
			return false;
	}
	return true;
}

/* Tell of all members that are not inside any more, as events were lost.
 * Whether they left or died is unknown. */
static void catch_up(struct notice *n)
{
	for (uint32_t i = n->n_known; i-- > 0;)
		if (is_out(&n->arena->view, n->known[i]))
			member_went(n, UINT64_MAX, n->known[i],
				    FUSION_NOTICE_LEFT);
	look_around(n);
}

static void deliver_event(struct notice *n, uint64_t at,
			  const struct event_rec *e)
{
	switch (e->kind) {
	case EVENT_JOIN:
		member_came(n, e->member);
		break;
	case EVENT_LEAVE:
		member_went(n, at, e->member, FUSION_NOTICE_LEFT);
		break;
	case EVENT_DEATH:
		member_went(n, at, e->member, FUSION_NOTICE_DIED);
		break;
	case EVENT_MASTER_LOST:
		tell_notice(n, at, FUSION_NOTICE_MASTER_LOST, e->member);
		break;
	case EVENT_PROMOTED:
		tell_notice(n, at, FUSION_NOTICE_PROMOTED, e->member);
		break;
	}
}

/* Read and deliver one event.  False: there is none. */
static bool deliver_next(struct notice *n)
{
	/* Relaxed: only the job changes it, and before that its maker. */
	uint64_t at = load_relaxed(&n->next);
	struct event_rec e;
	uint64_t oldest;
	int r = event_read(&n->arena->view, at, &e, &oldest);

	if (r == -ENOENT)
		return false;
	/* Release: pairs with the acquire in notice_thread(). */
	store_release(&n->next, r == -EOVERFLOW ? oldest : at + 1);
	if (r == -EOVERFLOW)
		catch_up(n);
	else
		deliver_event(n, at, &e);
	return true;
}

/* The job, on the dispatcher: deliver a batch of events. */
static unsigned tell_events(struct dispatch_job *job)
{
	struct notice *n = (struct notice *)job;
	bool more = true;

	n->told = 0;
	for (unsigned i = 0; i < BATCH && more && !is_stopped(n); i++)
		more = deliver_next(n);
	if (more && !is_stopped(n))
		dispatch_job_post(n->arena, job);
	return n->told;
}

static void *notice_thread(void *arg)
{
	struct notice *n = arg;
	struct view *v = &n->arena->view;

	while (!is_stopped(n)) {
		/* Acquire: pairs with the release in event_log(); read before
		 * we look, so that no event is slept over. */
		uint32_t seen = load_acquire(&v->sb->event_word);

		/* Acquire: pairs with the release in deliver_next(). */
		if (load_acquire(&v->sb->event_head) != load_acquire(&n->next))
			dispatch_job_post(n->arena, &n->job);
		if (is_stopped(n))
			break;
		if (futex_wait(&v->sb->event_word, seen, SUSPECT_LAST_NS) ==
		    -ETIMEDOUT)
			life_sweep(v);
	}
	/* Release: pairs with the acquire in stop_thread(). */
	store_release(&n->done, 1);
	futex_wake(&n->done, INT_MAX);
	return NULL;
}

static void stop_thread(struct notice *n)
{
	int cancel;

	/* Release: pairs with the acquire in is_stopped(). */
	store_release(&n->stop, 1);
	/* Other threads that sleep on the word look again and sleep on.  Wake
	 * again and again, as the thread may have read `stop` and not be asleep
	 * yet.  Acquire: pairs with the release in notice_thread(). */
	while (!load_acquire(&n->done)) {
		futex_wake(&n->arena->view.sb->event_word, INT_MAX);
		futex_wait(&n->done, 0, STOP_NAP_NS);
	}
	cancel = cancel_off();
	pthread_join(n->thread, NULL);
	cancel_back(cancel);
}

/* The last walk is over. */
static void free_notice(struct dispatch_job *job)
{
	struct notice *n = (struct notice *)job;

	slots_finish(&n->slots);
	pthread_mutex_destroy(&n->lock);
	pthread_cond_destroy(&n->changed);
	free(n->known);
	free(n);
}

static struct notice *take_notice(struct fusion_arena *arena)
{
	struct notice *n;

	pthread_mutex_lock(&arena->notice_lock);
	n = arena->notice;
	arena->notice = NULL;
	pthread_mutex_unlock(&arena->notice_lock);
	return n;
}

/* Stop all, as a function may subscribe another meanwhile. */
void notice_stop(struct fusion_arena *arena)
{
	struct notice *n;

	while ((n = take_notice(arena))) {
		stop_thread(n);
		dispatch_job_end(arena, &n->job);
	}
}

static struct notice *make_notice(struct fusion_arena *arena)
{
	uint32_t max = arena->view.geo.max_members;
	struct notice *n = calloc(1, sizeof(*n));

	if (n)
		n->known = calloc(max, sizeof(*n->known));
	if (!n || !n->known) {
		free(n);
		return NULL;
	}
	n->job.run = tell_events;
	n->job.end = free_notice;
	n->arena = arena;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->changed, NULL);
	slots_init(&n->slots, arena, &n->lock, &n->changed);
	/* First the position, then the members: a member that comes in between
	 * is met twice, and that is no harm.  Acquire: pairs with the release
	 * in event_log(). */
	n->next = load_acquire(&arena->view.sb->event_head);
	look_around(n);
	return n;
}

/* The notice of the arena, whose notice_lock is held.  0, -errno. */
static int get_notice(struct fusion_arena *arena, struct notice **ret)
{
	struct notice *n = arena->notice;
	int r;

	if (!n) {
		n = make_notice(arena);
		if (!n)
			return -ENOMEM;
		r = quiet_thread_start(&n->thread, notice_thread, n);
		if (r < 0) {
			free_notice(&n->job);
			return r;
		}
		arena->notice = n;
	}
	*ret = n;
	return 0;
}

static int add_notice_fn(struct fusion_arena *arena, struct fusion_slot *slot,
			 struct fusion_slot **ret)
{
	struct notice *n;
	int r;

	pthread_mutex_lock(&arena->notice_lock);
	r = get_notice(arena, &n);
	if (r == 0) {
		/* Acquire: pairs with the release in event_log(). */
		slot->is.from = load_acquire(&arena->view.sb->event_head);
		pthread_mutex_lock(&n->lock);
		slots_add(&n->slots, slot, ret);
		pthread_mutex_unlock(&n->lock);
	}
	pthread_mutex_unlock(&arena->notice_lock);
	return r;
}

FUSION_API int fusion_arena_on_leave(struct fusion_arena *arena,
				     fusion_leave_fn fn, void *ctx,
				     fusion_destroy_fn destroy,
				     struct fusion_slot **ret)
{
	const struct subscription s = {
		.fn = (void (*)(void))fn,
		.ctx = ctx,
		.destroy = destroy,
	};
	struct fusion_slot *slot;
	int r;

	callback_check();
	if (!fn)
		return told(refuse_null("fusion_arena_on_leave()", "fn"));
	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	r = dispatch_start(arena);
	if (r < 0)
		return told(r);
	slot = slots_new(&s);
	if (!slot)
		return told(-ENOMEM);
	r = add_notice_fn(arena, slot, ret);
	if (r < 0)
		free(slot);
	return told(r);
}
