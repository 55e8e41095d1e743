/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * The heap: allocate memory that all members of an arena share.
 *
 * A block lies at one address in every member, and any member may free it.  It
 * stays when the member that allocated it leaves or dies; blocks of
 * fusion_malloc_member() are the exception.
 *
 * As in the C library, fusion_free() and fusion_usable_size() find the heap by
 * the address of the block, and need no arena.
 *
 * Functions that return a block return NULL and set errno on failure.  The
 * system has promised the memory of a block before the caller gets its address:
 * touching it never raises SIGBUS.
 *
 * Any thread may call these functions, but not a signal handler, and not for an
 * arena that another thread is exiting.  Most calls take no lock.  The heap is
 * divided into units of 64 KiB; calls that need whole units take a short lock.
 * A member that is stopped delays other members only if it holds that lock.
 *
 * A thread that is killed inside an allocating function may leak one block.
 * fusion_malloc_to() leaks none.
 *
 * Under Valgrind, and in a program built with AddressSanitizer, blocks that
 * this process has freed are marked, so that using them is reported.
 */
#ifndef FUSION_HEAP_H
#define FUSION_HEAP_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

struct fusion_arena;

/**
 * Free a block that any member allocated.
 *
 * @param ptr  a block of an arena that this process is in; NULL does nothing
 *
 * @return
 *   0        freed
 *   -EINVAL  nothing is freed: @ptr is not the address of a block, the block is
 *            free already, or this process is not in its arena.  The library
 *            writes a message (fusion_set_log()), and aborts the process if
 *            fusion_heap_abort_on_error() asked for it
 *   -ECHILD  likewise: this process is the child of a fork, and not in the
 *            arena of the block
 *   -EMFILE  the arena has no record left for this thread
 *   -ENOMEM  no memory is left for that record
 *
 * Any thread.  Takes a short lock for blocks of more than 128 KiB.
 */
FUSION_API int fusion_free(void *ptr);

/* For functions that return a block.  gcc 11 and later learn from it that
 * fusion_free() frees the block: they warn of free(fusion_strdup(...)), and of
 * a block that is used after fusion_free(). */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__INTEL_COMPILER)
#if __GNUC__ >= 11
#define FUSION_BLOCK_RESULT malloc(fusion_free, 1), warn_unused_result
#endif
#endif
#ifndef FUSION_BLOCK_RESULT
#define FUSION_BLOCK_RESULT warn_unused_result
#endif

/**
 * Allocate a block.
 *
 * @param arena  the arena
 * @param size   bytes; 0 gives a block too, with an address of its own
 *
 * @return the block, aligned to 16 bytes and not initialised, which belongs to
 *         the caller.  On failure NULL, and errno is
 *   - ENOMEM  the arena's limit, its address space or the machine's memory is
 *             used up
 *   - EMFILE  the arena has no record left for this thread
 *   - EINVAL  this process is not in the arena
 *   - ECHILD  likewise, since it is the child of a fork
 *
 * Any thread.  Takes a short lock for blocks of more than 128 KiB, and when the
 * thread needs a new slab (units with blocks of one size).
 */
FUSION_API void *fusion_malloc(struct fusion_arena *arena, size_t size)
	__attribute__((malloc, alloc_size(2), FUSION_BLOCK_RESULT));

/**
 * Allocate an array of zeros.
 *
 * @param arena  the arena
 * @param n      elements
 * @param size   bytes of each element
 *
 * @return the array, or NULL and errno as for fusion_malloc(); ENOMEM also if
 *         @n times @size overflows
 *
 * Any thread.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API void *fusion_calloc(struct fusion_arena *arena, size_t n,
			       size_t size)
	__attribute__((malloc, alloc_size(2, 3), FUSION_BLOCK_RESULT));

/**
 * Resize a block, in place where possible, else by copying it.
 *
 * @param arena  the arena: that of @ptr, or of the new block if @ptr is NULL
 * @param ptr    a block that any member allocated; NULL allocates a new one
 * @param size   bytes; 0 makes the block as small as possible and does not free
 *               it
 *
 * @return the block, perhaps at another address; or NULL and errno as for
 *         fusion_malloc(), and the old block is unchanged
 *   - EINVAL  also: @ptr is not an allocated block of @arena
 *
 * The block stays in its pool, and a block of fusion_malloc_member() keeps its
 * lifetime.
 *
 * Any thread; no other thread may use the block meanwhile.  Takes a short lock
 * for blocks of more than 128 KiB.  They grow in place if the memory behind
 * them is free.
 */
