/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dispatching by hand, and the descriptor for it
 *
 * The descriptor is an eventfd, made when the process enters.  It is readable
 * from the moment when something comes until fusion_arena_dispatch() has found
 * nothing more.  Then the sleep flag is set in the queue, as if the dispatcher
 * slept, and a watching thread of the library sleeps instead.  When that thread
 * is woken it makes the descriptor readable.
 *
 * A program that never asks for the descriptor needs no such thread.  So the
 * descriptor is readable from the beginning, and stays so until the program has
 * asked for it and dispatches: the end of that turn starts the thread.  Without
 * the thread the descriptor stays readable, which costs time and loses nothing.
 */
#include "libfusion/talk/dispatch_fd.h"

#include <fusion/dispatch.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/log.h"
#include "libfusion/base/quiet_thread.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/dispatch_sleep.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/turn.h"

/* Values of d->watch. */
enum { WATCH_NOTHING = 0, WATCH_RING = 1, WATCH_END = 2 };

static void make_readable(struct dispatcher *d)
{
	uint64_t one = 1;
	int cancel = cancel_off();

	/* The counter cannot be full: each turn reads it. */
	(void)!write(d->arena->event_fd, &one, sizeof(one));
	cancel_back(cancel);
}

static void make_quiet(struct dispatcher *d)
{
	uint64_t n;
	int cancel = cancel_off();

	/* An error: it was not readable. */
	(void)!read(d->arena->event_fd, &n, sizeof(n));
	cancel_back(cancel);
}

/* Sleep for the dispatcher until its flag in the queue is gone.  Acquires: pair
 * with the releases in dispatch_arm() and of d->watch. */
static void watch_ring(struct dispatcher *d)
{
	uint64_t at = load_acquire(&d->asleep_at) - 1;
	const uint64_t *hdr = &d->ring.hdr[at & d->ring.mask];
	uint64_t flag = HDR_FREE_AT(at) | HDR_SLEEP;

	/* Acquire: pairs with the releases of d->watch below. */
	while (load_relaxed(hdr) == flag && load_acquire(&d->watch) == 1)
		if (ring_sleep(&d->ring, at, SUSPECT_LAST_NS) == -ETIMEDOUT) {
			life_sweep(&d->arena->view);
			store_relaxed(&d->ring.ctl->scan, 1u);
			break;
		}
}

static void *fd_watch_thread(void *arg)
{
	struct dispatcher *d = arg;
	uint32_t what, ring = WATCH_RING;

	/* Acquire: pairs with the releases in dispatch_fd_update() and
	 * dispatch_fd_stop(). */
	while ((what = load_acquire(&d->watch)) != WATCH_END) {
		if (what == WATCH_NOTHING) {
			futex_wait(&d->watch, WATCH_NOTHING, -1);
			continue;
		}
		watch_ring(d);
		/* Before the descriptor is readable: the thread that dispatches
		 * then sets the word again.  Acquire and release: pairs with
		 * the releases in take_a_turn() and dispatch_fd_update(). */
		if (cas_acq_rel(&d->watch, &ring, (uint32_t)WATCH_NOTHING))
			make_readable(d);
		ring = WATCH_RING;
	}
	return NULL;
}

static int open_event(void)
{
	struct fd_floor floor;
	int fd;

	fd_floor_lay(&floor);
	fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		fd = -errno;
	fd_floor_lift(&floor);
	return fd_raise(fd);
}

int dispatch_fd_open(struct fusion_arena *arena)
{
	int fd;

	if (!(arena->flags & FUSION_ENTER_MANUAL))
		return 0;
	fd = open_event();
	if (fd < 0)
		return fd;
	arena->event_fd = fd;
	return 0;
}

void dispatch_fd_close(struct fusion_arena *arena)
{
	if (arena->flags & FUSION_ENTER_MANUAL)
		fd_drop(&arena->event_fd);
}

/* The parent has the same eventfd: what one reads, the other misses. */
void dispatch_fd_renew(struct fusion_arena *arena)
{
	int fd, r;

	if (!(arena->flags & FUSION_ENTER_MANUAL))
		return;
	fd = open_event();
	r = fd < 0 ? fd : 0;
	if (r == 0 && dup3(fd, arena->event_fd, O_CLOEXEC) < 0)
		r = -errno;
	fd_drop(&fd);
	if (r == 0)
		return;
	fd_drop(&arena->event_fd);
	log_error("arena '%s': the child of a fork has no descriptor to poll "
		  "(%d)",
		  arena->path, -r);
}

/* Does the watching thread run?  It is started when it does not.  Turn is held.
 */
static bool watches(struct dispatcher *d)
{
	if (!d->watching)
		d->watching = quiet_thread_start(&d->watcher, fd_watch_thread,
						 d) == 0;
	if (d->watching)
		return true;
	/* The handlers have run: this is no error of the call. */
	refuse_nothing();
	return false;
}

