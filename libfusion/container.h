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

#include "libfusion/core/seed.h"
#include "libfusion/heap_private.h"

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
	uint32_t mark; /* container_mark(); stored last when it is made */
	uint16_t state;
	uint16_t flags;
	struct fusion_skirmish *lock; /* NULL: the callers lock */
	uint32_t lock_id;
	uint32_t pad;
};
static_assert(sizeof(struct container) == 24, "ABI: another kind");

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

/* All that container_enter() does not do at once. */
int container_enter_slow(struct container *c, uint32_t kind,
			 struct fusion_arena **ret);

/* Has @off memory that blocks are in? */
static inline bool is_of_blocks(const uint64_t *words, uint64_t off)
{
	unsigned kind = WORD_KIND(load_relaxed(words + (off >> SPAN_SHIFT)));

	return kind == SPAN_SLAB || kind == SPAN_HEAD || kind == SPAN_CONT;
}

/* Begin a call: find the arena, take the container's own lock if it has one.
 * 0; or not begun: -EINVAL no such container, -EIDRM, -ENOMEM, -EMFILE. */
static inline int container_enter(struct container *c, uint32_t kind,
				  struct fusion_arena **ret)
{
	struct tcache *t = tls_current;
	uint64_t off = (uintptr_t)c - (uintptr_t)t->base;

	if (LIKELY(t->arena) && LIKELY(off >> SPAN_SHIFT < t->span_hi) &&
	    off % 16 == 0 && LIKELY(is_of_blocks(t->words, off)) &&
	    LIKELY(load_relaxed(&c->mark) == container_mark(c, kind)) &&
	    LIKELY(load_relaxed(&c->state) == CONTAINER_ALIVE) &&
	    LIKELY(!c->lock)) {
		*ret = t->arena;
		return 0;
	}
	return container_enter_slow(c, kind, ret);
}

/* End it: returns @r, for the caller to return. */
static inline int64_t container_leave(struct container *c, int64_t r)
{
	if (UNLIKELY(c->lock != NULL))
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
