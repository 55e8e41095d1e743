/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entering: the steps in their order
 *
 *   1. open the directory                      handle.c
 *   2. is this process in already?             enter_again.c
 *   3. JOIN, fetch the descriptors, the
 *      witness among them, map the heap        join.c, hand_over.c
 *   4. run the program's callback
 *   5. READY, or LEAVE
 *
 * Killed anywhere: the witness falls, the kernel closes the directory, and the
 * daemon frees the slot.  The daemon decides which member is master; it parks
 * the JOIN while there is something to wait for.
 *
 * The daemon, the arena and the file can change between any two steps.  Each
 * such race ends in LOST_RACE, and this process starts over.
 */
#include "libfusion/life/enter.h"

#include <fusion/arena.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libfusion/arena/arenas.h"
#include "libfusion/arena/directory.h"
#include "libfusion/arena/request.h"
#include "libfusion/arena/window.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/patient.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/life/enter_again.h"
#include "libfusion/life/enter_options.h"
#include "libfusion/life/exit.h"
#include "libfusion/life/fork.h"
#include "libfusion/life/handle.h"
#include "libfusion/life/join.h"
#include "libfusion/talk/dispatch_fd.h"

/* How long past its deadline a caller waits for the daemon's own answer that
 * the time is over. */
#define GRACE_NS 20000000
/* How long FUSION_ENTER_NOWAIT and the child of a fork wait for a stopped
 * daemon, or for a lock that a stopped process holds. */
#define NOWAIT_NS 2000000000
#define TRIES 1000 /* to enter an arena that ends each time */

/*
 * What a caller wants, and how far it is.  Steps that call into the mount or
 * wait for the life lock may hang, so a thread does each of them for a caller
 * with a deadline (patient.h).  If a step hangs for too long, all this belongs
 * to that thread, and the caller has nothing of it.
 */
struct entering {
	char *name, *path;
	struct fusion_arena_options o;
	int64_t deadline_ns;
	struct fusion_arena *a;
	bool elsewhere; /* the arena is to lie where this process has room */
	bool made;	/* this process made the directory */
	bool listed;	/* `a` is on the list of arenas */
	struct ioc_join join;
	int answer; /* of the callback */
};

static void entering_reset(struct entering *e)
{
	if (e->listed)
		arena_unlist(e->a);
	if (e->a)
		handle_free(e->a);
	e->a = NULL;
	e->made = e->listed = false;
	e->join = (struct ioc_join){0};
	e->answer = 0;
}

static void entering_free(struct entering *e)
{
	if (!e)
		return;
	entering_reset(e);
	free(e->path);
	free(e->name);
	free(e);
}

static int64_t entering_deadline(const struct fusion_arena_options *o)
{
	int64_t now = clock_monotonic_ns(), patience = o->timeout_ns;

	if (patience > 0 && o->flags & FUSION_WAIT_UNTIL)
		patience = patience > now ? patience - now : 1;
	if (patience <= 0 && o->flags & FUSION_ENTER_NOWAIT)
		patience = NOWAIT_NS;
	return patience <= 0 || patience > INT64_MAX - GRACE_NS - now
		       ? -1
		       : now + patience;
}

static struct entering *entering_new(const char *name,
				     const struct fusion_arena_options *o)
{
	struct entering *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->name = name ? strdup(name) : NULL;
	e->o = *o;
	e->deadline_ns = entering_deadline(o);
	if (!name || e->name)
		return e;
	free(e);
	return NULL;
}

static int time_is_over(const struct fusion_arena_options *o)
{
	return o->flags & FUSION_ENTER_NOWAIT ? -EAGAIN : -ETIMEDOUT;
}

/* Find the directory, or make it. */
static int opening_run(void *arg)
{
	struct entering *e = arg;
	int r = e->path ? 0 : dir_path(e->name, &e->path);

	if (r < 0)
		return r;
	e->a = handle_new(e->path, &e->o);
	if (!e->a)
		return -ENOMEM;
	r = dispatch_fd_open(e->a);
	return r < 0 ? r : handle_open_dir(e->a, &e->o, &e->made);
}

static void opening_abandoned(void *arg, int r)
{
	(void)r;
	entering_free(arg);
}

/* Become a member. */
static int joining_run(void *arg)
{
	struct entering *e = arg;
	int r;

	if (e->made)
		e->join.flags = JOIN_TRANSIENT;
	if (e->elsewhere) {
		e->join.flags |= JOIN_ELSEWHERE;
		window_look(&e->join.busy);
	}
	r = join_arena(e->a, &e->o, e->deadline_ns, &e->join);
	if (r == MUST_MOVE) {
		e->elsewhere = true;
		r = LOST_RACE;
	}
	if (r == -ETIMEDOUT)
		r = time_is_over(&e->o);
	/* The directory was made in another file system, for nothing. */
	if (r == -ENODEV && e->made)
		rmdir(e->path);
	return r;
}

static void joining_abandoned(void *arg, int r)
{
	struct entering *e = arg;

	/* Without an error, for processes that wait for the initialisation. */
	if (r >= 0)
		arena_depart(e->a, FUSION_IOC_LEAVE, 0);
	entering_free(e);
}

/* The callback has answered: be in, or leave. */
static int settling_run(void *arg)
{
	struct entering *e = arg;
	int r = e->answer;

	if (!r)
		r = arena_ready(e->a);
	if (r < 0)
		arena_depart(e->a, FUSION_IOC_READY, r);
	else
		arena_poke(e->a);
	return r;
}

