/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/container.h"

#include <stdio.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/slot.h"
#include "libfusion/names/entries.h"

static const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case CONTAINER_HASH:
		return "hash";
	case CONTAINER_VECTOR:
		return "vector";
	}
	return "list";
}

static int refuse_container(const struct fusion_arena *arena, int r,
			    uint32_t kind)
{
	if (is_refused(r))
		return r;
	return refuse_thing(arena, r, kind_name(kind), NULL);
}

static int refuse_lock(const struct container *c, uint32_t kind)
{
	return refuse(-EINVAL,
		      "%s at %p: it has no lock: create it with "
		      "FUSION_CONTAINER_LOCK",
		      kind_name(kind), (const void *)c);
}

/* --- Entering --------------------------------------------------------------
 */

/* Find the arena of @c, which must be a container of @kind in its heap. */
static int find_container(const struct container *c, uint32_t kind,
			  struct fusion_arena **ret)
{
	struct fusion_arena *a = c ? arena_of(c) : NULL;
	struct tcache *t;

	if (!a)
		return refuse_handle(kind_name(kind), c);
	t = tls_cache(a);
	if (!t)
		return -errno;
	if (view_off(&a->view, c) >> SPAN_SHIFT >= t->span_hi)
		t->span_hi = span_hi(&a->view);
	if (!is_in_slab(t, c) ||
	    load_relaxed(&c->mark) != container_mark(c, kind))
		return refuse_handle(kind_name(kind), c);
	*ret = a;
	return 0;
}

static inline bool has_lock(const struct container *c)
{
	return c->flags & FUSION_CONTAINER_LOCK;
}

/* Lock the container.  The call that needs it settles what a dead owner left.
 */
static int take_lock(const struct container *c)
{
	int r = fusion_skirmish_prevail(c->lock);

	if (r == -EOWNERDEAD) {
		fusion_skirmish_consistent(c->lock);
		r = 0;
	}
	return r == -EINVAL ? -EIO : r;
}

static int ask_state(const struct container *c)
{
	uint16_t state = load_relaxed(&c->state);

	if (state == CONTAINER_ALIVE)
		return 0;
	if (state == CONTAINER_DYING)
		return refuse(-EIDRM, "container at %p: it is being destroyed",
			      (const void *)c);
	return refuse(-EIO, "container at %p: its memory was overwritten",
		      (const void *)c);
}

int container_take(struct container *c)
{
	int r = take_lock(c);

	if (r < 0)
		return r;
	/* Another thread may have begun to destroy it while we waited. */
	r = ask_state(c);
	if (UNLIKELY(r < 0))
		fusion_skirmish_dismiss(c->lock);
	return r;
}

int container_enter_slow(struct container *c, uint32_t kind,
			 struct fusion_arena **ret)
{
	int r = find_container(c, kind, ret);

	if (r == 0)
		r = ask_state(c);
	return r < 0 || !has_lock(c) ? r : container_take(c);
}

int container_lock(struct container *c, uint32_t kind)
{
	struct fusion_arena *a;
	int r = container_enter(c, kind, &a);

	return r == 0 && !has_lock(c) ? refuse_lock(c, kind) : r;
}

int container_unlock(struct container *c, uint32_t kind)
{
	struct fusion_arena *a;
	int r = find_container(c, kind, &a);

	if (r < 0)
		return r;
	return has_lock(c) ? fusion_skirmish_dismiss(c->lock)
			   : refuse_lock(c, kind);
}

/* --- From beginning to end -------------------------------------------------
 */

static int add_lock(struct container *c, struct fusion_arena *arena)
{
	struct thread_rec *me = thread_rec_of(arena);
	struct skirmish *lock;
	int r = me ? skirmish_create(&arena->view, me, NULL, 0, arena->id,
				     &lock)
		   : -errno;

	if (r < 0)
		return r;
	arena_poke(arena);
	c->lock = (struct fusion_skirmish *)lock;
	c->lock_id = lock->id;
	return 0;
}

int container_create(struct fusion_arena *arena, uint32_t kind, size_t size,
		     uint32_t flags, void *ret)
{
	struct container *c;
	int r;

	c = heap_alloc_zeroed(arena, size);
	if (!c)
		return refuse_container(arena, -errno, kind);
	c->flags = (uint16_t)flags;
	c->state = CONTAINER_ALIVE;
	if (flags & FUSION_CONTAINER_LOCK) {
		r = add_lock(c, arena);
		if (r < 0) {
			fusion_free(c);
			return refuse_container(arena, r, kind);
		}
	}
	compiler_fence();
	c->mark = container_mark(c, kind);
	*(struct container **)ret = c;
	return 0;
}

/* A thread that is in a call holds the lock.  A thread that gets the lock later
 * finds that the container is being destroyed. */
int container_doom(struct container *c, uint32_t kind,
		   struct fusion_arena **ret)
{
	int r = find_container(c, kind, ret);

	if (r < 0)
		return r;
	if (c->state == CONTAINER_ALIVE && has_lock(c)) {
		r = take_lock(c);
		if (r < 0)
			return r;
	}
	if (c->state == CONTAINER_ALIVE) {
		store_relaxed(&c->state, (uint16_t)CONTAINER_DYING);
		compiler_fence();
		container_leave(c, 0);
	}
	return 0;
}

/* The handle may be that of a new skirmish, if the thread that tried last was
 * killed here. */
static void destroy_lock(struct container *c, struct fusion_arena *arena)
{
	struct fusion_skirmish *lock;
	char name[16];

	snprintf(name, sizeof(name), "#%u", c->lock_id);
	if (entry_find(arena, KIND_SKIRMISH, name, (void **)&lock) == 0 &&
	    lock == c->lock)
		fusion_skirmish_destroy(lock);
}

int container_free(struct container *c, struct fusion_arena *arena)
{
	if (has_lock(c))
		destroy_lock(c, arena);
	return fusion_free(c);
}

int slot_drop(struct fusion_arena *a, void **slot)
{
	int r = *slot ? heap_free_from(a, slot) : 0;

	if (r != -EINVAL)
		return r;
	store_relaxed(slot, NULL);
	return 0;
}
