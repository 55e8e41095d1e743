/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/heap/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/known.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/property_recover.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_recover.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/talk/call_recover.h"
#include "libfusion/heap/bin.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/refill.h"

/* The cache of no arena; its own address cannot be that of an arena. */
static struct tcache no_cache = {.arena = (struct fusion_arena *)&no_cache};

__thread struct tcache *tls_current __attribute__((tls_model("initial-exec"))) =
	&no_cache;
static __thread struct tcache *caches_of_thread
	__attribute__((tls_model("initial-exec")));

/* Guards the list of all caches.  Also held while a thread that ends gives back
 * its slabs and record, so that the arena is not left meanwhile. */
static pthread_mutex_t caches_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tcache *all_caches;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void link_cache(struct tcache *c)
{
	c->next_of_thread = caches_of_thread;
	caches_of_thread = c;
	pthread_mutex_lock(&caches_lock);
	c->next = all_caches;
	c->prev = &all_caches;
	if (all_caches)
		all_caches->prev = &c->next;
	all_caches = c;
	pthread_mutex_unlock(&caches_lock);
}

/* caches_lock is held. */
static void unlink_cache(struct tcache *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

/* A thread ends: orphan its slabs and free its record.  If the process is
 * killed in between, recovery of the process includes the record. */
static void cache_thread_ends(void *unused)
{
	struct tcache *c, *next;

	(void)unused;
	callback_undo_all();
	c = caches_of_thread;
	caches_of_thread = NULL;
	tls_current = &no_cache;
	pthread_mutex_lock(&caches_lock);
	for (; c; c = next) {
		next = c->next_of_thread;
		if (c->arena) {
			heap_cache_release(c);
			/* The thread may own locks: their next owners are told
			 * of its end. */
			property_recover(&c->arena->view, c->rec, c->rec);
			skirmish_recover(&c->arena->view, c->rec, c->rec);
			call_recover(&c->arena->view, c->rec, c->rec, true);
			thread_release(&c->arena->view, c->rec);
		}
		unlink_cache(c);
		free(c);
	}
	pthread_mutex_unlock(&caches_lock);
}

static void init_once(void)
{
	heap_classes_init();
	/* Without a key, sweep_threads() finds the records of ended threads. */
	if (pthread_key_create(&key, cache_thread_ends) != 0)
		key = (pthread_key_t)-1;
}

/* Free the records of threads whose end was not reported, for example by a raw
 * exit(2). */
static void sweep_threads(struct fusion_arena *arena)
{
	struct view *v = &arena->view;
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	if (life_lock(v, -1) < 0)
		return;
	for (uint32_t i = 1; i < hi; i++)
		if (thread_is_dead(v, view_thread(v, i)))
			recover_thread(v, view_thread(v, i));
	life_unlock(v);
}

static int claim_thread(struct fusion_arena *arena, struct thread_rec **ret)
{
	int r = thread_claim(&arena->view, ret);

	if (r != -EMFILE)
		return r;
	sweep_threads(arena);
	return thread_claim(&arena->view, ret);
}

static int refuse_thread(const struct fusion_arena *arena, int r)
{
	if (r == -EMFILE)
		return refuse(r,
			      "arena '%s': no record is left for another "
			      "thread: all %u are in use",
			      arena->name, arena->view.geo.max_threads);
	return refuse(r, "arena '%s': no record for another thread: %s",
		      arena->name, error_meaning(r));
}

static struct tcache *make_cache(struct fusion_arena *arena)
{
	struct tcache *c;
	int r;

	/* This process has left, or is the child of a fork; or the pointer is
	 * not a handle. */
	if (!arena_is_in(arena) || !arena->id) {
		errno = -refuse_dead(arena);
		return NULL;
	}
	c = cache_line_alloc(sizeof(*c));
	if (!c)
		return NULL;
	r = claim_thread(arena, &c->rec);
	if (r < 0) {
		free(c);
		errno = -refuse_thread(arena, r);
		return NULL;
	}
	c->arena = arena;
	cache_init(c);
	link_cache(c);
	pthread_setspecific(key, c);
	return c;
}

/* Free the caches of arenas that the process has left. */
static void drop_dead_caches(void)
{
	struct tcache **at = &caches_of_thread, *c;

	pthread_mutex_lock(&caches_lock);
	while ((c = *at)) {
		if (c->arena) {
			at = &c->next_of_thread;
			continue;
		}
		*at = c->next_of_thread;
		unlink_cache(c);
		if (tls_current == c)
			tls_current = &no_cache;
		free(c);
	}
	pthread_mutex_unlock(&caches_lock);
}

struct tcache *tls_cache_slow(struct fusion_arena *arena)
{
	struct tcache *c = caches_of_thread;

	if (!arena) {
		errno = -refuse(-EINVAL, "the arena is NULL: give what "
					 "fusion_arena_enter() has returned");
		return NULL;
	}
	pthread_once(&once, init_once);
	while (c && c->arena != arena)
		c = c->next_of_thread;
	if (!c) {
		drop_dead_caches();
		c = make_cache(arena);
	}
	if (c && !track_is_on())
		tls_current = c;
	return c;
}

struct thread_rec *thread_rec_of(struct fusion_arena *arena)
{
	struct tcache *c = tls_cache(arena);

	return c ? c->rec : NULL;
}

/* Empty the caches of all threads; the caches themselves stay theirs. */
void tls_arena_leave(struct fusion_arena *arena)
{
	pthread_mutex_lock(&caches_lock);
	for (struct tcache *c = all_caches; c; c = c->next) {
		if (c->arena != arena)
			continue;
		heap_cache_untrack(c);
		cache_drop(c);
		c->span_hi = 0;
		c->skirmishes_size = 0;
		c->refs_size = 0;
		memset(c->row_hints, 0, sizeof(c->row_hints));
		/* Relaxed: no other thread may use the arena meanwhile. */
		store_relaxed(&c->arena, (struct fusion_arena *)NULL);
	}
	pthread_mutex_unlock(&caches_lock);
}

/* The other threads do not exist in the child, and the memory of their caches
 * leaks. */
void tls_after_fork_child(void)
{
	struct tcache *c = caches_of_thread, *next;

	callback_after_fork();
	known_after_fork();
	pthread_mutex_init(&caches_lock, NULL);
	all_caches = NULL;
	caches_of_thread = NULL;
	tls_current = &no_cache;
	for (; c; c = next) {
		next = c->next_of_thread;
		if (c->arena)
			heap_cache_untrack(c);
		cache_drop(c);
		free(c);
	}
}
