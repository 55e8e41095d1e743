/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What other threads have the dispatcher do: functions, cleanups, jobs
 *
 * A function that was posted runs once.  A job is what comes again and again:
 * it lies in what it is for, so that posting it cannot fail, and it never runs
 * beside itself.
 */
#include "libfusion/talk/dispatch_post.h"

#include "libfusion/base/refuse.h"
#include "libfusion/talk/dispatcher.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/arena_private.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/callback.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/dispatch_sleep.h"
#include "libfusion/talk/turn.h"

/* --- Functions ------------------------------------------------------------ */

static struct posted *take_post(struct dispatcher *d, struct posts *posts)
{
	struct posted *p;

	pthread_mutex_lock(&d->lock);
	p = posts->first;
	if (p) {
		posts->first = p->next;
		if (!p->next)
			posts->last = &posts->first;
		sub_relaxed(&posts->n, 1);
	}
	pthread_mutex_unlock(&d->lock);
	return p;
}

/* Free @p before its function runs, because that need not return. */
static void run_post(struct posted *p)
{
	const struct posted it = *p;

	free(p);
	it.fn(it.ctx);
}

static unsigned run_posts(struct dispatcher *d, struct posts *posts)
{
	struct posted *p;
	unsigned n = 0;

	/* Acquire: pairs with the release in post_to(). */
	while (n < DISPATCH_BATCH && load_acquire(&posts->n) &&
	       (p = take_post(d, posts))) {
		n++;
		run_post(p);
	}
	return n;
}

static int post_to(struct dispatcher *d, struct posts *posts,
		   void (*fn)(void *), void *ctx)
{
	struct posted *p = malloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct posted){.fn = fn, .ctx = ctx};
	pthread_mutex_lock(&d->lock);
	*posts->last = p;
	posts->last = &p->next;
	/* Release: pairs with the acquires in run_posts() and
	 * dispatch_has_posts(). */
	add_release(&posts->n, 1);
	pthread_mutex_unlock(&d->lock);
	/* The drawing is at dispatch_arm(). */
	dispatch_rouse(d);
	return 0;
}

int dispatch_post(struct fusion_arena *arena, void (*fn)(void *), void *ctx)
{
	int r = dispatch_start(arena);
	struct dispatcher *d = dispatcher_existing(arena);

	return r < 0 ? r : post_to(d, &d->posts, fn, ctx);
}

struct cleanup {
	struct fusion_arena *arena;
	fusion_cleanup_fn fn;
	void *ctx;
};

static void clean_up(void *arg)
{
	const struct cleanup c = *(struct cleanup *)arg;

	free(arg);
	c.fn(c.arena, c.ctx);
}

FUSION_API int fusion_arena_dispatch_cleanup(struct fusion_arena *arena,
					     fusion_cleanup_fn fn, void *ctx)
{
	struct dispatcher *d;
	struct cleanup *c;
	int r;

	if (!fn)
		return told(
			refuse_null("fusion_arena_dispatch_cleanup()", "fn"));
	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	r = dispatch_start(arena);
	if (r < 0)
		return told(r);
	d = dispatcher_existing(arena);
	c = malloc(sizeof(*c));
	if (!c)
		return told(-ENOMEM);
	*c = (struct cleanup){.arena = arena, .fn = fn, .ctx = ctx};
	r = post_to(d, &d->cleanups, clean_up, c);
	if (r < 0)
		free(c);
	return told(r);
}

/* --- Jobs ----------------------------------------------------------------- */

/* lock is held, here and in the next two. */
static void queue_job(struct dispatcher *d, struct dispatch_job *job)
{
	struct dispatch_job **p = &d->jobs;

	while (*p)
		p = &(*p)->next;
	*p = job;
	job->next = NULL;
	job->queued = true;
	/* Release: pairs with the acquires in run_jobs() and
	 * dispatch_has_posts(). */
	add_release(&d->n_jobs, 1);
}

