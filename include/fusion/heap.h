/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * The shared heap.
 *
 * What is allocated here lies at the same address in every member, may be
 * freed by any of them, and stays when the member that allocated it leaves or
 * dies (but for fusion_malloc_member()).
 *
 * Allocators return NULL and set errno: ENOMEM the arena's limit, its address
 * space or the machine's memory is used up; EINVAL bad arguments; EMFILE the
 * arena has no thread record left.  Memory is promised by the system before a
 * pointer to it is returned: touching it never raises SIGBUS.
 *
 * All calls may be made by any thread of any member, but not by a signal
 * handler, and not on an arena that another thread is leaving.  Most take no
 * lock.  Those that need whole spans of 64 KiB take a short one that the death
 * of its owner frees; no call waits for a member that is stopped outside it.
 *
 * A thread that is killed inside one of the allocators may leave one block
 * that nobody knows.  fusion_malloc_to() leaves none.
 *
 * In a program built with AddressSanitizer, or run by Valgrind, blocks that
 * this process has freed are marked: using them is reported.
 */
#ifndef FUSION_HEAP_H
#define FUSION_HEAP_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

struct fusion_arena;

/**
 * Allocate a block.
 *
 * @param size  bytes; 0 gives a block too, different from all others
 *
 * @return the block, aligned to 16 and not initialised, yours until somebody
 *         frees it; NULL and errno ENOMEM, EMFILE, EINVAL
 *
 * Any thread.  Takes no lock but for a new slab or more than 128 KiB.
 */
FUSION_API void *fusion_malloc(struct fusion_arena *arena, size_t size)
	__attribute__((malloc, alloc_size(2), warn_unused_result));

/**
 * Allocate an array of zeros.
 *
 * @param n     elements
 * @param size  bytes of each
 *
 * @return as fusion_malloc(); ENOMEM also if @n times @size overflows
 *
 * Any thread; as fusion_malloc().
 */
FUSION_API void *fusion_calloc(struct fusion_arena *arena, size_t n,
			       size_t size)
	__attribute__((malloc, alloc_size(2, 3), warn_unused_result));

/**
 * Change a block's size, in place where possible, else by copying.
 *
 * @param ptr   a block, whoever allocated it; NULL: as fusion_malloc()
 * @param size  bytes; 0 leaves a small block, it does not free
 *
 * @return the block, maybe moved, in the same pool and with the same lifetime
 *         as before; NULL and the old one untouched: errno as fusion_malloc(),
 *         or EINVAL @ptr is no allocated block
 *
 * Any thread, but no other may use the block meanwhile.  Takes a lock for
 * blocks of more than 128 KiB, which grow and shrink where they are if what
 * lies behind them is free.
 */
FUSION_API void *fusion_realloc(struct fusion_arena *arena, void *ptr,
				size_t size)
	__attribute__((alloc_size(3), warn_unused_result));

/**
 * Allocate a block with an alignment.
 *
 * @param alignment  a power of two, at most 1 GiB
 * @param size       bytes, not necessarily a multiple of it
 *
 * @return as fusion_malloc(); EINVAL no such alignment
 *
 * Any thread; as fusion_malloc().  fusion_realloc() does not keep an alignment
 * of more than 16.
 */
FUSION_API void *fusion_aligned_alloc(struct fusion_arena *arena,
				      size_t alignment, size_t size)
	__attribute__((malloc, alloc_size(3), warn_unused_result));

/**
 * Copy a string into the heap.
 *
 * @param string  NUL-terminated, shared or private; stays the caller's
 *
 * @return the copy; NULL and errno as fusion_malloc()
 *
 * Any thread; as fusion_malloc().
 */
FUSION_API char *fusion_strdup(struct fusion_arena *arena, const char *string)
	__attribute__((malloc, warn_unused_result));

/**
 * Free a block, whoever allocated it.
 *
 * @param ptr  a block of this arena, or NULL: nothing to do
 *
 * @return 0; -EINVAL it is no block of this arena, points into the middle of
 *         one, or is free already: nothing has happened then, but for a
 *         message (fusion_set_log()) and what fusion_heap_abort_on_error()
 *         asked for; -ENOMEM or -EMFILE the thread is new here and gets no
 *         record
 *
 * Any thread.  Takes no lock for blocks of up to 128 KiB.
 */
FUSION_API int fusion_free(struct fusion_arena *arena, void *ptr);

/**
 * Choose what a wrong free does.
 *
 * @param on  true: the process aborts after the message; false, the default:
 *            the call fails with -EINVAL
 *
 * For the whole process and all its arenas.  Set it before other calls.
 */
FUSION_API void fusion_heap_abort_on_error(bool on);

/**
 * Bytes that may be used at a block: at least what was asked for.
 *
 * @return 0 if @ptr is no allocated block of the arena
 *
 * Any thread; no lock.
 */
FUSION_API size_t fusion_usable_size(struct fusion_arena *arena,
				     const void *ptr);

/**
 * Allocate into a shared slot, in one step even if the process is killed:
 * `*slot` has the block, or nothing is allocated.
 *
 * @param size  bytes
 * @param slot  a pointer in the arena, aligned to 8; its old value is lost.
 *              Others may read it at any time, but write to it or free the
 *              block only when this has returned
 *
 * @return 0; -ENOMEM; -EINVAL @slot is not in the arena; -EMFILE
 *
 * Any thread; as fusion_malloc().  The store to the slot is a release.
 */
FUSION_API int fusion_malloc_to(struct fusion_arena *arena, size_t size,
				void **slot);