FUSION_API void *fusion_realloc(struct fusion_arena *arena, void *ptr,
				size_t size)
	__attribute__((alloc_size(3), FUSION_BLOCK_RESULT));

/**
 * Allocate a block with an alignment.
 *
 * @param arena      the arena
 * @param alignment  bytes: a power of two, at most 1 GiB
 * @param size       bytes; need not be a multiple of @alignment
 *
 * @return the block, or NULL and errno as for fusion_malloc()
 *   - EINVAL  also: @alignment is not valid
 *
 * Any thread.  Takes a short lock when fusion_malloc() does.  fusion_realloc()
 * keeps no alignment of more than 16 bytes.
 */
FUSION_API void *fusion_aligned_alloc(struct fusion_arena *arena,
				      size_t alignment, size_t size)
	__attribute__((malloc, alloc_size(3), FUSION_BLOCK_RESULT));

/**
 * Copy a string into the heap.
 *
 * @param arena   the arena
 * @param string  NUL-terminated, in shared or private memory
 *
 * @return the copy, or NULL and errno as for fusion_malloc()
 *
 * Any thread.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API char *fusion_strdup(struct fusion_arena *arena, const char *string)
	__attribute__((malloc, FUSION_BLOCK_RESULT));

/**
 * Choose whether freeing a wrong pointer aborts the process.
 *
 * @param on  true aborts after the message; false, the default, lets the call
 *            fail
 *
 * The choice is that of the whole process and all its arenas.  Call this before
 * other threads use the heap.  Does not block.
 */
FUSION_API void fusion_heap_abort_on_error(bool on);

/**
 * Get the number of bytes that may be used at a block.
 *
 * @param ptr  a block, or any other pointer
 *
 * @return the bytes, at least as many as were asked for; 0 if @ptr is not an
 *         allocated block of an arena that this process is in
 *
 * Any thread.  Takes no lock.
 */
FUSION_API size_t fusion_usable_size(const void *ptr);

/**
 * Allocate a block and store its address in a shared slot, in one step.
 *
 * @param arena  the arena
 * @param size   bytes
 * @param slot   a pointer in the arena, aligned to 8 bytes.  Its old value is
 *               lost.  Until the call returns, other threads may read the slot,
 *               but may neither write to it nor free the block
 *
 * @return
 *   0        *slot is the address of the block
 *   -ENOMEM  no memory is left
 *   -EINVAL  @slot is not in the arena, or not aligned; or this process is not
 *            in the arena
 *   -ECHILD  this process is the child of a fork
 *
 * If the caller is killed, the slot has the block, or no block is allocated.
 * The store to the slot is a release.
 *
 * Any thread.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API int fusion_malloc_to(struct fusion_arena *arena, size_t size,
				void **slot);

/**
 * Free the block that a shared slot points to and clear the slot, in one step.
 *
 * @param slot  a pointer in an arena that this process is in, aligned to 8
 *              bytes; no other thread may write to it meanwhile
 *
 * @return
 *   0        *slot is NULL and its block is free; also if it was NULL before
 *   -EINVAL  @slot is in no such arena or not aligned, or does not point to a
 *            block of that arena
 *   -ECHILD  this process is the child of a fork
 *
 * If the caller is killed, the slot is NULL and the block free, or neither.
 *
 * Any thread.  Takes a short lock when fusion_free() does.
 */
FUSION_API int fusion_free_from(void **slot);

/**
 * Allocate a block that is freed when this member leaves or dies.
 *
 * @param arena  the arena
 * @param size   bytes
 *
 * @return the block, or NULL and errno as for fusion_malloc()
 *
 * Any member may free the block earlier.  A thread of another member must not
 * use it unless it knows that its owner is still a member.
 *
 * Any thread.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API void *fusion_malloc_member(struct fusion_arena *arena, size_t size)
	__attribute__((malloc, alloc_size(2), FUSION_BLOCK_RESULT));

/**
 * Give free memory back to the system now.
 *
 * @param arena  the arena
 *
 * @return the number of bytes given back; or
 *   -EINVAL  this process is not in the arena
 *   -ECHILD  this process is the child of a fork
 *
 * Gives back empty slabs of this thread and of threads that have ended, and
 * free runs of units of 256 KiB and more.  Without this call, a run that has
 * been free for half a second is given back by the next call that needs units.
 *
 * Any thread.  Walks over the whole heap, taking a short lock again and again.
 */
