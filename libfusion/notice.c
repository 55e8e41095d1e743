/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leave notices: a thread that reads the arena's events for its process
 *
 * It sleeps on event_word.  When nothing happens for a while it looks at the
 * members itself, so that deaths are noticed also when the daemon is gone.
 */
#include <fusion/arena.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "libfusion/arenas.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/event.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/life.h"
#include "libfusion/core/limits.h"

struct notice {
	struct fusion_arena *arena;
	fusion_leave_fn fn;
	void *ctx;
	pthread_t thread;
	uint32_t stop; /* atomic */
	uint64_t next; /* event to look at */
};

static void deliver(struct notice *n, const struct event_rec *e)
{
	static const enum fusion_notice notices[N_EVENT_KINDS] = {
		[EVENT_LEAVE] = FUSION_NOTICE_LEFT,
		[EVENT_DEATH] = FUSION_NOTICE_DIED,
		[EVENT_MASTER_LOST] = FUSION_NOTICE_MASTER_LOST,
		[EVENT_PROMOTED] = FUSION_NOTICE_PROMOTED,
	};

	if (e->kind < N_EVENT_KINDS && notices[e->kind] &&
	    !(e->kind == EVENT_LEAVE && e->member == n->arena->id))
		n->fn(n->arena, notices[e->kind], e->member, n->ctx);
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
		uint32_t seen = load_acquire(&v->sb->event_word);

		drain(n);
		if (load_acquire(&n->stop))
			break;
		if (futex_wait(&v->sb->event_word, seen, SUSPECT_FIRST_NS) ==
		    -ETIMEDOUT)
			life_sweep(v);
	}
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
	/* A spurious wake for others' sleeps on the word; they look again. */
	futex_wake(&arena->view.sb->event_word, INT32_MAX);
	pthread_join(n->thread, NULL);
	free(n);
}

FUSION_API int fusion_arena_on_leave(struct fusion_arena *arena,
				     fusion_leave_fn fn, void *ctx)
{
	struct notice *n;
	int r;

	notice_stop(arena);
	if (!fn)
		return 0;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->arena = arena;
	n->fn = fn;
	n->ctx = ctx;
	n->next = load_acquire(&arena->view.sb->event_head);
	pthread_mutex_lock(&arena->notice_lock);
	r = start(n);
	if (r == 0)
		arena->notice = n;
	pthread_mutex_unlock(&arena->notice_lock);
	if (r < 0)
		free(n);
	return r;
}