/**
 * Free what a shared slot has, in one step even if the process is killed:
 * `*slot` is NULL and the block free, or neither.
 *
 * @param slot  as for fusion_malloc_to(); nobody else may write to it meanwhile
 *
 * @return 0, also for a slot that is NULL; -EINVAL as fusion_free(); -ENOMEM,
 *         -EMFILE
 *
 * Any thread; as fusion_free().
 */
FUSION_API int fusion_free_from(struct fusion_arena *arena, void **slot);

/**
 * Allocate a block that ends with this member: it is freed when the member
 * leaves or dies, if nobody has freed it before.
 *
 * @param size  bytes
 *
 * @return as fusion_malloc()
 *
 * Any thread; as fusion_malloc().  Who uses such a block of another member must
 * know that member to be inside.
 */
FUSION_API void *fusion_malloc_member(struct fusion_arena *arena, size_t size)
	__attribute__((malloc, alloc_size(2), warn_unused_result));

/**
 * Give free memory back to the system now: empty slabs of this thread and of
 * threads that are gone, and free runs of 256 KiB and more.
 *
 * @return bytes given back, or -ENOMEM, -EMFILE, -EINVAL
 *
 * Runs that have been free for half a second are given back anyway, by the
 * next call that needs spans.  Any thread; walks over the heap, holding the
 * lock for a moment at a time.
 */
FUSION_API int64_t fusion_heap_trim(struct fusion_arena *arena);

/** What the heap holds; see also memory/ in the tree. */
struct fusion_heap_stats {
	uint64_t used;	 /**< bytes of memory the arena has from the system */
	uint64_t limit;	 /**< the most it may have, 0 none */
	uint64_t blocks; /**< allocated blocks */
	uint64_t bytes;	 /**< and the bytes in them, as they may be used */
};

/**
 * Count what is allocated.
 *
 * @return 0, -EINVAL
 *
 * Any thread; no lock.  Walks over the heap while others go on: a picture of
 * no single moment.
 */
FUSION_API int fusion_heap_stats(struct fusion_arena *arena,
				 struct fusion_heap_stats *ret);

/**
 * A pool: a part of the heap with a limit of its own that can be destroyed as a
 * whole.  The handle is this process' and not to be shared; other members find
 * the pool by its name.  It shows in memory/pools.
 */
struct fusion_pool;

/**
 * Make a pool.
 *
 * @param name   1..63 bytes, no '/', no control characters, not starting '#';
 *               NULL makes one that has none
 * @param limit  most memory its blocks may take, in bytes, 0: no limit.  It is
 *               counted by spans of 64 KiB, of which each thread has one for
 *               each size it allocates
 * @param ret    a handle; give it back with fusion_pool_release() or
 *               fusion_pool_destroy(), before leaving the arena
 *
 * @return 0, -EEXIST the name is taken, -EINVAL or -ENAMETOOLONG bad name,
 *         -ENOSPC too many pools, -ENOMEM, -EMFILE
 *
 * Any thread; takes a short lock.  Atomic against death.
 */
FUSION_API int fusion_pool_create(struct fusion_arena *arena, const char *name,
				  size_t limit, struct fusion_pool **ret);

/**
 * Find a pool by its name.
 * @param ret  a handle, as from fusion_pool_create()
 * @return 0, -ENOENT, -EINVAL or -ENAMETOOLONG bad name, -ENOMEM, -EMFILE
 * Any thread; takes a short lock.
 */
FUSION_API int fusion_pool_find(struct fusion_arena *arena, const char *name,
				struct fusion_pool **ret);

/**
 * Allocate a block, or an array of zeros, from a pool.  fusion_realloc(),
 * fusion_free() and all others treat it as any block.
 *
 * @return as fusion_malloc() and fusion_calloc(); ENOMEM also when the pool's
 *         limit is reached, EINVAL when the pool is destroyed
 *
 * Any thread; as fusion_malloc().
 */
FUSION_API void *fusion_pool_malloc(struct fusion_pool *pool, size_t size)
	__attribute__((malloc, alloc_size(2), warn_unused_result));
FUSION_API void *fusion_pool_calloc(struct fusion_pool *pool, size_t n,
				    size_t size)
	__attribute__((malloc, alloc_size(2, 3), warn_unused_result));

/** What a pool takes. */
struct fusion_pool_stats {
	fusion_id_t id;
	uint64_t used;	/**< bytes, by spans of 64 KiB */
	uint64_t limit; /**< as given to fusion_pool_create() */
};

/** Ask for it.  0; -ENOENT the pool is destroyed; -EINVAL in the child of a
 *  fork.  Any thread; no lock. */
FUSION_API int fusion_pool_stats(struct fusion_pool *pool,
				 struct fusion_pool_stats *ret);

/** Give the handle back; the pool stays.  NULL, and what is no handle any more,
 *  is nothing to do. */
FUSION_API void fusion_pool_release(struct fusion_pool *pool);

/**
 * Free the pool and all blocks in it, and the handle.
 *
 * @param pool  NULL is nothing to do
 *
 * @return 0; -ENOENT it was destroyed already (the handle is freed); -ENOMEM,
 *         -EMFILE (it is not)
 *
 * Any thread; takes a short lock for each of its slabs and runs.  No member may
 * use the pool or its blocks any more; a handle that another still has fails
 * with EINVAL or -ENOENT from then on, also when its name is used again.
 * Killed in the middle: recovery does the rest.
 */
FUSION_API int fusion_pool_destroy(struct fusion_pool *pool);

FUSION_END_DECLS

#endif
