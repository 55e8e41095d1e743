/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the heap's thread side share. */
#ifndef FUSION_HEAP_PRIVATE_H
#define FUSION_HEAP_PRIVATE_H

#include "libfusion/tls.h"

/* refill.c: a block of @class when magazine and run are empty; NULL. */
struct block_ref heap_refill(struct tcache *c, struct bins *bins,
			     unsigned class);
/* A slab has had as many frees dropped as it has blocks: is it empty? */
void heap_maybe_release(struct tcache *c, struct bins *bins, unsigned class,
			uint32_t span);
/* The thread's bins for spans with this word's pool and lifetime; NULL if it
 * has none and @make is false, or no memory. */
struct bins *heap_bins(struct tcache *c, uint64_t word, bool make);

/* heap.c: the pool of these bins was destroyed. */
bool heap_bins_stale(struct tcache *c, const struct bins *b);

void *heap_alloc(struct tcache *c, struct bins *bins, uint64_t size,
		 uint32_t align_spans);
/* Report a wrong free of @p; -EINVAL. */
int heap_error(const char *what, const void *p);

#endif
