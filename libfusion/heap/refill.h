/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REFILL_H
#define FUSION_REFILL_H

#include "libfusion/heap/heap_private.h"

/* Fill the magazine or the bump run of @class; both must be empty.  false: no
 * memory. */
bool heap_refill(struct tcache *c, struct bins *bins, unsigned class);
/* Give a slab back if it is empty, when it has dropped as many frees as it has
 * blocks. */
void heap_maybe_release(struct tcache *c, struct bin *b, uint32_t span);
/* Give all empty slabs of the thread back. */
void heap_cache_trim(struct tcache *c);
/* Orphan all slabs of a thread that ends; cache_drop() comes next. */
void heap_cache_release(struct tcache *c);
/* Unmark all free blocks for AddressSanitizer and Valgrind. */
void heap_cache_untrack(struct tcache *c);

#endif