FUSION_API int64_t fusion_heap_trim(struct fusion_arena *arena);

/** What the heap contains; see also memory/ in the mounted tree. */
struct fusion_heap_stat {
	uint64_t used;	 /**< bytes that the arena has from the system */
	uint64_t limit;	 /**< most bytes it may have; 0: no limit */
	uint64_t blocks; /**< allocated blocks */
	uint64_t bytes;	 /**< usable bytes of all allocated blocks */
};

/**
 * Count what is allocated in the heap.
 *
 * @param arena  the arena
 * @param ret    receives the numbers
 * @param size   sizeof(struct fusion_heap_stat)
 *
 * @return
 *   0        counted
 *   -EINVAL  this process is not in the arena, @ret is NULL, or @size is 0
 *   -ECHILD  this process is the child of a fork
 *
 * Any thread.  Takes no lock: walks over the heap while others change it, so
 * the numbers are not those of one moment.
 */
FUSION_API int fusion_heap_stat(struct fusion_arena *arena,
				struct fusion_heap_stat *ret, size_t size);

/**
 * A heap pool: a part of the heap with a limit of its own, which can be
 * destroyed as a whole.
 *
 * The handle is private to this process; other members find the pool by its
 * name or its id.  In the mounted tree heap pools are listed in memory/pools.
 */
struct fusion_heap_pool;

/** How to create a heap pool. */
struct fusion_heap_pool_options {
	size_t size;	/**< sizeof(struct fusion_heap_pool_options) */
	uint64_t limit; /**< most memory of its blocks in bytes; 0 has no
			     limit.  The limit counts units of 64 KiB.  Each
			     thread uses units of its own, one at least for
			     each size of block that it allocates */
};

/** All defaults; and the size, which must be set. */
#define FUSION_HEAP_POOL_OPTIONS_INIT                      \
	{                                                  \
		sizeof(struct fusion_heap_pool_options), 0 \
	}

