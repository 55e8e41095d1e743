/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches of references: one thread of the process waits for all of an arena
 *
 * A thread that makes a watched reference fall adds one to ref_seq of the
 * member that watches.  The reference itself counts its falls, and a watch
 * counts the falls that its function was told of.  The difference has still to
 * be told, so a wake that is lost or comes twice does no harm: the watching
 * thread compares the two, and lets the dispatcher run the functions.
 *
 * An object falls with its reference.  So the thread also calls a hook of the
 * objects each time it compares (watch_start()).
 */
#include "libfusion/refs/ref_watch.h"

#include <fusion/ref.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/quiet_thread.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/heap/tls.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_post.h"

struct watch {
	struct ref *ref;
	uint32_t id;
	uint64_t told;
	fusion_ref_fn fn;
	void *ctx;
	bool ended; /* stopped while its function runs; the job frees it */
	struct watch *next, **prev;
};

/* The arena's watch_lock guards all members but job, arena, thread and stop. */
struct watcher {
	struct dispatch_job job; /* first, see tell_all() */
	struct fusion_arena *arena;
	pthread_t thread;
	uint32_t stop;	 /* atomic */
	watch_hook also; /* atomic; NULL: no hook */
	struct watch *watches;
	struct watch *running;
	pthread_cond_t ran;
};

static uint32_t *seq_of(struct fusion_arena *a)
{
	return &view_member(&a->view, a->view.slot)->ref_seq;
}

static void look_again(struct fusion_arena *a)
{
	/* The watching thread must see the list before it sees the new number:
	 * release here, acquire in ref_watch_thread(). */
	add_release(seq_of(a), 1);
	futex_wake(seq_of(a), INT_MAX);
}

static void unlink_watch(struct watch *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
}

/* The caller of this function and of the next three holds watch_lock. */
static bool is_over(const struct watch *w)
{
	/* Acquire here, release where the reference is created or destroyed:
	 * its falls are read after its id. */
	return w->ended || load_acquire(&w->ref->id) != w->id;
}

/* The function must see what was done before the fall: acquire here, release in
 * ref_settle(). */
static bool has_news(const struct watch *w)
{
	return REF_FALLS(load_acquire(&w->ref->falls)) != w->told || is_over(w);
}

static bool any_news(const struct watcher *all)
{
	for (const struct watch *w = all->watches; w; w = w->next)
		if (has_news(w))
			return true;
	return false;
}

static void has_told(struct watcher *all)
{
	all->running = NULL;
	pthread_cond_broadcast(&all->ran);
}

static void undo_tell(const struct callback_args *args)
{
	struct watcher *all = args->a;

	pthread_mutex_lock(&all->arena->watch_lock);
	has_told(all);
	pthread_mutex_unlock(&all->arena->watch_lock);
}

/* Tell a watch of one fall, so that all watches come in turn.  The lock is not
 * held while the function runs. */
static void tell_watch(struct watcher *all, struct watch *w)
{
	struct fusion_arena *a = all->arena;
	struct callback c CALLBACK;

	w->told++;
	all->running = w;
	pthread_mutex_unlock(&a->watch_lock);
	callback_begin(&c, undo_tell, all, NULL, 0);
	w->fn(entry_handle(w->ref, w->id), w->ctx);
	callback_end(&c);
	pthread_mutex_lock(&a->watch_lock);
	has_told(all);
}

/* Runs on the dispatcher. */
static unsigned tell_all(struct dispatch_job *job)
{
	struct watcher *all = (struct watcher *)job;
	struct watch *w, *next;
	unsigned n = 0;
	bool more;

	pthread_mutex_lock(&all->arena->watch_lock);
	for (w = all->watches; w && !load_relaxed(&all->stop); w = next) {
		if (has_news(w) && !is_over(w)) {
			tell_watch(all, w);
			n++;
		}
		next = w->next;
		if (is_over(w)) {
			unlink_watch(w);
			free(w);
		}
	}
	more = any_news(all);
	pthread_mutex_unlock(&all->arena->watch_lock);
	if (more)
		dispatch_job_post(all->arena, job);
	return n;
}

static void look_for_falls(struct watcher *all)
{
	bool any;

	pthread_mutex_lock(&all->arena->watch_lock);
	any = any_news(all);
	pthread_mutex_unlock(&all->arena->watch_lock);
	if (any)
		dispatch_job_post(all->arena, &all->job);
}

static void *ref_watch_thread(void *arg)
{
	struct watcher *all = arg;
	struct view *v = &all->arena->view;
	uint32_t *seq = seq_of(all->arena);
	watch_hook also;

	/* Acquire here, release in watch_stop(), which joins this thread. */
	while (!load_acquire(&all->stop)) {
		/* We must see each fall whose number we see, and read the
		 * number before the falls, or we would sleep over one: acquire
		 * here, release in ref_watcher_wake(). */
		uint32_t seen = load_acquire(seq);

		look_for_falls(all);
		/* Acquire: pairs with the release in watch_start(). */
		also = load_acquire(&all->also);
		if (also)
			also(all->arena);
		if (load_acquire(&all->stop))
			break;
		if (futex_wait(seq, seen, SUSPECT_LAST_NS) == -ETIMEDOUT)
			life_sweep(v);
	}
	return NULL;
}

