/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the heap's thread side share. */
#ifndef FUSION_HEAP_PRIVATE_H
#define FUSION_HEAP_PRIVATE_H

#include <errno.h>

#include "libfusion/arena/tls.h"
#include "libfusion/core/base/track.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Compute pointer @p here and once: gcc would rather do it again, from the
 * index it came from, for each member that is an array. */
#define ONCE(p) __asm__("" : "+r"(p))

/* The bytes of an array; false with ENOMEM if there are too many to count. */
static inline bool array_size(size_t n, size_t size, size_t *ret)
{
	if (!__builtin_mul_overflow(n, size, ret))
		return true;
	errno = ENOMEM;
	return false;
}

/*
 * The map byte of the block of @b that begins at offset @in of slab @span; NULL
 * if none does.  Upper half of the product: the quotient.  Lower half: less
 * than the magic number if and only if there is no remainder (small classes).
 */
static inline uint8_t *bin_map(const struct bin *b, uint64_t span, uint32_t in)
{
	uint64_t n = (uint64_t)(in - b->data_off) * b->magic;

	if (UNLIKELY((uint32_t)n >= b->magic || n >> 32 >= b->n_blocks))
		return NULL;
	return b->map_base + span * b->map_mul + (n >> 32);
}

/* --- bin.c ---------------------------------------------------------------- */

/* Zeros, aligned to CACHE_LINE, of which @size is a multiple. */
void *cache_line_alloc(size_t size);
void bins_init(struct fusion_arena *a, struct bins *bins, uint64_t purpose);
/* The thread's bins for a purpose that is not main's; NULL if it has none and
 * @make is false, or no memory. */
struct bins *bins_get(struct tcache *c, uint64_t purpose, bool make);
/* The pool of these bins was destroyed. */
bool bins_stale(const struct tcache *c, const struct bins *b);

static inline struct bins *bins_of(struct tcache *c, uint64_t word)
{
	uint64_t purpose = WORD_PURPOSE(word);

	return LIKELY(!purpose) ? &c->main : bins_get(c, purpose, false);
}

/* Room for one more slab in the list, or false. */
bool bin_room(struct bin *b);
/* Add a slab that has free blocks; there is room. */
void bin_add(struct fusion_arena *a, struct bin *b, uint32_t span);
void bin_remove(struct fusion_arena *a, struct bin *b, uint32_t span);
/* hasfree was set, or is no more. */
void bin_ready(struct fusion_arena *a, struct bin *b, uint32_t span);
void bin_spent(struct fusion_arena *a, struct bin *b, uint32_t span);

/* Private memory of the cache, but for itself. */
void cache_init(struct tcache *c);
void cache_drop(struct tcache *c);

/* --- refill.c ------------------------------------------------------------- */

/* Fill magazine or bump run of @class; both are empty.  false: no memory. */
bool heap_refill(struct tcache *c, struct bins *bins, unsigned class);
/* A slab has had as many frees dropped as it has blocks: is it empty? */
void heap_maybe_release(struct tcache *c, struct bin *b, uint32_t span);
/* Give back all empty slabs of the thread. */
void heap_cache_trim(struct tcache *c);
/* The thread ends: all its slabs to others; then cache_drop(). */
void heap_cache_release(struct tcache *c);
/* Open all blocks to everybody, in ASan's and Valgrind's eyes. */
void heap_cache_untrack(struct tcache *c);

/* --- heap.c --------------------------------------------------------------- */

void heap_classes_init(void);
unsigned heap_class_of(uint64_t size);
/* A free block of mine, not yet committed; p NULL if there is no memory. */
struct block_ref heap_take(struct tcache *c, struct bins *bins, unsigned class);
/* Commit of malloc. */
void *heap_commit(struct tcache *c, struct block_ref r, uint32_t size);
/* NULL and errno. */
void *heap_alloc(struct tcache *c, struct bins *bins, uint64_t size);
/* Zeroed, by who speaks for itself when there is none. */
void *heap_alloc_zeroed(struct fusion_arena *arena, size_t size);
void *heap_alloc_run(struct tcache *c, uint64_t purpose, uint64_t size,
		     uint32_t align_spans);

/* --- free.c --------------------------------------------------------------- */

/* Find an allocated block; 0, or -EINVAL and reported. */
int heap_find(struct tcache *c, const void *p, struct block *ret);
/* Free what heap_find() found.  @pend as for span_free(). */
int heap_free_block(struct tcache *c, const struct block *b,
		    struct thread_rec *pend);

#endif
