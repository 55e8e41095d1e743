/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/known.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/file/event.h"
#include "libfusion/heap/bin.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/heap_private.h"

static const char noun[] = "heap pool";

struct fusion_heap_pool {
	struct known known; /* first, so that its address is the handle */
	struct fusion_arena *arena;
	struct pool_place at;
};

/* Begin to create or find a pool: make its handle.  0, -errno. */
static int pool_handle_new(struct fusion_arena *arena,
			   struct fusion_heap_pool **ret,
			   struct thread_rec **ret_me,
			   struct fusion_heap_pool **ret_handle)
{
	*ret_me = thread_rec_of(arena);
	if (!*ret_me)
		return -errno;
	if (!ret)
		return refuse_null(noun, "ret");
	*ret_handle = calloc(1, sizeof(**ret_handle));
	if (!*ret_handle)
		return -ENOMEM;
	(*ret_handle)->arena = arena;
	return 0;
}

/* End it: @r is what creating or finding returned. */
static int pool_handle_finish(struct fusion_heap_pool *p, int r,
			      struct fusion_heap_pool **ret)
{
	if (r < 0) {
		free(p);
		return r;
	}
	known_add(&p->known, p->arena);
	*ret = p;
	return 0;
}

static void announce(struct fusion_arena *arena, struct thread_rec *me,
		     enum event_kind kind, const char *name)
{
	event_log(&arena->view, me, kind, arena->id, "pool %s", name);
	arena_poke(arena);
}

/* Create a pool, or find it if @or_find is true. */
static int make_pool(struct fusion_arena *arena, const char *name,
		     const struct fusion_heap_pool_options *options,
		     bool or_find, struct fusion_heap_pool **ret)
{
	struct fusion_heap_pool_options o;
	struct fusion_heap_pool *p = NULL;
	struct thread_rec *me = NULL;
	int r = options_copy(
		&o, sizeof(o),
		OPTIONS_FIRST(struct fusion_heap_pool_options, limit), options,
		"fusion_heap_pool_options");

	if (r == 0)
		r = pool_handle_new(arena, ret, &me, &p);
	if (r < 0)
		return r;
	if (or_find)
		r = pool_open(&arena->view, me, name, o.limit, &p->at);
	else
		r = pool_create(&arena->view, me, name, o.limit, &p->at);
	if (r == 1 || (r == 0 && !or_find))
		announce(arena, me, EVENT_CREATED, name ? name : "");
	r = pool_handle_finish(p, r, ret);
	return r < 0 ? refuse_thing(arena, r, noun, name) : 0;
}

FUSION_API int
fusion_heap_pool_create(struct fusion_arena *arena, const char *name,
			const struct fusion_heap_pool_options *options,
			struct fusion_heap_pool **ret)
{
	return told(make_pool(arena, name, options, false, ret));
}

FUSION_API int
fusion_heap_pool_open(struct fusion_arena *arena, const char *name,
		      const struct fusion_heap_pool_options *options,
		      struct fusion_heap_pool **ret)
{
	if (!name)
		return told(refuse_null(noun, "name"));
	return told(make_pool(arena, name, options, true, ret));
}

FUSION_API int fusion_heap_pool_lookup(struct fusion_arena *arena,
				       const char *name,
				       struct fusion_heap_pool **ret)
{
	struct thread_rec *me;
	struct fusion_heap_pool *p = NULL;
	int r = pool_handle_new(arena, ret, &me, &p);

	if (r < 0)
		return told(r);
	r = pool_handle_finish(p, pool_find(&arena->view, me, name, &p->at),
			       ret);
	return told(r < 0 ? refuse_thing(arena, r, noun, name) : 0);
}

FUSION_API int fusion_heap_pool_get(struct fusion_arena *arena, fusion_id_t id,
				    struct fusion_heap_pool **ret)
{
	struct thread_rec *me;
	struct fusion_heap_pool *p = NULL;
	int r;