static void free_watcher(struct dispatch_job *job)
{
	struct watcher *all = (struct watcher *)job;
	struct watch *next;

	for (struct watch *w = all->watches; w; w = next) {
		next = w->next;
		free(w);
	}
	pthread_cond_destroy(&all->ran);
	free(all);
}

/* The caller holds watch_lock. */
static int get_watcher(struct fusion_arena *a, struct watcher **ret)
{
	struct watcher *all = a->watcher;
	int r;

	if (!all) {
		all = calloc(1, sizeof(*all));
		if (!all)
			return -ENOMEM;
		all->job.run = tell_all;
		all->job.end = free_watcher;
		all->arena = a;
		pthread_cond_init(&all->ran, NULL);
		r = quiet_thread_start(&all->thread, ref_watch_thread, all);
		if (r < 0) {
			free_watcher(&all->job);
			return r;
		}
		a->watcher = all;
	}
	/* Relaxed: the lock orders it. */
	if (load_relaxed(&all->stop))
		return -EINVAL;
	*ret = all;
	return 0;
}

int watch_start(struct fusion_arena *a, watch_hook also)
{
	struct watcher *all;
	int r;

	pthread_mutex_lock(&a->watch_lock);
	r = get_watcher(a, &all);
	/* Release: pairs with the acquire in ref_watch_thread(): the hook must
	 * see what its owner made before it started the thread. */
	if (r == 0 && also)
		store_release(&all->also, also);
	pthread_mutex_unlock(&a->watch_lock);
	return r;
}

void watch_stop(struct fusion_arena *a)
{
	struct watcher *all;

	pthread_mutex_lock(&a->watch_lock);
	all = a->watcher;
	/* Release here, acquire in ref_watch_thread(), which look_again()
	 * wakes. */
	if (all)
		store_release(&all->stop, 1);
	pthread_mutex_unlock(&a->watch_lock);
	if (!all)
		return;
	look_again(a);
	pthread_join(all->thread, NULL);
	dispatch_job_end(a, &all->job);
	a->watcher = NULL;
}

/* Find the oldest watch of a reference: a thread that watches anew may be
 * faster than the one that is stopping the old watch. */
static struct watch *find_watch(struct watcher *all, const struct ref *r,
				uint32_t id)
{
	struct watch *w = all ? all->watches : NULL, *found = NULL;

	for (; w; w = w->next)
		if (w->ref == r && w->id == id && !w->ended)
			found = w;
	return found;
}

static int add_watch(struct fusion_arena *a, struct thread_rec *me,
		     struct watch *w)
{
	struct watcher *all;
	int r = dispatch_start(a);

	if (r < 0)
		return r;
	r = watch_start(a, NULL);
	if (r < 0)
		return r;
	pthread_mutex_lock(&a->watch_lock);
	all = a->watcher;
	pthread_mutex_unlock(&a->watch_lock);
	/* Acquire here, release where the reference is created.  No lock of the
	 * process is held while we may wait for one of the arena. */
	w->id = load_acquire(&w->ref->id);
	r = ref_watch(&a->view, me, w->ref, &w->told);
	if (r < 0)
		return r;
	pthread_mutex_lock(&a->watch_lock);
	w->next = all->watches;
	w->prev = &all->watches;
	if (w->next)
		w->next->prev = &w->next;
	all->watches = w;
	pthread_mutex_unlock(&a->watch_lock);
	/* The reference may have fallen before the watch was on the list. */
	look_again(a);
	return 0;
}

static int remove_watch(struct fusion_arena *a, struct thread_rec *me,
			struct ref *ref)
{
	/* Acquire here, release where the reference is created. */
	uint32_t id = load_acquire(&ref->id);
	int r = ref_unwatch(&a->view, me, ref);
	struct watcher *all;
	struct watch *w;

	if (r < 0)
		return r;
	pthread_mutex_lock(&a->watch_lock);
	all = a->watcher;
	w = find_watch(all, ref, id);
	if (w && all->running != w) {
		unlink_watch(w);
		free(w);
	} else if (w) {
		w->ended = true;
		while (all->running == w && !dispatch_is_mine(a))
			pthread_cond_wait(&all->ran, &a->watch_lock);
	}
	pthread_mutex_unlock(&a->watch_lock);
	return 0;
}

FUSION_API int fusion_ref_watch(struct fusion_ref *ref, fusion_ref_fn fn,
				void *ctx)
{
	struct fusion_arena *a;
	struct thread_rec *me;
	struct tcache *c;
	struct watch *w;
	int r;

	c = entry_cache(KIND_REF, ref, offsetof(struct ref, id), &r);
	if (!c)
		return told(r);
	a = c->arena;
	me = c->rec;
	if (!fn)
		return told(remove_watch(a, me, handle_entry(ref)));
	w = calloc(1, sizeof(*w));
	if (!w)
		return told(-ENOMEM);
	w->ref = handle_entry(ref);
	w->fn = fn;
	w->ctx = ctx;
	r = add_watch(a, me, w);
	if (r < 0)
		free(w);
	return told(r);
}
