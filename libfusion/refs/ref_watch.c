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
 * A watch has all functions of this member that are subscribed to a reference.
 * The first one makes the member watch, in shared memory; when the last one is
 * cancelled, the member stops.  A function is not told of falls from before its
 * subscription.
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
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/heap/tls.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_post.h"
#include "libfusion/talk/slots.h"

struct watch {
	struct slots slots; /* first, see stop_watching() */
	struct watcher *all;
	struct ref *ref;
	uint32_t id;
	uint64_t told;
	bool gone; /* stopped while its functions run; the job frees it */
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

/* The caller of this function and of the next five holds watch_lock. */
static void link_watch(struct watcher *all, struct watch *w)
{
	w->next = all->watches;
	w->prev = &all->watches;
	if (w->next)
		w->next->prev = &w->next;
	all->watches = w;
}

static void free_watch(struct watch *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	pthread_cond_broadcast(&w->all->ran);
	free(w);
}

/* Nothing is over while a thread begins or stops to watch: it sees to it. */
static bool is_over(const struct watch *w)
{
	/* Acquire here, release where the reference is created or destroyed:
	 * its falls are read after its id. */
	return !w->slots.busy && load_acquire(&w->ref->id) != w->id;
}

/* The function must see what was done before the fall: acquire here, release in
 * ref_settle(). */
static bool has_news(const struct watch *w)
{
	return (!w->slots.busy &&
		REF_FALLS(load_acquire(&w->ref->falls)) != w->told) ||
	       is_over(w);
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

	slots_leave(args->b);
	pthread_mutex_lock(&all->arena->watch_lock);
	has_told(all);
	pthread_mutex_unlock(&all->arena->watch_lock);
}

static void call_watch_fn(struct watch *w, struct fusion_slot *slot)
{
	struct callback c CALLBACK;

	callback_begin(&c, undo_tell, w->all, slot, 0);
	((fusion_ref_fn)slot->is.fn)(entry_handle(w->ref, w->id), slot->is.ctx);
	callback_end(&c);
}

/* Tell a watch of one fall, so that all watches come in turn.  The lock is not
 * held while the functions run. */
static unsigned tell_watch(struct watcher *all, struct watch *w)
{
	struct slots_walk walk = {.list = &w->slots};
	struct fusion_arena *a = all->arena;
	struct fusion_slot *slot;
	unsigned n = 0;

	w->told++;
	all->running = w;
	pthread_mutex_unlock(&a->watch_lock);
	while ((slot = slots_next(&walk))) {
		if (slot->is.from >= w->told)
			continue;
		n++;
		call_watch_fn(w, slot);
	}
	pthread_mutex_lock(&a->watch_lock);
	has_told(all);
	return n;
}

/* Cancel what is subscribed to a watch that is over, and free it.  The caller
 * holds watch_lock, which is let go meanwhile. */
static void end_watch(struct watch *w)
{
	pthread_mutex_t *lock = w->slots.lock;

	w->slots.busy = true;
	pthread_mutex_unlock(lock);
	slots_finish(&w->slots);
	pthread_mutex_lock(lock);
	free_watch(w);
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
		if (has_news(w) && !is_over(w))
			n += tell_watch(all, w);
		next = w->next;
		if (w->gone) {
			free_watch(w);
		} else if (is_over(w)) {
			end_watch(w);
			next = all->watches;
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

static void free_watcher(struct watcher *all)
{
	pthread_cond_destroy(&all->ran);
	free(all);
}

/* The thread and the job have ended. */
static void end_watcher(struct dispatch_job *job)
{
	struct watcher *all = (struct watcher *)job;
	pthread_mutex_t *lock = &all->arena->watch_lock;
	struct watch *w;

	pthread_mutex_lock(lock);
	while ((w = all->watches)) {
		if (w->gone)
			free_watch(w);
		else if (w->slots.busy)
			cond_wait(&all->ran, lock);
		else
			end_watch(w);
	}
	pthread_mutex_unlock(lock);
	free_watcher(all);
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
		all->job.end = end_watcher;
		all->arena = a;
		pthread_cond_init(&all->ran, NULL);
		r = quiet_thread_start(&all->thread, ref_watch_thread, all);
		if (r < 0) {
			free_watcher(all);
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

/* The last function of a watch was cancelled: this member stops watching.  If
 * the thread has no record, the member watches on, for no function. */
static void stop_watching(struct slots *list)
{
	struct watch *w = (struct watch *)list;
	struct fusion_arena *a = list->arena;
	struct thread_rec *me = thread_rec_of(a);

	/* Acquire here, release where the reference is destroyed: then the
	 * watch is over in shared memory. */
	if (me && load_acquire(&w->ref->id) == w->id)
		ref_unwatch(&a->view, me, w->ref);
	pthread_mutex_lock(&a->watch_lock);
	if (!me) {
		list->busy = false;
		pthread_cond_broadcast(&w->all->ran);
	} else if (w->all->running == w) {
		w->gone = true;
	} else {
		free_watch(w);
	}
	pthread_mutex_unlock(&a->watch_lock);
}

/* The caller holds watch_lock, here and in the next one. */
static struct watch *look_for_watch(const struct watcher *all,
				    const struct ref *r, uint32_t id)
{
	struct watch *w = all->watches;

	while (w && (w->ref != r || w->id != id || w->gone))
		w = w->next;
	return w;
}

/* Find the watch of a reference.  Wait if a thread is about to begin or stop
 * it: that takes no longer than the lock of a reference.  NULL: none. */
static struct watch *find_watch(struct watcher *all, const struct ref *r,
				uint32_t id)
{
	struct watch *w;

	while ((w = look_for_watch(all, r, id)) && w->slots.busy)
		cond_wait(&all->ran, &all->arena->watch_lock);
	return w;
}

/* Begin to watch.  The caller holds watch_lock, which is let go while we may
 * wait for a lock of the arena. */
static int begin_watch(struct watcher *all, struct thread_rec *me,
		       struct ref *ref, uint32_t id, struct watch **ret)
{
	struct fusion_arena *a = all->arena;
	struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	slots_init(&w->slots, a, &a->watch_lock, &all->ran);
	w->slots.emptied = stop_watching;
	w->slots.busy = true;
	w->all = all;
	w->ref = ref;
	w->id = id;
	link_watch(all, w);
	pthread_mutex_unlock(&a->watch_lock);
	r = ref_watch(&a->view, me, ref, &w->told);
	pthread_mutex_lock(&a->watch_lock);
	w->slots.busy = false;
	if (r < 0) {
		free_watch(w);
		return r;
	}
	pthread_cond_broadcast(&all->ran);
	*ret = w;
	return 0;
}

static int add_watch_fn(struct fusion_arena *a, struct thread_rec *me,
			struct ref *ref, struct fusion_slot *slot,
			struct fusion_slot **ret)
{
	/* Acquire here, release where the reference is created. */
	uint32_t id = load_acquire(&ref->id);
	struct watcher *all;
	struct watch *w;
	int r;

	pthread_mutex_lock(&a->watch_lock);
	r = get_watcher(a, &all);
	w = r == 0 ? find_watch(all, ref, id) : NULL;
	if (w)
		/* Acquire: pairs with the release in ref_settle(). */
		slot->is.from = REF_FALLS(load_acquire(&ref->falls));
	else if (r == 0)
		r = begin_watch(all, me, ref, id, &w);
	if (r == 0)
		slots_add(&w->slots, slot, ret);
	pthread_mutex_unlock(&a->watch_lock);
	/* The reference may have fallen before the watch was on the list. */
	if (r == 0)
		look_again(a);
	return r;
}

FUSION_API int fusion_ref_watch(struct fusion_ref *ref, fusion_ref_fn fn,
				void *ctx, fusion_destroy_fn destroy,
				struct fusion_slot **ret)
{
	const struct subscription s = {
		.fn = (void (*)(void))fn,
		.ctx = ctx,
		.destroy = destroy,
	};
	struct fusion_arena *a;
	struct fusion_slot *slot;
	struct thread_rec *me;
	struct tcache *c;
	int r;

	c = entry_cache(KIND_REF, ref, offsetof(struct ref, id), &r);
	if (!c)
		return told(r);
	if (!fn)
		return told(refuse_null("fusion_ref_watch()", "fn"));
	a = c->arena;
	me = c->rec;
	r = dispatch_start(a);
	if (r < 0)
		return told(r);
	slot = slots_new(&s);
	if (!slot)
		return told(-ENOMEM);
	r = add_watch_fn(a, me, handle_entry(ref), slot, ret);
	if (r < 0)
		free(slot);
	return told(r);
}