	if (!id)
		return told(refuse(-EINVAL, "%s: 0 is nothing's id", noun));
	r = pool_handle_new(arena, ret, &me, &p);
	if (r < 0)
		return told(r);
	r = pool_handle_finish(p, pool_get(&arena->view, me, id, &p->at), ret);
	if (r == -ENOENT)
		r = refuse(r,
			   "heap pool #%" PRIu32 ": arena '%s' has none of "
			   "that id",
			   id, arena->name);
	return told(r);
}

/* Refuse @pool, whose arena this process is not in any more, or which never was
 * a handle. */
static int refuse_pool(const struct fusion_heap_pool *pool)
{
	const struct fusion_arena *arena = known_whose(pool);

	return arena ? refuse_dead(arena) : refuse_handle(noun, pool);
}

static int refuse_destroyed(const struct fusion_heap_pool *pool)
{
	return refuse(-EIDRM,
		      "heap pool #%" PRIu32 " of arena '%s' is destroyed: "
		      "release the handle, and look the name up again",
		      pool->at.id, pool->arena->name);
}

FUSION_API void *fusion_heap_pool_malloc(struct fusion_heap_pool *pool,
					 size_t size)
{
	struct tcache *c;
	struct bins *b;

	if (!pool) {
		errno = -refuse_handle(noun, pool);
		return told_pointer(NULL);
	}
	c = tls_cache(pool->arena);
	if (!c)
		return told_pointer(NULL);
	if (!pool_exists(&pool->arena->view, &pool->at)) {
		errno = -refuse_destroyed(pool);
		return told_pointer(NULL);
	}
	b = bins_get(c, SPAN_POOL(pool->at.index), true);
	return told_pointer(b ? heap_alloc(c, b, size) : NULL);
}

FUSION_API void *fusion_heap_pool_calloc(struct fusion_heap_pool *pool,
					 size_t n, size_t size)
{
	size_t all;
	void *p;

	if (!array_size(n, size, &all))
		return told_pointer(NULL);
	p = fusion_heap_pool_malloc(pool, all);
	return p ? memset(p, 0, all) : NULL;
}

FUSION_API fusion_id_t fusion_heap_pool_id(const struct fusion_heap_pool *pool)
{
	return known_whose(pool) ? pool->at.id : 0;
}

FUSION_API int fusion_heap_pool_stat(struct fusion_heap_pool *pool,
				     struct fusion_heap_pool_stat *ret,
				     size_t size)
{
	struct fusion_heap_pool_stat stat;
	struct pool_info info;

	if (!arena_is_in(known_whose(pool)))
		return told(refuse_pool(pool));
	if (pool_copy(&pool->arena->view, pool->at.index - 1, &info) < 0 ||
	    info.id != pool->at.id)
		return told(refuse_destroyed(pool));
	memset(&stat, 0, sizeof(stat));
	stat.id = info.id;
	stat.used = info.used;
	stat.limit = info.limit;
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_heap_pool_stat"));
}

/* A pointer that is not a handle is ignored. */
FUSION_API void fusion_heap_pool_release(struct fusion_heap_pool *pool)
{
	if (known_remove((struct known *)pool))
		free(pool);
}

FUSION_API int fusion_heap_pool_destroy(struct fusion_heap_pool *pool)
{
	struct fusion_arena *arena;
	struct pool_info info = {0};
	struct thread_rec *me;
	int r;

	if (!pool)
		return 0;
	arena = known_whose(pool);
	if (!arena_is_in(arena))
		return told(refuse_pool(pool));
	me = thread_rec_of(arena);
	if (!me)
		return told(-errno);
	if (!known_remove((struct known *)pool)) /* another thread was faster */
		return told(refuse_handle(noun, pool));
	pool_copy(&arena->view, pool->at.index - 1, &info);
	r = pool_destroy(&arena->view, me, &pool->at);
	if (r == -EIDRM)
		r = refuse_destroyed(pool);
	free(pool);
	if (r == 0)
		announce(arena, me, EVENT_DESTROYED, info.name);
	return told(r);
}