static void unqueue_job(struct dispatcher *d, struct dispatch_job *job)
{
	struct dispatch_job **p = &d->jobs;

	if (!job->queued)
		return;
	while (*p != job)
		p = &(*p)->next;
	*p = job->next;
	job->queued = false;
	sub_relaxed(&d->n_jobs, 1);
}

static struct dispatch_job *begin_job(struct dispatcher *d)
{
	struct dispatch_job *job;

	pthread_mutex_lock(&d->lock);
	job = d->jobs;
	if (job) {
		unqueue_job(d, job);
		job->running = true;
	}
	pthread_mutex_unlock(&d->lock);
	return job;
}

static void finish_job(struct dispatcher *d, struct dispatch_job *job)
{
	bool again;

	pthread_mutex_lock(&d->lock);
	job->running = false;
	again = job->again && !job->ended;
	job->again = false;
	if (again)
		queue_job(d, job);
	pthread_cond_broadcast(&d->job_done);
	pthread_mutex_unlock(&d->lock);
	/* Another thread may be active by now, and asleep. */
	if (again)
		dispatch_rouse(d);
}

/* A function that the job called did not return: there may be more to do. */
static void undo_job(const struct callback_args *args)
{
	struct dispatcher *d = args->a;
	struct dispatch_job *job = args->b;

	pthread_mutex_lock(&d->lock);
	job->again = true;
	pthread_mutex_unlock(&d->lock);
	finish_job(d, job);
}

static unsigned run_job(struct dispatcher *d, struct dispatch_job *job)
{
	struct callback c CALLBACK;
	unsigned n;

	callback_begin(&c, undo_job, d, job, 0);
	n = job->run(job);
	callback_end(&c);
	finish_job(d, job);
	return n;
}

/* Run each job at most once, so that messages have their turn. */
static unsigned run_jobs(struct dispatcher *d)
{
	struct dispatch_job *job;
	unsigned n = 0;

	/* Acquire: pairs with the release in queue_job(). */
	for (uint32_t i = load_acquire(&d->n_jobs); i && (job = begin_job(d));
	     i--)
		n += run_job(d, job);
	return n;
}

void dispatch_job_post(struct fusion_arena *arena, struct dispatch_job *job)
{
	struct dispatcher *d = dispatcher_existing(arena);

	pthread_mutex_lock(&d->lock);
	if (job->running)
		job->again = true;
	else if (!job->queued && !job->ended)
		queue_job(d, job);
	pthread_mutex_unlock(&d->lock);
	/* The drawing is at dispatch_arm(). */
	dispatch_rouse(d);
}

void dispatch_job_end(struct fusion_arena *arena, struct dispatch_job *job)
{
	struct dispatcher *d = dispatcher_existing(arena);

	pthread_mutex_lock(&d->lock);
	job->ended = true;
	unqueue_job(d, job);
	while (job->running)
		cond_wait(&d->job_done, &d->lock);
	pthread_mutex_unlock(&d->lock);
	job->end(job);
}

/* --- For the dispatcher --------------------------------------------------- */

unsigned dispatch_run_posts(struct dispatcher *d)
{
	struct handling mine;
	unsigned n;

	handling_begin(d, &mine);
	n = run_posts(d, &d->posts) + run_jobs(d);
	handling_end(d, &mine);
	/* Not while a handler further up the stack may use what they free. */
	if (!d->handling)
		n += run_posts(d, &d->cleanups);
	return n;
}

/* Acquires: pair with the releases in post_to() and queue_job(). */
bool dispatch_has_posts(const struct dispatcher *d)
{
	return load_acquire(&d->posts.n) || load_acquire(&d->n_jobs) ||
	       (!d->handling && load_acquire(&d->cleanups.n));
}

static void undo_turn(const struct callback_args *args)
{
	turn_give(args->a);
}

void dispatch_drop_posts(struct dispatcher *d)
{
	struct callback c CALLBACK;
	struct posted *p;

	turn_take(d);
	callback_begin(&c, undo_turn, d, NULL, 0);
	while ((p = take_post(d, &d->cleanups)))
		run_post(p);
	callback_end(&c);
	turn_give(d);
	while ((p = take_post(d, &d->posts)))
		free(p);
}
