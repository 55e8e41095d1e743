/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/dispatch.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/heap/tls.h"
#include "libfusion/talk/dispatch_fd.h"
#include "libfusion/talk/dispatch_post.h"
#include "libfusion/talk/dispatch_thread.h"
#include "libfusion/talk/message.h"
#include "libfusion/talk/turn.h"

bool dispatch_is_mine(struct fusion_arena *arena)
{
	struct dispatcher *d = dispatcher_existing(arena);

	return d && turn_is_mine(d);
}

static struct dispatcher *make_dispatcher(struct fusion_arena *arena,
					  int *ret_error)
{
	struct dispatcher *d = calloc(1, sizeof(*d));
	struct thread_rec *me = thread_rec_of(arena);

	if (!d || !me) {
		*ret_error = !d ? -ENOMEM : -errno;
		free(d);
		return NULL;
	}
	*ret_error = message_queue(&arena->view, me, arena->view.slot,
				   arena->id, &d->ring);
	if (*ret_error < 0) {
		free(d);
		return NULL;
	}
	d->arena = arena;
	if (arena->flags & FUSION_ENTER_MANUAL)
		d->mode = DISPATCH_MANUAL;
	d->posts.last = &d->posts.first;
	d->cleanups.last = &d->cleanups.first;
	d->next = d->released = load_acquire(&d->ring.ctl->head);
	pthread_mutex_init(&d->turn, NULL);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	pthread_cond_init(&d->job_done, NULL);
	message_handlers_init(d);
	return d;
}

struct dispatcher *dispatcher_of(struct fusion_arena *arena, int *ret_error)
{
	struct dispatcher *d = dispatcher_existing(arena);

	if (d)
		return d;
	if (!arena->id) {
		*ret_error = refuse_dead(arena);
		return NULL;
	}
	pthread_mutex_lock(&arena->dispatch_lock);
	d = arena->dispatcher;
	if (!d) {
		d = make_dispatcher(arena, ret_error);
		/* Release: pairs with the acquire in dispatcher_existing(),
		 * as other threads must see the whole dispatcher. */
		store_release(&arena->dispatcher, d);
	}
	pthread_mutex_unlock(&arena->dispatch_lock);
	return d;
}

struct dispatcher *dispatcher_asked_for(struct fusion_arena *arena,
					int *ret_error)
{
	if (arena_is_in(arena))
		return dispatcher_of(arena, ret_error);
	*ret_error = refuse_dead(arena);
	return NULL;
}

int dispatch_start_locked(struct dispatcher *d)
{
	int r;

	if (d->mode != DISPATCH_IDLE)
		return 0;
	r = dispatch_thread_start(d);
	if (r == 0)
		store_relaxed(&d->mode, DISPATCH_THREAD);
	return r;
}

int dispatch_start(struct fusion_arena *arena)
{
	int r = 0;
	struct dispatcher *d = dispatcher_of(arena, &r);

	if (!d)
		return r;
	pthread_mutex_lock(&d->lock);
	r = dispatch_start_locked(d);
	pthread_mutex_unlock(&d->lock);
	return r;
}

void dispatch_stop(struct fusion_arena *arena)
{
	struct dispatcher *d = dispatcher_existing(arena);

	if (!d)
		return;
	if (d->mode == DISPATCH_THREAD)
		dispatch_threads_stop(d);
	dispatch_fd_stop(d);
	dispatch_drop_posts(d);
	message_handlers_finish(d);
	/* Release: as in dispatcher_of(). */
	store_release(&arena->dispatcher, (struct dispatcher *)NULL);
	pthread_cond_destroy(&d->changed);
	pthread_cond_destroy(&d->job_done);
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->turn);
	free(d);
}

/* Its threads exist in the parent only. */
void dispatch_after_fork(struct fusion_arena *arena)
{
	pthread_mutex_init(&arena->dispatch_lock, NULL);
	arena->dispatcher = NULL;
	my_turns = NULL;
}
