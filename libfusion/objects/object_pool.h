/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records behind the handles of object pools. */
#ifndef FUSION_OBJECT_POOL_OF_PROGRAM_H
#define FUSION_OBJECT_POOL_OF_PROGRAM_H

#include "libfusion/heap/tls.h"
#include "libfusion/objects/object_private.h"

/* Return the live record at @pool, and the calling thread's cache of its arena;
 * NULL and *ret_error. */
struct object_pool *object_pool_of(const struct fusion_object_pool *pool,
				   struct tcache **ret_cache, int *ret_error);
/* Return the index of the record. */
static inline uint32_t object_pool_index(const struct view *v,
					 const struct object_pool *p)
{
	return (uint32_t)(p - object_pool_at(v, 0));
}
/* Tell whether this thread is in a function that is shown the objects of a pool
 * of the arena. */
bool objects_are_shown_here(const struct fusion_arena *arena);

#endif
