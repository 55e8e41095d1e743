/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bins: which slabs a thread has. */
#ifndef FUSION_BIN_H
#define FUSION_BIN_H

#include "libfusion/heap/heap_private.h"

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

#endif
