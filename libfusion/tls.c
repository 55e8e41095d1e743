/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/tls.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/arenas.h"
#include "libfusion/core/life.h"
#include "libfusion/core/recover.h"
#include "libfusion/core/thread.h"

__thread struct tcache *tls_current __attribute__((tls_model("initial-exec")));
static __thread struct tcache *caches
	__attribute__((tls_model("initial-exec")));

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void link_arena(struct tcache *c, struct fusion_arena *arena)
{
	pthread_mutex_lock(&arena->caches_lock);
	c->next_of_arena = arena->caches;
	if (c->next_of_arena)
		c->next_of_arena->prev_of_arena = &c->next_of_arena;
	c->prev_of_arena = &arena->caches;
	arena->caches = c;
	pthread_mutex_unlock(&arena->caches_lock);
}

static void unlink_arena(struct tcache *c)
{
	pthread_mutex_lock(&c->arena->caches_lock);
	*c->prev_of_arena = c->next_of_arena;
	if (c->next_of_arena)
		c->next_of_arena->prev_of_arena = c->prev_of_arena;
	pthread_mutex_unlock(&c->arena->caches_lock);
}

/* A thread ends: its slabs are orphaned, its record is free.  Killed in
 * between, the record is recovered with the process. */
static void thread_ends(void *unused)
{
	struct tcache *c = caches, *next;

	(void)unused;
	/* Keeps the process from leaving (and unmapping) meanwhile. */
	pthread_mutex_lock(&arenas_lock);
	for (; c; c = next) {
		next = c->next_of_thread;
		if (c->arena) {
			heap_cache_release(c);
			thread_release(&c->arena->view, c->rec);
			unlink_arena(c);
		}
		free(c);
	}
	pthread_mutex_unlock(&arenas_lock);
	caches = NULL;
	tls_current = NULL;
}

static void make_key(void)
{
	pthread_key_create(&key, thread_ends);
}

/* Records of threads that ended without a word, as by a raw exit(2). */
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

static struct tcache *make_cache(struct fusion_arena *arena)
{
	struct tcache *c;
	int r;

	if (!arena->id) { /* the child of a fork */
		errno = EINVAL;
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	r = thread_claim(&arena->view, &c->rec);
	if (r == -EMFILE) {
		sweep_threads(arena);
		r = thread_claim(&arena->view, &c->rec);
	}
	if (r < 0) {
		free(c);
		errno = -r;
		return NULL;
	}
	c->arena = arena;
	c->token = c->rec->token & TOKEN_MASK;
	c->tag = arena->tag;
	heap_cache_init(c);
	link_arena(c, arena);
	c->next_of_thread = caches;
	caches = c;
	pthread_setspecific(key, c);
	return c;
}

struct tcache *tls_cache_slow(struct fusion_arena *arena)
{
	struct tcache *c = caches;

	if (!arena) {
		errno = EINVAL;
		return NULL;
	}
	pthread_once(&once, make_key);
	while (c && c->arena != arena)
		c = c->next_of_thread;
	if (!c)
		c = make_cache(arena);
	if (c)
		tls_current = c;
	return c;
}

struct thread_rec *thread_rec_of(struct fusion_arena *arena)
{
	struct tcache *c = tls_cache(arena);

	return c ? c->rec : NULL;
}

/* The caches themselves stay with their threads, empty. */
void tls_arena_leave(struct fusion_arena *arena)
{
	pthread_mutex_lock(&arenas_lock); /* see thread_ends() */
	pthread_mutex_lock(&arena->caches_lock);
	for (struct tcache *c = arena->caches; c; c = c->next_of_arena) {
		heap_cache_drop(c);
		c->arena = NULL;
	}
	arena->caches = NULL;
	pthread_mutex_unlock(&arena->caches_lock);
	pthread_mutex_unlock(&arenas_lock);
}

void tls_after_fork_child(void)
{
	struct tcache *c = caches, *next;

	for (; c; c = next) {
		next = c->next_of_thread;
		heap_cache_drop(c);
		free(c);
	}
	caches = NULL;
	tls_current = NULL;
}
