/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of the heap's fast paths. */
#ifndef FUSION_HEAP_PRIVATE_H
#define FUSION_HEAP_PRIVATE_H

#include <errno.h>

#include "libfusion/arena/address.h"
#include "libfusion/core/base/track.h"
#include "libfusion/heap/tls.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Compute pointer @p here and once.  Without this, gcc computes it again from
 * its index, for each member that is an array. */
#define ONCE(p) __asm__("" : "+r"(p))

/* Compute the bytes of an array.  false and ENOMEM: the product overflows. */
static inline bool array_size(size_t n, size_t size, size_t *ret)
{
	if (!__builtin_mul_overflow(n, size, ret))
		return true;
	errno = ENOMEM;
	return false;
}

/* arena_of(), quicker for the arena that the thread used last. */
static inline struct fusion_arena *arena_at(const void *p)
{
	const struct tcache *c = tls_current;
	uint64_t off = (uint64_t)((const char *)p - c->base);

	/* `arena` is NULL once the process has left. */
	if (LIKELY(off < c->span && c->arena))
		return c->arena;
	return arena_of(p);
}

/*
 * Return the map byte of the block of @b that begins at offset @in of slab
 * @span; NULL: no block begins there.
 *
 * The product with the magic number divides by the block size.  Its upper half
 * is the quotient.  Its lower half is less
 * than the magic number if and only if there is no remainder; this holds for
 * small classes.
 */
static inline uint8_t *bin_map(const struct bin *b, uint64_t span, uint32_t in)
{
	uint64_t n = (uint64_t)(in - b->data_off) * b->magic;

	if (UNLIKELY((uint32_t)n >= b->magic || n >> 32 >= b->n_blocks))
		return NULL;
	return b->map_base + span * b->map_mul + (n >> 32);
}

#endif