void dispatch_fd_stop(struct dispatcher *d)
{
	if (!d->watching)
		return;
	/* Release: pairs with the acquire in fd_watch_thread(). */
	store_release(&d->watch, (uint32_t)WATCH_END);
	futex_wake(&d->watch, INT_MAX);
	dispatch_rouse(d);
	pthread_join(d->watcher, NULL);
}

/* Make the descriptor readable or not, after a turn.  Turn is held. */
static void dispatch_fd_update(struct dispatcher *d)
{
	/* Relaxed: a turn that does not see it leaves the descriptor readable,
	 * and so another turn comes. */
	if (!load_relaxed(&d->arena->event_fd_wanted))
		return;
	make_quiet(d);
	if (!watches(d) || dispatch_is_there(d) || !dispatch_arm(d)) {
		make_readable(d);
		return;
	}
	/* Release: pairs with the acquire in fd_watch_thread(), which must see
	 * asleep_at. */
	store_release(&d->watch, (uint32_t)WATCH_RING);
	futex_wake(&d->watch, INT_MAX);
}

/* Does the program dispatch in @arena, which may be any pointer?  0, -EINVAL,
 * -ECHILD, -ENOTSUP. */
static int check_manual(const struct fusion_arena *arena, const char *function)
{
	if (!arena_is_in(arena))
		return refuse_dead(arena);
	if (arena->flags & FUSION_ENTER_MANUAL)
		return 0;
	return refuse(-ENOTSUP,
		      "%s: a thread of the library dispatches for arena '%s': "
		      "enter it with FUSION_ENTER_MANUAL to dispatch yourself",
		      function, arena->name);
}

FUSION_API int fusion_arena_fd(struct fusion_arena *arena)
{
	int r = check_manual(arena, "fusion_arena_fd()");

	if (r < 0)
		return told(r);
	if (arena->event_fd < 0)
		return told(refuse(-EMFILE,
				   "arena '%s': no descriptor was left when "
				   "the process forked",
				   arena->name));
	/* Relaxed: as in dispatch_fd_update(). */
	store_relaxed(&arena->event_fd_wanted, 1u);
	return arena->event_fd;
}

/* Sleep as the library's thread would.  0 something may be there; -ETIMEDOUT,
 * -EINTR. */
static int sleep_until(struct dispatcher *d, uint64_t at, struct wait *wait)
{
	int64_t nap = wait_nap(wait, SUSPECT_LAST_NS);
	int r;

	if (!nap)
		return wait_error(wait);
	r = ring_sleep(&d->ring, at, nap);
	store_relaxed(&d->ring.ctl->sleeping, 0u);
	wait_slept(wait, r);
	if (r == -ETIMEDOUT)
		dispatch_idle(d);
	return 0;
}

/* A handler did not return: all handlings of its turn are over.  @b is the
 * innermost handling from before the turn. */
static void undo_taken_turn(const struct callback_args *args)
{
	struct dispatcher *d = args->a;

	d->handling = args->b;
	dispatch_fd_update(d);
	turn_give(d);
}

/* Take one turn.  Returns how many handlers ran; 0 and *ret_armed: sleep at
 * *ret_at; -EBUSY another thread has the turn. */
static int take_a_turn(struct dispatcher *d, bool wait, bool *ret_armed,
		       uint64_t *ret_at)
{
	struct callback c CALLBACK;
	unsigned n;

	if (!turn_try(d))
		return -EBUSY;
	/* Release: pairs with the acquire in fd_watch_thread(), which watches
	 * only while no other thread looks. */
	store_release(&d->watch, (uint32_t)WATCH_NOTHING);
	callback_begin(&c, undo_taken_turn, d, d->handling, 0);
	n = dispatch_run(d);
	callback_end(&c);
	*ret_armed = false;
	if (!n && wait && !dispatch_spin(d))
		*ret_armed = dispatch_arm(d);
	*ret_at = d->next;
	if (n || !wait)
		dispatch_fd_update(d);
	turn_give(d);
	return (int)n;
}

static int dispatch_until(struct dispatcher *d, struct wait *wait)
{
	/* A wait that is over when it begins is none. */
	bool armed, waits = wait->deadline_ns;
	uint64_t at;
	int n, r = 0;

	for (;;) {
		n = take_a_turn(d, waits, &armed, &at);
		if (n)
			return n;
		/* That was the last look, and it has set the descriptor. */
		if (!waits)
			return r == -EINTR ? r : 0;
		if (armed)
			r = sleep_until(d, at, wait);
		waits = r == 0;
	}
}

FUSION_API int fusion_arena_dispatch(struct fusion_arena *arena,
				     int64_t timeout_ns, uint32_t flags)
{
	struct dispatcher *d;
	struct wait wait;
	int r;

	callback_check();
	r = check_manual(arena, "fusion_arena_dispatch()");
	if (r == 0)
		r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return told(r);
	if (dispatch_is_mine(arena))
		return told(-EDEADLK);
	d = dispatcher_of(arena, &r);
	return told(d ? dispatch_until(d, &wait) : r);
}
