/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * The shared heap.
 *
 * What is allocated here lies at the same address in every member, may be
 * freed by any of them, and stays when the member that allocated it leaves or
 * dies (but for fusion_malloc_member()).  All calls are safe in any thread of
 * any member; they take no lock but, now and then, a short one that the death
 * of its owner frees.
 *
 * Allocators return NULL and set errno: ENOMEM the arena's limit, its address
 * space or the machine's memory is used up; EINVAL bad arguments; EMFILE the
 * arena has no thread record left.  Memory is promised by the system before a
 * pointer to it is returned: touching it never raises SIGBUS.
 *
 * A thread that is killed inside fusion_malloc() may leave one block that
 * nobody knows.  fusion_malloc_to() leaves none.
 */
#ifndef FUSION_HEAP_H
#define FUSION_HEAP_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

struct fusion_arena;

/** Allocate @size bytes, aligned to 16; 0 gives a block that is unique. */
FUSION_API void *fusion_malloc(struct fusion_arena *arena, size_t size)
	__attribute__((malloc, alloc_size(2), warn_unused_result));

/** Allocate @n times @size bytes of zeros.  ENOMEM if that overflows. */
FUSION_API void *fusion_calloc(struct fusion_arena *arena, size_t n,
			       size_t size)
	__attribute__((malloc, alloc_size(2, 3), warn_unused_result));

/**
 * Change a block's size, in place where possible, else by copying.
 * @param ptr  a block, or NULL for a new one
 * @return the block, maybe moved; NULL and the old one untouched on failure
 *         (EINVAL: @ptr is no allocated block)
 */
FUSION_API void *fusion_realloc(struct fusion_arena *arena, void *ptr,
				size_t size)
	__attribute__((alloc_size(3), warn_unused_result));

/** Allocate with an alignment: a power of two, at most 1 GiB. */
FUSION_API void *fusion_aligned_alloc(struct fusion_arena *arena,
				      size_t alignment, size_t size)
	__attribute__((malloc, alloc_size(3), warn_unused_result));

/** Copy a string into the heap. */
FUSION_API char *fusion_strdup(struct fusion_arena *arena, const char *string)
	__attribute__((malloc, warn_unused_result));

/**
 * Free a block, whoever allocated it.  NULL is nothing to do.
 * @return 0; -EINVAL: it is no block of this arena, points into the middle of
 *         one, or is free already.  Nothing has happened then; it is reported
 *         (fusion_set_log()), and the process aborts if that was asked for
 *         with fusion_heap_abort_on_error().
 */
FUSION_API int fusion_free(struct fusion_arena *arena, void *ptr);

/** Abort the process at a wrong free (false, the default, only reports it). */
FUSION_API void fusion_heap_abort_on_error(bool on);

/** Bytes that may be used at @ptr, 0 if it is no allocated block. */
FUSION_API size_t fusion_usable_size(struct fusion_arena *arena,
				     const void *ptr);

/**
 * Allocate into a shared slot: `*slot` has the block, or nothing is allocated,
 * also if the process is killed at any moment.
 * @param slot  a pointer in the arena, aligned to 8; its old value is lost
 * @return 0, -ENOMEM, -EINVAL @slot is not in the arena
 */
FUSION_API int fusion_malloc_to(struct fusion_arena *arena, size_t size,
				void **slot);

/**
 * Free what a shared slot has: afterwards `*slot` is NULL and the block free,
 * or neither, also if the process is killed at any moment.
 * @return 0 (also for a slot that is NULL), -EINVAL
 */
FUSION_API int fusion_free_from(struct fusion_arena *arena, void **slot);

/** Allocate a block that ends with this member: freed when it leaves or dies,
 *  unless it was freed before. */
FUSION_API void *fusion_malloc_member(struct fusion_arena *arena, size_t size)
	__attribute__((malloc, alloc_size(2), warn_unused_result));

/**
 * Give the memory of free runs of 256 KiB and more back to the system now.
 * It is done anyway, half a second after the last such free, by the next call
 * that needs spans.  @return bytes given back, or -errno
 */
FUSION_API int64_t fusion_heap_trim(struct fusion_arena *arena);

/** What the heap holds; see also memory/ in the tree. */
struct fusion_heap_stats {
	uint64_t used;	 /**< bytes of memory the arena has from the system */
	uint64_t limit;	 /**< the most it may have, 0 none */
	uint64_t blocks; /**< allocated blocks */
	uint64_t bytes;	 /**< and the bytes in them */
};

/** Count, walking over the heap: a picture of no single moment. */
FUSION_API int fusion_heap_stats(struct fusion_arena *arena,
				 struct fusion_heap_stats *ret);

/**
 * A pool: a named part of the heap with a limit of its own.  The handle is
 * this process'; other members find the pool by its name.
 */
struct fusion_pool;

/**
 * Make a pool.
 * @param limit  most memory it may take, in bytes, counted by 64 KiB; 0: none
 * @return 0, -EEXIST, -EINVAL, -ENAMETOOLONG, -ENOSPC, -ENOMEM
 */
FUSION_API int fusion_pool_create(struct fusion_arena *arena, const char *name,
				  size_t limit, struct fusion_pool **ret);

/** Find a pool that another member made.  0, -ENOENT, -ENOMEM. */
FUSION_API int fusion_pool_find(struct fusion_arena *arena, const char *name,
				struct fusion_pool **ret);

/** Allocate from a pool; free with fusion_free(). */
FUSION_API void *fusion_pool_malloc(struct fusion_pool *pool, size_t size)
	__attribute__((malloc, alloc_size(2), warn_unused_result));

/** Give the handle back; the pool stays.  NULL is nothing to do. */
FUSION_API void fusion_pool_release(struct fusion_pool *pool);

/**
 * Free the pool and all blocks in it, and the handle.  No member may use the
 * pool or its blocks any more; a handle that another still has fails with
 * EINVAL from then on.
 * @return 0, -ENOENT it is gone already (the handle is freed)
 */
FUSION_API int fusion_pool_destroy(struct fusion_pool *pool);

FUSION_END_DECLS

#endif
