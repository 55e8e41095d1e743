/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/container.h"

#include <stdio.h>

#include "libfusion/core/skirmish.h"
#include "libfusion/core/span.h"

/* --- Entering --------------------------------------------------------------
 */

/* Is it in the heap of an arena that we are in, and what it says it is? */
static int find(const struct container *c, uint32_t kind,
		struct fusion_arena **ret)
{
	struct fusion_arena *a = c ? arena_of(c) : NULL;
	struct tcache *t;

	if (!a)
		return -EINVAL;
	t = tls_cache(a);
	if (!t)
		return -errno;
	if (view_off(&a->view, c) >> SPAN_SHIFT >= t->span_hi)
		t->span_hi = span_hi(&a->view);
	if (!is_in_slab(t, c) ||
	    load_relaxed(&c->mark) != container_mark(c, kind))
		return -EINVAL;
	*ret = a;
	return 0;
}

static inline bool has_lock(const struct container *c)
{
	return c->flags & FUSION_CONTAINER_LOCK;
}

/* What a dead owner left is settled by who needs it settled. */
static int take(const struct container *c)
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
	return state == CONTAINER_DYING ? -EIDRM : -EIO;
}

int container_take(struct container *c)
{
	int r = take(c);

	if (r < 0)
		return r;
	/* It may have begun to go while we waited. */
	r = ask_state(c);
	if (UNLIKELY(r < 0))
		fusion_skirmish_dismiss(c->lock);
	return r;
}

int container_enter_slow(struct container *c, uint32_t kind,
			 struct fusion_arena **ret)
{
	int r = find(c, kind, ret);

	if (r == 0)
		r = ask_state(c);
	return r < 0 || !has_lock(c) ? r : container_take(c);
}

int container_lock(struct container *c, uint32_t kind)
{
	struct fusion_arena *a;
	int r = container_enter(c, kind, &a);

	return r == 0 && !has_lock(c) ? -EINVAL : r;
}

int container_unlock(struct container *c, uint32_t kind)
{
	struct fusion_arena *a;
	int r = find(c, kind, &a);

	if (r < 0)
		return r;
	return has_lock(c) ? fusion_skirmish_dismiss(c->lock) : -EINVAL;
}

/* --- From beginning to end -------------------------------------------------
 */

static int add_lock(struct container *c, struct fusion_arena *arena)
{
	struct fusion_skirmish *lock;
	int r = fusion_skirmish_create(arena, NULL, 0, &lock);

	if (r < 0)
		return r;
	c->lock = lock;
	c->lock_id = ((struct skirmish *)lock)->id;
	return 0;
}

int container_create(struct fusion_arena *arena, uint32_t kind, size_t size,
		     uint32_t flags, void *ret)
{
	struct container *c;
	int r;

	c = fusion_calloc(arena, 1, size);
	if (!c)
		return -errno;
	c->flags = (uint16_t)flags;
	c->state = CONTAINER_ALIVE;
	if (flags & FUSION_CONTAINER_LOCK) {
		r = add_lock(c, arena);
		if (r < 0) {
			fusion_free(arena, c);
			return r;
		}
	}
	compiler_fence();
	c->mark = container_mark(c, kind);
	*(struct container **)ret = c;
	return 0;
}

/* Who is in a call has the lock; who gets it later finds no container. */
int container_doom(struct container *c, uint32_t kind,
		   struct fusion_arena **ret)
{
	int r = find(c, kind, ret);

	if (r < 0)
		return r;
	if (c->state == CONTAINER_ALIVE && has_lock(c)) {
		r = take(c);
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

/* Its place may have a new one, if the last who tried was killed here. */
static void destroy_lock(struct container *c, struct fusion_arena *arena)
{
	struct fusion_skirmish *lock;
	char name[16];

	snprintf(name, sizeof(name), "#%u", c->lock_id);
	if (fusion_skirmish_lookup(arena, name, &lock) == 0 && lock == c->lock)
		fusion_skirmish_destroy(lock);
}

int container_free(struct container *c, struct fusion_arena *arena)
{
	if (has_lock(c))
		destroy_lock(c, arena);
	return fusion_free(arena, c);
}

int slot_drop(struct fusion_arena *a, void **slot)
{
	int r = *slot ? fusion_free_from(a, slot) : 0;

	if (r != -EINVAL)
		return r;
	store_relaxed(slot, NULL);
	return 0;
}
