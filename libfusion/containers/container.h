/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of hash, vector and list share
 *
 * A container is a block of the heap that begins with a struct container.  Its
 * other blocks come and go through slots in it (fusion_malloc_to(),
 * fusion_free_from()), so a death loses none.
 *
 * An update is one store that others can see, its commit.  What has to be done
 * besides is written down before, in a record of the container's header, and
 * done by the next one who changes it (settle).  Who only reads writes nothing
 * and looks past the record, so that any number of them can read at once.
 *
 * Dead owner: of the container's own lock, or of the caller's: recovery of the
 * heap comes before that of users' locks, so who has the lock finds the slots
 * settled, each with an allocated block or NULL.
 */
#ifndef FUSION_LIBFUSION_CONTAINER_H
#define FUSION_LIBFUSION_CONTAINER_H

#include <errno.h>

#include <fusion/container.h>
#include <fusion/heap.h>
#include <fusion/skirmish.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/heap/heap_private.h"

/* Names the layout too: a build with another refuses the handle. */
enum container_kind {
	CONTAINER_HASH = 0x68736102,
	CONTAINER_VECTOR = 0x76656301,
	CONTAINER_LIST = 0x6c736901,
};

enum container_state {
	CONTAINER_ALIVE = 1,
	CONTAINER_DYING = 2, /* fusion_..._destroy() has begun */
};

/* Shared: every byte is ABI. */
struct container {
	union {
		struct {
			/* container_mark(); stored last when it is made */
			uint32_t mark;
			uint16_t state;
			uint16_t flags;
		};
		uint64_t head; /* the three of them, to be looked at at once */
	};
	struct fusion_skirmish *lock; /* NULL: the callers lock */
	uint32_t lock_id;
	uint32_t pad;
};
static_assert(sizeof(struct container) == 24, "ABI: another kind");
static_assert(offsetof(struct container, state) == 4, "CONTAINER_HEAD");
static_assert(offsetof(struct container, flags) == 6, "CONTAINER_HEAD");

/* The head of one that is alive and has no lock; and which bits say so. */
#define CONTAINER_HEAD(mark) ((uint64_t)CONTAINER_ALIVE << 32 | (mark))
#define CONTAINER_HEAD_LOCK ((uint64_t)FUSION_CONTAINER_LOCK << 48)
#define CONTAINER_HEAD_MASK (CONTAINER_HEAD_LOCK | 0xffffffffffffull)

/* A copy of a container is none. */
static inline uint32_t container_mark(const void *at, uint32_t kind)
{
	return kind ^ (uint32_t)((uintptr_t)at >> 4);
}

/* A zeroed one of @size bytes.  0, -errno. */
int container_create(struct fusion_arena *arena, uint32_t kind, size_t size,
		     uint32_t flags, void *ret);
/* Begin the end: from now on others get -EIDRM.  0, also if that was so. */
int container_doom(struct container *c, uint32_t kind,
		   struct fusion_arena **ret);
/* The last of it: its lock and its block. */
int container_free(struct container *c, struct fusion_arena *arena);

/* Begin a call on one that has a lock. */
int container_take(struct container *c);
/* All that container_enter() does not do at once. */
int container_enter_slow(struct container *c, uint32_t kind,
			 struct fusion_arena **ret);

/* May a small block begin at @p, by what the thread knows of the heap? */
static inline bool is_in_slab(const struct tcache *t, const void *p)
{
	uint64_t off = (uintptr_t)p - (uintptr_t)t->base;

	/* A cache of an arena that was left has no spans. */
	return LIKELY(off >> SPAN_SHIFT < t->span_hi) &&
	       LIKELY(off % 16 == 0) &&
	       LIKELY(WORD_KIND(load_relaxed(t->words + (off >> SPAN_SHIFT))) ==
		      SPAN_SLAB);
}

/* 0 if it is a living one without a lock, in the arena that the thread used
 * last: that is all there is to begin and to end.  CONTAINER_HEAD_LOCK if it is
 * such a one with a lock; else another value. */
static inline uint64_t container_look(const struct tcache *t,
				      const struct container *c, uint32_t kind)
{
	if (UNLIKELY(!is_in_slab(t, c)))
		return 1;
	return (load_relaxed(&c->head) & CONTAINER_HEAD_MASK) ^
	       CONTAINER_HEAD(container_mark(c, kind));
}

/* Begin a call: find the arena, take the container's own lock if it has one.
 * 0; or not begun: -EINVAL no such container, -EIDRM, -ENOMEM, -EMFILE. */
static inline int container_enter(struct container *c, uint32_t kind,
				  struct fusion_arena **ret)
{
	struct tcache *t = tls_current;
	uint64_t is = container_look(t, c, kind);

	if (UNLIKELY(is & ~CONTAINER_HEAD_LOCK))
		return container_enter_slow(c, kind, ret);
	*ret = t->arena;
	return LIKELY(!is) ? 0 : container_take(c);
}

/* End it: returns @r, for the caller to return. */
static inline int64_t container_leave(struct container *c, int64_t r)
{
	if (UNLIKELY(c->flags & FUSION_CONTAINER_LOCK))
		fusion_skirmish_dismiss(c->lock);
	return r;
}

int container_lock(struct container *c, uint32_t kind);
int container_unlock(struct container *c, uint32_t kind);

/* Do @size bytes at @p lie in the arena? */
static inline bool is_inside(const struct fusion_arena *a, const void *p,
			     uint64_t size)
{
	uint64_t off = (uintptr_t)p - (uintptr_t)a->view.base;

	return off < a->view.geo.span && size <= a->view.geo.span - off;
}

/* Can a block begin at @p, in an arena of @span bytes? */
static inline bool may_be_block(const char *base, uint64_t span, const void *p)
{
	uint64_t off = (uintptr_t)p - (uintptr_t)base;

	return LIKELY(off < span) && LIKELY(off % 16 == 0);
}

/* May the container have this value? */
static inline bool is_good_value(const struct container *c,
				 const struct fusion_arena *a,
				 union fusion_value value)
{
	return c->flags & FUSION_CONTAINER_WORDS ||
	       is_inside(a, value.pointer, 1);
}

/* Free what a slot has.  A block that somebody else has freed is gone, too.
 * 0, -ENOMEM, -EMFILE. */
int slot_drop(struct fusion_arena *a, void **slot);

#endif
