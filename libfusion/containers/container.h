/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Containers: what hash, vector and list share
 *
 * A container is a block of the heap that begins with a struct container.  It
 * allocates and frees its other blocks through slots in it (fusion_malloc_to(),
 * fusion_free_from()), so a death leaks none.
 *
 * Invariant: each update takes effect by one store, its commit point.  Before
 * that store, the thread announces in a record of the container's header what
 * else has to be done.  If the thread dies, the next thread that changes the
 * container does that, or undoes it (settle).  A thread that only reads writes
 * nothing and does not need the record, so any number of threads can read.
 *
 * Dead owner, of the container's own lock or of the program's: the heap is
 * recovered before users' locks.  So the next owner of the lock finds all slots
 * settled, each with an allocated block or NULL.
 */
#ifndef FUSION_LIBFUSION_CONTAINER_H
#define FUSION_LIBFUSION_CONTAINER_H

#include <errno.h>

#include <fusion/container.h>
#include <fusion/heap.h>
#include <fusion/skirmish.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/base/wait.h"
#include "libfusion/core/heap/container.h"
#include "libfusion/heap/heap_private.h"

enum container_state {
	CONTAINER_ALIVE = 1,
	CONTAINER_DYING = 2, /* fusion_..._destroy() has begun */
	/* Alive, and readers must look at the announced transfer
	 * (transfer.h).  No fast path believes in such a head. */
	CONTAINER_MOVING = 3,
};

static_assert(offsetof(struct container, state) == 4, "CONTAINER_HEAD");
static_assert(offsetof(struct container, flags) == 6, "CONTAINER_HEAD");

/* The head of a container that is alive and has no lock, and the bits of the
 * head that say so. */
#define CONTAINER_HEAD(mark) ((uint64_t)CONTAINER_ALIVE << 32 | (mark))
#define CONTAINER_HEAD_LOCK ((uint64_t)FUSION_CONTAINER_LOCK << 48)
#define CONTAINER_HEAD_MASK (CONTAINER_HEAD_LOCK | 0xffffffffffffull)

/* What a container is to be. */
struct container_make {
	enum container_kind kind;
	uint32_t flags;
	uint32_t keys; /* of a hash: enum fusion_key_type */
	size_t size;   /* bytes of its block */
	/* Initialize the block, which is zero, but for its beginning. */
	void (*init)(struct container *c, const struct container_make *make);
};

/* Create a container, called @name unless that is NULL.
 * 0, -EEXIST, -EINVAL, -ENAMETOOLONG, -ENOSPC, -ENOMEM, -EMFILE, -EIO. */
int container_create(struct fusion_arena *arena, const char *name,
		     const struct container_make *make, void *ret);
/* Find the container of @kind called @name.  0, -ENOENT, -EINVAL,
 * -ENAMETOOLONG, -ENOMEM, -EMFILE, -EIO. */
int container_lookup(struct fusion_arena *arena, const char *name,
		     enum container_kind kind, void *ret);
/* Find the container of @kind that has a name and this id.  0, -ENOENT,
 * -EINVAL,
 * -ENOMEM, -EMFILE, -EIO. */
int container_get(struct fusion_arena *arena, fusion_id_t id,
		  enum container_kind kind, void *ret);
/* Return the id of a container; 0: it is not one of @kind, or it is being
 * destroyed. */
fusion_id_t container_id(const struct container *c, uint32_t kind);
/* Find the container called @name, or create it.  0; -EPROTOTYPE the one that
 * there is has other flags or keys; else as the two above. */
int container_open(struct fusion_arena *arena, const char *name,
		   const struct container_make *make, void *ret);
/* Begin to destroy a container: from now on other calls return -EIDRM.  0, also
 * if this was done before. */
int container_doom(struct container *c, uint32_t kind,
		   struct fusion_arena **ret);
/* Free the container's lock and its block. */
int container_free(struct container *c, struct fusion_arena *arena);

/* Begin a call on a container with a lock.  0; or not begun: -EIDRM, -ENOLCK,
 * -EOVERFLOW, -EIO, -ENOMEM, -EMFILE; never -EOWNERDEAD. */
int container_take(struct container *c);
/* The slow path of container_enter(). */
int container_enter_slow(struct container *c, uint32_t kind,
			 struct fusion_arena **ret);

/* Can a small block begin at @p, judged by the thread's cache only? */
static inline bool is_in_slab(const struct tcache *t, const void *p)
{
	uint64_t off = (uintptr_t)p - (uintptr_t)t->base;

	/* The cache of an arena that the process has left has no spans. */
	return LIKELY(off >> SPAN_SHIFT < t->span_hi) &&
	       LIKELY(off % 16 == 0) &&
	       LIKELY(WORD_KIND(load_relaxed(t->words + (off >> SPAN_SHIFT))) ==
		      SPAN_SLAB);
}

/* Return 0 if the container lives, has no lock, and is in the arena that the
 * thread used last: then a call has nothing else to begin or end.  Return
 * CONTAINER_HEAD_LOCK if it has a lock, else another value. */
static inline uint64_t container_look(const struct tcache *t,
				      const struct container *c, uint32_t kind)
{
	if (UNLIKELY(!is_in_slab(t, c)))
		return 1;
	return (load_relaxed(&c->head) & CONTAINER_HEAD_MASK) ^
	       CONTAINER_HEAD(container_mark(c, kind));
}

/* Begin a call: find the arena, and lock the container if it has a lock.  0; or
 * not begun: -EINVAL: not such a container; -EIDRM, -ENOMEM, -EMFILE; else as
 * container_take(). */
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

/* Of a function that looks at a container which another thread may have
 * destroyed.  What the function reads may be anything, and it acts only if that
 * names the container of the caller.  AddressSanitizer would see a freed block
 * there. */
#define CONTAINER_MAY_BE_FREED __attribute__((no_sanitize("address")))

/* End a call, and return @r. */
static inline int container_leave(struct container *c, int r)
{
	if (UNLIKELY(c->flags & FUSION_CONTAINER_LOCK))
		fusion_skirmish_dismiss(c->lock);
	return r;
}

/* End a call: sleep without the container's lock until a thread changes it.
 * 0; -ETIMEDOUT, -EINTR the wait is over; -EINVAL the container has no lock;
 * -EIDRM it was destroyed; -EPERM another thread has borrowed the lock. */
int container_wait(struct container *c, uint32_t kind, struct fusion_arena *a,
		   struct wait *wait);
/* Wake the threads in container_wait(), as far as the container has a lock. */
void container_wake(struct container *c, struct fusion_arena *a);

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

/* Is the value valid for the container? */
static inline bool is_good_value(const struct container *c,
				 const struct fusion_arena *a,
				 struct fusion_value value)
{
	return c->flags & FUSION_CONTAINER_WORDS ||
	       is_inside(a, fusion_value_get_pointer(value), 1);
}

/* Free the block of a slot, and clear the slot.  A block that another thread
 * has freed already counts as freed.  0, -ENOMEM, -EMFILE. */
int slot_drop(struct fusion_arena *a, void **slot);

#endif