static const struct patient_work opening = {opening_run, opening_abandoned};
static const struct patient_work joining = {joining_run, joining_abandoned};
static const struct patient_work settling = {settling_run, joining_abandoned};

/* Do one step.  Returns what the step returned; -ETIMEDOUT, -EAGAIN or -EINTR
 * and *e = NULL: it hangs. */
static int enter_step(struct entering **e, const struct patient_work *work)
{
	int64_t deadline = (*e)->deadline_ns;
	const struct fusion_arena *a = (*e)->a;
	int over = time_is_over(&(*e)->o), why = 0, r;

	r = patient_run(work, *e, deadline < 0 ? -1 : deadline + GRACE_NS,
			&why);
	if (r != PATIENT_GONE)
		return r;
	*e = NULL;
	arena_abandon(a);
	return why == -ETIMEDOUT ? over : why;
}

/* A callback that did not return has failed. */
static void undo_enter(const struct callback_args *args)
{
	struct entering *e = args->b;

	arena_depart(args->a, FUSION_IOC_READY, -ECANCELED);
	entering_free(e);
}

/* Run a callback.  The time that it takes does not count for the deadline. */
static int run_enter_callback(struct entering *e, fusion_arena_fn fn)
{
	int64_t before = clock_monotonic_ns();
	struct callback c CALLBACK;
	int cancel, r;

	if (!fn)
		return 0;
	callback_begin(&c, undo_enter, e->a, e, 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel);
	r = fn(e->a, e->o.ctx);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	callback_end(&c);
	if (e->deadline_ns >= 0)
		e->deadline_ns += clock_monotonic_ns() - before;
	return r < 0 ? r : 0;
}

/* 0 in, LOST_RACE, -errno: not in. */
static int go_in(struct entering **e)
{
	uint32_t serial;
	bool first;
	int answer, r = enter_step(e, &joining);

	if (r < 0)
		return r;
	first = (*e)->join.role_got == FUSION_ROLE_MASTER &&
		!(*e)->join.running;
	serial = refuse_serial();
	answer = run_enter_callback(*e,
				    first ? (*e)->o.initialize : (*e)->o.join);
	if (answer < 0)
		refuse_callback(answer, serial, (*e)->path,
				first ? "initialize" : "join");
	(*e)->answer = answer;
	r = enter_step(e, &settling);
	return answer < 0 ? answer : r;
}

static int try_enter(struct entering **e, struct fusion_arena **ret)
{
	struct fusion_arena *a;
	int r;

	entering_reset(*e);
	r = enter_step(e, &opening);
	if (r < 0)
		return r;
	r = enter_again((*e)->a, &(*e)->o, (*e)->deadline_ns, ret);
	if (r)
		return r < 0 ? r : 0;
	(*e)->listed = true;
	r = go_in(e);
	if (r < 0)
		return r;
	a = (*e)->a;
	(*e)->a = NULL; /* the caller's */
	(*e)->listed = false;
	a->n_entered = 1;
	arena_set_state(a, HANDLE_IN);
	*ret = a;
	return 0;
}

static int enter_arena(const char *name, const struct fusion_arena_options *o,
		       struct fusion_arena **ret)
{
	struct entering *e = entering_new(name, o);
	int r = e ? LOST_RACE : -ENOMEM;

	for (int i = 0; r == LOST_RACE && e && !e->answer && i < TRIES; i++)
		r = try_enter(&e, ret);
	entering_free(e);
	if (r != LOST_RACE)
		return r;
	return refuse(-EIO,
		      "arena '%s': it ended %d times while this process "
		      "was entering: giving up",
		      name, TRIES);
}

/* Name the arena, whatever has failed. */
static int refuse_to_enter(int r, const char *path)
{
	if (r >= 0 || is_refused(r))
		return r;
	if (r == -ETIMEDOUT || r == -EINTR || r == -EAGAIN)
		return refuse_to_wait(r, path,
				      "fusionfs or a member that is stopped "
				      "does not answer");
	return refuse(r, "arena '%s': cannot enter: %s", path,
		      error_meaning(r));
}

FUSION_API int fusion_arena_enter(const char *name,
				  const struct fusion_arena_options *options,
				  struct fusion_arena **ret)
{
	struct fusion_arena_options o;
	int cancel, r;

	refuse_nothing();
	r = enter_options_copy(options, &o);
	if (r < 0)
		return told(r);
	if (!ret)
		return told(refuse_null("fusion_arena_enter()", "ret"));
	callback_check();
	fork_prepare_once();
	/* Callbacks may be cancelled, what is around them may not. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = refuse_to_enter(enter_arena(name, &o, ret), name ? name : "");
	pthread_setcancelstate(cancel, NULL);
	return told(r);
}

/* The handle stays where it is, and its content is new.  This does not wait, as
 * nobody expects fork() to. */
int arena_rejoin(struct fusion_arena *a)
{
	const struct fusion_arena_options o = {
		.flags = FUSION_ENTER_EXISTING | FUSION_ENTER_NOWAIT,
	};
	struct ioc_join j = {0};
	bool made;
	int r = handle_open_dir(a, &o, &made);

	if (!r)
		r = join_arena(a, &o, clock_monotonic_ns() + NOWAIT_NS, &j);
	/* All members have left meanwhile: this is another arena. */
	if (!r && j.role_got == FUSION_ROLE_MASTER && !j.running) {
		arena_depart(a, FUSION_IOC_LEAVE, 0);
		r = LOST_RACE;
	}
	if (r < 0)
		arena_close_dir(a);
	return r;
}