/**
 * Create a heap pool.
 *
 * @param arena    the arena
 * @param name     unique among the arena's heap pools: 1 to 63 bytes without
 *                 '/' and control characters, not beginning with '.' or '#'.
 *                 NULL creates a pool without a name
 * @param options  how to create it, or NULL for all defaults
 * @param ret      receives the handle.  Give it back with
 *                 fusion_heap_pool_release() or fusion_heap_pool_destroy()
 *                 before exiting the arena
 *
 * @return
 *   0              created
 *   -EEXIST        another heap pool has that name
 *   -EINVAL        @name or @options is not valid, @ret is NULL, or this
 *                  process is not in the arena
 *   -ECHILD        this process is the child of a fork
 *   -E2BIG         @options asks for what this library does not know
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -ENOSPC        the arena has no room for another heap pool
 *   -ENOMEM        no memory is left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_heap_pool_create(struct fusion_arena *arena, const char *name,
			const struct fusion_heap_pool_options *options,
			struct fusion_heap_pool **ret);

/**
 * Find a heap pool by its name, or create it if no pool has the name.
 *
 * @param arena    the arena
 * @param name     as for fusion_heap_pool_create(), but not NULL
 * @param options  how to create it, or NULL for all defaults.  A pool that
 *                 exists keeps its limit
 * @param ret      receives a handle; give it back as for
 *                 fusion_heap_pool_create()
 *
 * @return 0 if found or created; errors as for fusion_heap_pool_create(), but
 *         not -EEXIST
 *
 * Of several members that call this at once, one creates the pool, and the
 * others find it.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_heap_pool_open(struct fusion_arena *arena, const char *name,
		      const struct fusion_heap_pool_options *options,
		      struct fusion_heap_pool **ret);

/**
 * Find a heap pool by its name.
 *
 * @param arena  the arena
 * @param name   the name
 * @param ret    receives a handle; give it back as for
 *               fusion_heap_pool_create()
 *
 * @return
 *   0              found
 *   -ENOENT        no heap pool has that name
 *   -EINVAL        no heap pool can have that name, @ret is NULL, or this
 *                  process is not in the arena
 *   -ECHILD        this process is the child of a fork
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -ENOMEM        no memory is left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_heap_pool_lookup(struct fusion_arena *arena,
				       const char *name,
				       struct fusion_heap_pool **ret);

/**
 * Find a heap pool by its id.
 *
 * @param arena  the arena
 * @param id     the id
 * @param ret    receives a handle; give it back as for
 *               fusion_heap_pool_create()
 *
 * @return
 *   0        found
 *   -ENOENT  no heap pool has that id
 *   -EINVAL  @id is 0, @ret is NULL, or this process is not in the arena
 *   -ECHILD  this process is the child of a fork
 *   -ENOMEM  no memory is left
 *
 * Takes time in proportion to the number of heap pools.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_heap_pool_get(struct fusion_arena *arena, fusion_id_t id,
				    struct fusion_heap_pool **ret);

/**
 * Get the id of a heap pool.
 *
 * @param pool  the pool
 *
 * @return the id, also if the pool is destroyed; 0 if @pool is no handle of
 *         this process
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_heap_pool_id(const struct fusion_heap_pool *pool);

/**
 * Allocate a block from a heap pool.
 *
 * @param pool  the pool
 * @param size  bytes
 *
 * @return the block, or NULL and errno as for fusion_malloc()
 *   - ENOMEM  also: the pool's limit is reached
 *   - EIDRM   the pool is destroyed
 *
 * fusion_realloc(), fusion_free() and the other functions take the block like
 * any block.
 *
 * Any thread.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API void *fusion_heap_pool_malloc(struct fusion_heap_pool *pool,
					 size_t size)
	__attribute__((malloc, alloc_size(2), FUSION_BLOCK_RESULT));
/**
 * Allocate an array of zeros from a heap pool.
 *
 * @param pool  the pool
 * @param n     elements
 * @param size  bytes of each element
 *
 * @return the array, or NULL and errno as for fusion_heap_pool_malloc(); ENOMEM
 *         also if @n times @size overflows
 *
 * Any thread.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API void *fusion_heap_pool_calloc(struct fusion_heap_pool *pool,
					 size_t n, size_t size)
	__attribute__((malloc, alloc_size(2, 3), FUSION_BLOCK_RESULT));

/** What a heap pool contains. */
struct fusion_heap_pool_stat {
	fusion_id_t id;	   /**< fusion_heap_pool_id() */
	uint32_t reserved; /**< 0 */
	uint64_t used;	   /**< bytes, counted in units of 64 KiB */
	uint64_t limit;	   /**< as given to fusion_heap_pool_create() */
};

/**
 * Get the numbers of a heap pool.
 *
 * @param pool  the pool
 * @param ret   receives the numbers
 * @param size  sizeof(struct fusion_heap_pool_stat)
 *
 * @return
 *   0        done
 *   -EIDRM   the pool is destroyed
 *   -EINVAL  @pool is no handle of an arena that this process is in, @ret is
 *            NULL, or @size is 0
 *   -ECHILD  this process is the child of a fork
 *
 * Any thread.  Takes no lock of the arena.
 */
FUSION_API int fusion_heap_pool_stat(struct fusion_heap_pool *pool,
				     struct fusion_heap_pool_stat *ret,
				     size_t size);

/**
 * Give back the handle of a heap pool; the pool stays.
 *
 * @param pool  the handle; NULL, or a pointer that is no longer a handle, does
 *              nothing
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API void fusion_heap_pool_release(struct fusion_heap_pool *pool);

/**
 * Destroy a heap pool with all its blocks, and give back the handle.
 *
 * @param pool  the handle; NULL does nothing
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the pool was destroyed before; the handle is given back
 *   -EINVAL  no handle of an arena that this process is in
 *   -ECHILD  this process is the child of a fork
 *
 * No member may use the pool or its blocks any more.  Calls with another
 * member's handle fail with EIDRM from now on, even if a new pool gets the
 * name.  If the caller is killed, recovery destroys the rest.
 *
 * Any thread.  Takes a short lock for each slab and each run of the pool.
 */
FUSION_API int fusion_heap_pool_destroy(struct fusion_heap_pool *pool);

FUSION_END_DECLS

#endif
