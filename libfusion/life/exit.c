/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaving
 *
 * EXIT asks whether this is the last member.  Then shutdown() or leave() of the
 * program runs, and LEAVE ends the membership.  Killed anywhere: a death like
 * any other.  Without a daemon, this process decides under the life lock, as
 * the daemon would.
 */
#include "libfusion/life/exit.h"

#include <fusion/arena.h>

#include <errno.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/log.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/track.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/witness.h"
#include "libfusion/heap/tls.h"
#include "libfusion/life/handle.h"
#include "libfusion/life/notice.h"
#include "libfusion/objects/object_describe.h"
#include "libfusion/objects/object_duty.h"
#include "libfusion/objects/object_pool.h"
#include "libfusion/refs/ref_fork.h"
#include "libfusion/refs/ref_rows.h"
#include "libfusion/refs/ref_watch.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/call_handler.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/reaction.h"
#include "libfusion/talk/reaction_run.h"
#include "libfusion/talk/reactor.h"

void arena_unmap(struct fusion_arena *a)
{
	struct view *v = &a->view;

	if (v->base)
		/* Whatever lies at this address next is not a block of ours. */
		track_open(span_at(v, v->geo.first_span),
			   (size_t)(span_hi(v) - v->geo.first_span)
				   << SPAN_SHIFT);
	view_unmap(v);
	/* Not before: a process that maps the arena is alive. */
	witness_drop(&v->witness);
	view_close(v);
	ref_rows_free(a);
	ref_fork_free(a);
}

/* Leave without the daemon.  The daemon or another member may have recovered
 * the slot already.  Or the daemon was killed while it ended a refused join:
 * then the slot is that of a dead member, though no process has died. */
static void depart_alone(struct fusion_arena *a)
{
	struct view *v = &a->view;
	int r = life_lock(v, -1);

	if (!r) {
		if (load_relaxed(&view_member(v, v->slot)->id) == a->id)
			r = life_depart(v, v->slot, false);
		life_unlock(v);
	}
	if (r < 0)
		log_error("arena '%s': cannot leave completely without the "
			  "daemon (%d): the daemon will clean up when it is "
			  "back",
			  a->path, -r);
}

void arena_depart(struct fusion_arena *a, unsigned long request, int result)
{
	struct ioc_member m = {.result = result};

	notice_stop(a);
	watch_stop(a);
	duty_stop(a);
	describers_stop(a);
	dispatch_stop(a);
	calls_stop(a);
	reactor_stop(a);
	address_remove(a);
	tls_arena_leave(a);
	/* The witness stays until the arena is unmapped, and no process gets
	 * the slot before that (member_claim()). */
	if (arena_request(a, request, &m) < 0)
		depart_alone(a);
	a->id = 0;
	arena_unmap(a);
}

/* Decide without a daemon, under the life lock, how this member leaves. */
static int begin_exit_alone(struct fusion_arena *a)
{
	struct view *v = &a->view;
	uint32_t seq;
	int r;

	for (;;) {
		/* Acquire: pairs with the release in life_changed(). */
		seq = load_acquire(&v->sb->life_seq);
		life_sweep(v);
		r = life_lock(v, -1);
		if (r < 0)
			return r;
		r = life_exit_begin(v, v->slot);
		life_unlock(v);
		if (r != EXIT_WAIT)
			return r;
		futex_wait(&v->sb->life_seq, seq, SUSPECT_FIRST_NS);
	}
}

/* Begin to leave.  Returns enum life_exit, or -errno. */
static int begin_exit(struct fusion_arena *a)
{
	struct ioc_member m = {0};
	int r = arena_request(a, FUSION_IOC_EXIT, &m);

	if (r == -ENOTCONN)
		return begin_exit_alone(a);
	return r < 0 ? r : (int)m.answer;
}

/* A callback that did not return has refused. */
static void undo_exit(const struct callback_args *args)
{
	arena_ready(args->a);
	arena_set_state(args->a, HANDLE_IN);
}

static int run_exit_callback(struct fusion_arena *a, fusion_arena_fn fn)
{
	struct callback c CALLBACK;
	int cancel, r;

	if (!fn)
		return 0;
	callback_begin(&c, undo_exit, a, NULL, 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel);
	r = fn(a, a->ctx);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	callback_end(&c);
	return r < 0 ? r : 0;
}

static int go_out(struct fusion_arena *a)
{
	uint32_t serial = refuse_serial();
	int r = begin_exit(a), last = r == EXIT_LAST;

	if (r < 0)
		return is_refused(r) ? r
				     : refuse(r, "arena '%s': cannot leave: %s",
					      a->path, error_meaning(r));
	r = run_exit_callback(a, last ? a->shutdown : a->leave);
	if (r < 0) {
		arena_ready(a);
		refuse_callback(r, serial, a->path,
				last ? "shutdown" : "leave");
	} else {
		arena_depart(a, FUSION_IOC_LEAVE, 0);
	}
	return r;
}

static int refuse_to_exit(const struct fusion_arena *a, const char *where)
{
	return refuse(-EDEADLK,
		      "arena '%s': %s cannot leave: leave when it has "
		      "returned",
		      a->path, where);
}

/* Is @a a handle on the list?  A program may give fusion_arena_exit() any
 * pointer, so nothing is read there.  arenas_lock is held. */
static bool is_listed(const struct fusion_arena *a)
{
	const struct fusion_arena *at = arenas;

	while (at && at != a)
		at = at->next;
	return at;
}

/* Count an exit.  1: it is the last one; 0: the process has entered more often;
 * -errno. */
static int count_exit(struct fusion_arena *a)
{
	int r = 1;

	pthread_mutex_lock(&arenas_lock);
	if (!is_listed(a)) {
		r = refuse_dead(a);
	} else if (a->state != HANDLE_IN) {
		r = refuse_to_exit(a, "a callback of entering or leaving it");
	} else if (a->n_entered > 1) {
		a->n_entered--;
		r = 0;
	} else {
		a->state = HANDLE_EXITING;
		a->thread = pthread_self();
	}
	pthread_mutex_unlock(&arenas_lock);
	return r;
}

/* In what is this thread, that goes on with @a when it has returned?  NULL: in
 * nothing. */
static const char *what_goes_on(struct fusion_arena *a)
{
	if (dispatch_is_mine(a) || call_runs_here(a))
		return "a handler of it";
	if (reaction_runs_here(a) || globals_run_here(a))
		return "a reaction of it";
	if (describers_run_here(a))
		return "a function that describes an object of it";
	if (objects_are_shown_here(a))
		return "a function that is shown its objects";
	return NULL;
}

FUSION_API int fusion_arena_exit(struct fusion_arena *arena)
{
	const char *where;
	int cancel, r;

	callback_check();
	if (!arena)
		return told(refuse_null("fusion_arena_exit()", "arena"));
	r = count_exit(arena);
	if (r <= 0)
		return told(r);
	where = what_goes_on(arena);
	if (where) {
		arena_set_state(arena, HANDLE_IN);
		return told(refuse_to_exit(arena, where));
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = go_out(arena);
	if (r < 0) {
		arena_set_state(arena, HANDLE_IN);
	} else {
		arena_unlist(arena);
		handle_free(arena);
	}
	pthread_setcancelstate(cancel, NULL);
	return told(r);
}
