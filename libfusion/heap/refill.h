/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REFILL_H
#define FUSION_REFILL_H

#include "libfusion/heap/heap_private.h"

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

#endif
