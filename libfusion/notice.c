/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leave notices: a thread that reads the arena's events for its process
 *
 * It sleeps on event_word, and now and then looks at the members itself, so
 * that deaths are noticed also when the daemon is gone.  It knows who is
 * inside: each goes once, though a recoverer that was killed may have logged it
 * twice, and also if there were more events than are kept.
 */
#include <fusion/arena.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "libfusion/arenas.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/event.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/life.h"
#include "libfusion/core/limits.h"

#define STOP_NAP_NS 10000000 /* between two wakes of a stopping thread */

struct notice {
	struct fusion_arena *arena;
	fusion_leave_fn fn;
	void *ctx;
	pthread_t thread;
	uint32_t stop;	 /* atomic */
	uint32_t done;	 /* atomic, futex */
	uint64_t next;	 /* event to look at */
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

static void came(struct notice *n, uint32_t id)
{
	uint32_t i;

	if (id != n->arena->id && !is_known(n, id, &i) &&
	    n->n_known < n->arena->view.geo.max_members)
		n->known[n->n_known++] = id;
}

static void went(struct notice *n, uint32_t id, enum fusion_notice how)
{
	uint32_t i;

	if (!is_known(n, id, &i))
		return;
	n->known[i] = n->known[--n->n_known];
	n->fn(n->arena, how, id, n->ctx);
}

static void look_around(struct notice *n)
{
	struct view *v = &n->arena->view;
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);
		uint32_t state = load_acquire(&m->state);

		if (state == MEMBER_ALIVE || state == MEMBER_LEAVING)
			came(n, m->id);
	}
}

/* Not even being recovered any more: what it held is whole. */
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

/* Events were lost: whoever is not inside any more has gone, how we cannot
 * tell. */
static void catch_up(struct notice *n)
{
	for (uint32_t i = n->n_known; i-- > 0;)
		if (is_out(&n->arena->view, n->known[i]))
			went(n, n->known[i], FUSION_NOTICE_LEFT);
	look_around(n);
}

static void deliver(struct notice *n, const struct event_rec *e)
{
	switch (e->kind) {
	case EVENT_JOIN:
		came(n, e->member);
		break;
	case EVENT_LEAVE:
		went(n, e->member, FUSION_NOTICE_LEFT);
		break;
	case EVENT_DEATH:
		went(n, e->member, FUSION_NOTICE_DIED);
		break;
	case EVENT_MASTER_LOST:
		n->fn(n->arena, FUSION_NOTICE_MASTER_LOST, e->member, n->ctx);
		break;
	case EVENT_PROMOTED:
		n->fn(n->arena, FUSION_NOTICE_PROMOTED, e->member, n->ctx);
		break;
	}
}

static void drain(struct notice *n)
{
	struct event_rec e;
	uint64_t oldest;
	int r;

	/* Acquire: pairs with the release in notice_stop(). */
	while (!load_acquire(&n->stop)) {
		r = event_read(&n->arena->view, n->next, &e, &oldest);
		if (r == -ENOENT)
			return;
		if (r == -EOVERFLOW) {
			n->next = oldest;
			catch_up(n);
			continue;
		}
		n->next++;
		deliver(n, &e);
	}
}

static void *run(void *arg)
{
	struct notice *n = arg;
	struct view *v = &n->arena->view;

	while (!load_acquire(&n->stop)) {
		/* Acquire: pairs with the release in event_log(); read before
		 * we drain, so that no event is slept over. */
		uint32_t seen = load_acquire(&v->sb->event_word);

		drain(n);
		if (load_acquire(&n->stop))
			break;
		if (futex_wait(&v->sb->event_word, seen, SUSPECT_LAST_NS) ==
		    -ETIMEDOUT)
			life_sweep(v);
	}
	store_release(&n->done, 1);
	futex_wake(&n->done, INT_MAX);
	return NULL;
}

/* Signals are the application's business. */
static int start(struct notice *n)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&n->thread, NULL, run, n);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

void notice_stop(struct fusion_arena *arena)
{
	struct notice *n;

	pthread_mutex_lock(&arena->notice_lock);
	n = arena->notice;
	arena->notice = NULL;
	pthread_mutex_unlock(&arena->notice_lock);
	if (!n)
		return;
	store_release(&n->stop, 1);
	/* Others who sleep on the word look again and go on sleeping; again,
	 * because it may have looked at `stop` and not be asleep yet. */
	while (!load_acquire(&n->done)) {
		futex_wake(&arena->view.sb->event_word, INT_MAX);
		futex_wait(&n->done, 0, STOP_NAP_NS);
	}
	pthread_join(n->thread, NULL);
	free(n->known);
	free(n);
}

static bool is_notice_thread(struct fusion_arena *arena)
{
	bool is;

	pthread_mutex_lock(&arena->notice_lock);
	is = arena->notice &&
	     pthread_equal(arena->notice->thread, pthread_self());
	pthread_mutex_unlock(&arena->notice_lock);
	return is;
}

FUSION_API int fusion_arena_on_leave(struct fusion_arena *arena,
				     fusion_leave_fn fn, void *ctx)
{
	struct notice *n;
	int r;

	if (!arena->id)
		return -EINVAL;
	if (is_notice_thread(arena))
		return -EDEADLK;
	notice_stop(arena);
	if (!fn)
		return 0;
	n = calloc(1, sizeof(*n));
	if (n)
		n->known =
			calloc(arena->view.geo.max_members, sizeof(uint32_t));
	if (!n || !n->known) {
		free(n);
		return -ENOMEM;
	}
	n->arena = arena;
	n->fn = fn;
	n->ctx = ctx;
	/* First from where, then who: who comes in between is met twice. */
	n->next = load_acquire(&arena->view.sb->event_head);
	look_around(n);
	pthread_mutex_lock(&arena->notice_lock);
	r = start(n);
	if (r == 0)
		arena->notice = n;
	pthread_mutex_unlock(&arena->notice_lock);
	if (r < 0) {
		free(n->known);
		free(n);
	}
	return r;
}
