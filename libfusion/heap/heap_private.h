/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the heap's thread side share. */
#ifndef FUSION_HEAP_PRIVATE_H
#define FUSION_HEAP_PRIVATE_H

#include <errno.h>

#include "libfusion/core/base/track.h"
#include "libfusion/heap/tls.h"

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

#endif
