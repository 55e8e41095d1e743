/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/known.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/file/event.h"
#include "libfusion/heap/bin.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/heap_private.h"

struct fusion_pool {
	struct known known; /* first, so that its address is the handle */
	struct fusion_arena *arena;
	uint32_t index, gen;
};

/* Begin to create or find a pool: make its handle.  0, -errno. */
static int pool_handle_new(struct fusion_arena *arena, struct fusion_pool **ret,
			   struct thread_rec **ret_me,
			   struct fusion_pool **ret_handle)
{
	*ret_me = thread_rec_of(arena);
	if (!*ret_me)
		return -errno;
	if (!ret)
		return refuse_null("pool", "ret");
	*ret_handle = calloc(1, sizeof(**ret_handle));
	if (!*ret_handle)
		return -ENOMEM;
	(*ret_handle)->arena = arena;
	return 0;
}

static int pool_handle_finish(struct fusion_pool *p, int r,
			      struct fusion_pool **ret)
{
	if (r < 0) {
		free(p);
		return r;
	}
	p->gen = load_relaxed(&pool_at(&p->arena->view, p->index)->gen);
	known_add(&p->known, p->arena);
	*ret = p;
	return 0;
}

FUSION_API int fusion_pool_create(struct fusion_arena *arena, const char *name,
				  size_t limit, struct fusion_pool **ret)
{
	struct thread_rec *me;
	struct fusion_pool *p = NULL;
	int r = pool_handle_new(arena, ret, &me, &p);

	if (r < 0)
		return told(r);
	r = pool_handle_finish(
		p, pool_create(&arena->view, me, name, limit, &p->index), ret);
	if (r < 0)
		return told(refuse_thing(arena, r, "pool", name));
	event_log(&arena->view, me, EVENT_CREATED, arena->id, "pool %s",
		  name ? name : "");
	arena_poke(arena);
	return 0;
}

FUSION_API int fusion_pool_find(struct fusion_arena *arena, const char *name,
				struct fusion_pool **ret)
{
	struct thread_rec *me;
	struct fusion_pool *p = NULL;
	int r = pool_handle_new(arena, ret, &me, &p);

	if (r < 0)
		return told(r);
	r = pool_handle_finish(p, pool_find(&arena->view, me, name, &p->index),
			       ret);
	return told(r < 0 ? refuse_thing(arena, r, "pool", name) : 0);
}

static bool is_there(const struct fusion_pool *p)
{
	const struct pool_rec *rec = pool_at(&p->arena->view, p->index);

	/* We must see `gen` of the pool that is USED: acquire here, release in
	 * pool_create(). */
	return rec && load_acquire(&rec->state) == POOL_USED &&
	       load_relaxed(&rec->gen) == p->gen;
}

FUSION_API void *fusion_pool_malloc(struct fusion_pool *pool, size_t size)
{
	struct tcache *c = tls_cache(pool->arena);
	struct bins *b;

	if (!c)
		return told_pointer(NULL);
	if (!is_there(pool)) {
		errno = -refuse_handle("pool", pool);
		return told_pointer(NULL);
	}
	b = bins_get(c, SPAN_POOL(pool->index), true);
	return told_pointer(b ? heap_alloc(c, b, size) : NULL);
}

FUSION_API void *fusion_pool_calloc(struct fusion_pool *pool, size_t n,
				    size_t size)
{
	size_t all;
	void *p = array_size(n, size, &all) ? fusion_pool_malloc(pool, all)
					    : NULL;

	return p ? memset(p, 0, all) : NULL;
}

FUSION_API int fusion_pool_stats(struct fusion_pool *pool,
				 struct fusion_pool_stats *ret)
{
	struct pool_info info;

	/* Not a handle; or this process has left the arena, or is the child of
	 * a fork. */
	if (!arena_is_in(known_whose(pool)))
		return told(refuse_handle("pool", pool));
	if (!is_there(pool) ||
	    pool_copy(&pool->arena->view, pool->index - 1, &info) < 0)
		return told(-ENOENT);
	*ret = (struct fusion_pool_stats){
		.id = info.id,
		.used = info.used,
		.limit = info.limit,
	};
	return 0;
}

/* A pointer that is not a handle is ignored. */
FUSION_API void fusion_pool_release(struct fusion_pool *pool)
{
	if (known_remove((struct known *)pool))
		free(pool);
}

FUSION_API int fusion_pool_destroy(struct fusion_pool *pool)
{
	struct fusion_arena *arena;
	struct pool_info info = {0};
	struct thread_rec *me;
	int r = -ENOENT;

	if (!pool)
		return 0;
	arena = known_whose(pool);
	me = thread_rec_of(arena);
	if (!me)
		return told(-errno);
	if (!known_remove((struct known *)pool)) /* another thread was faster */
		return told(refuse_handle("pool", pool));
	if (is_there(pool)) {
		pool_copy(&arena->view, pool->index - 1, &info);
		r = pool_destroy(&arena->view, me, pool->index);
	}
	free(pool);
	if (r == 0) {
		event_log(&arena->view, me, EVENT_DESTROYED, arena->id,
			  "pool %s", info.name);
		arena_poke(arena);
	}
	return told(r);
}
