/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaving
 *
 * EXIT asks whether this is the last member - shutdown() or leave() runs -
 * LEAVE.  Killed anywhere: a death like any other.  When the daemon is gone the
 * same is decided here, under the life lock.
 */
#include <fusion/arena.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "libfusion/arenas.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/life.h"
#include "libfusion/core/limits.h"
#include "libfusion/place.h"

static int begin_exit(struct fusion_arena *a, bool has_leave,
		      struct ioc_member *m)
{
	bool made;
	int fd, r;

	*m = (struct ioc_member){
		.slot = a->view.slot,
		.id = a->id,
		.flags = has_leave ? EXIT_HAS_LEAVE : 0,
		.timeout_ns = -1,
	};
	do
		r = place_ioctl(a->dirfd, FUSION_IOC_EXIT, m);
	while (r == -EINTR);
	if (r != -ENOTCONN)
		return r;
	/* The daemon we knew is gone.  Is there a new one? */
	fd = place_open(a->path, false, 0, &made);
	if (fd < 0)
		return -ENOTCONN;
	if (a->dirfd >= 0)
		close(a->dirfd);
	a->dirfd = fd;
	do
		r = place_ioctl(a->dirfd, FUSION_IOC_EXIT, m);
	while (r == -EINTR);
	return r == -ESRCH || r == -ENOTTY ? -ENOTCONN : r;
}

/* Without a daemon: the same decision, under the same lock. */
static int begin_exit_alone(struct fusion_arena *a, bool has_leave)
{
	struct view *v = &a->view;
	uint32_t seq;
	int r;

	for (;;) {
		seq = load_acquire(&v->sb->life_seq);
		life_sweep(v);
		r = life_lock(v, -1);
		if (r < 0)
			return r;
		r = life_exit_begin(v, v->slot, has_leave);
		life_unlock(v);
		if (r != EXIT_WAIT)
			return r;
		futex_wait(&v->sb->life_seq, seq, SUSPECT_FIRST_NS);
	}
}

static void depart_alone(struct fusion_arena *a)
{
	struct view *v = &a->view;

	if (life_lock(v, -1) < 0)
		return;
	life_depart(v, v->slot, false);
	life_unlock(v);
}

static void stay(struct fusion_arena *a)
{
	if (life_lock(&a->view, -1) < 0)
		return;
	member_ready(&a->view, a->view.slot);
	life_unlock(&a->view);
}

static int leave_now(struct fusion_arena *a, fusion_arena_fn shutdown,
		     fusion_arena_fn leave, void *ctx)
{
	struct ioc_member m;
	fusion_arena_fn fn;
	int r = begin_exit(a, leave != NULL, &m), answer;

	answer = (int)m.answer;
	if (r == -ENOTCONN) {
		answer = begin_exit_alone(a, leave != NULL);
		r = answer < 0 ? answer : 0;
	}
	if (r < 0)
		return r;
	fn = answer == EXIT_LAST ? shutdown : leave;
	r = fn ? fn(a, ctx) : 0;
	if (r < 0) {
		stay(a);
		return r;
	}
	notice_stop(a);
	arena_unregister(a);
	m.result = 0;
	if (place_ioctl(a->dirfd, FUSION_IOC_LEAVE, &m) < 0)
		depart_alone(a);
	arena_forget(a);
	return 0;
}

FUSION_API int fusion_arena_exit(struct fusion_arena *arena,
				 fusion_arena_fn shutdown,
				 fusion_arena_fn leave, void *ctx)
{
	bool last;

	if (!arena)
		return -EINVAL;
	pthread_mutex_lock(&arenas_lock);
	last = arena->n_entered == 1;
	if (!last)
		arena->n_entered--;
	pthread_mutex_unlock(&arenas_lock);
	return last ? leave_now(arena, shutdown, leave, ctx) : 0;
}
