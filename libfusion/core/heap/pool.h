/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools: named parts of the heap with a limit, destroyed as a whole
 *
 * A pool is a record, and a number in the words of its spans.  It is charged by
 * the span, under span_lock.  The commit of creation is state USED.  The commit
 * of destruction is state DYING; after it, recovery frees the spans that are
 * left.  Invariant, in a quiet arena: `used` is the number of spans whose words
 * name the pool.
 */
#ifndef FUSION_CORE_POOL_H
#define FUSION_CORE_POOL_H

#include "libfusion/core/file/heap_layout.h"
#include "libfusion/core/heap/heap.h"

enum pool_op { POOL_OP_DESTROY = 1 }; /* a = index */

/* Which pool: another one may get its record, but not its generation. */
struct pool_place {
	uint32_t index; /* counts from 1 */
	uint32_t gen;
	uint32_t id;
};

/* Find the record of pool @i, which counts from 1; NULL there never was one. */
struct pool_rec *pool_at(const struct view *v, uint32_t i);

/*
 * Create a pool of at most @limit bytes, 0 for no limit, called @name, or
 * nameless if @name is NULL.
 * 0 and *ret.
 * -EEXIST the name exists.
 * -ENOSPC there are as many pools as the span allows.
 * -EINVAL, -ENAMETOOLONG as name_check_entry().
 * -ENOMEM there is no memory for the record.
 * -ETIMEDOUT as core_lock().
 */
int pool_create(struct view *v, struct thread_rec *me, const char *name,
		uint64_t limit, struct pool_place *ret);
/* Find the pool called @name, or create it under the same lock.  1 created, 0
 * found; errors as for pool_create(), but not -EEXIST. */
int pool_open(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t limit, struct pool_place *ret);
/* Find the pool called @name.  0 and *ret; -ENOENT; -EINVAL; -ENAMETOOLONG;
 * -ETIMEDOUT. */
int pool_find(struct view *v, struct thread_rec *me, const char *name,
	      struct pool_place *ret);
/* Find the pool with that id.  0 and *ret; -ENOENT; -ETIMEDOUT. */
int pool_get(struct view *v, struct thread_rec *me, uint32_t id,
	     struct pool_place *ret);
/* Is the pool still there? */
bool pool_exists(const struct view *v, const struct pool_place *p);
/* Destroy a pool with all its blocks.  0; -EIDRM it is destroyed already; -EIO
 * its spans are damaged; -ETIMEDOUT. */
int pool_destroy(struct view *v, struct thread_rec *me,
		 const struct pool_place *p);

/* Charge @n spans to pool @i.  Under span_lock.
 * 0; -EDQUOT the pool has reached its limit, or is being destroyed. */
int pool_charge(struct view *v, uint32_t i, uint32_t n);
/* Uncharge @n spans of pool @i.  Under span_lock. */
void pool_uncharge(struct view *v, uint32_t i, uint32_t n);
/* Count the spans of all pools again, after a death.  Under span_lock. */
void pool_recount(struct view *v);

/* Finish the destruction that the dead thread of @t announces.  Idempotent.
 * 0; -EIO, -ETIMEDOUT, or as life_rec_get(). */
int heap_recover_pool(struct view *v, struct thread_rec *t);
/* Copy the pool at index @i, which counts from 0, checked.  Needs no lock.
 * 0; -ENOENT there is none at @i; -ERANGE there are no more. */
int pool_copy(const struct view *v, uint32_t i, struct pool_info *ret);

#endif
