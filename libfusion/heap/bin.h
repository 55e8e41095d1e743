/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bins: the slabs of a thread, by size class. */
#ifndef FUSION_BIN_H
#define FUSION_BIN_H

#include "libfusion/heap/heap_private.h"

/* Allocate zeros, aligned to CACHE_LINE; @size is a multiple of that. */
void *cache_line_alloc(size_t size);
/* Return the thread's bins for a purpose other than main's.  NULL: there are
 * none and @make is false, or no memory is left. */
struct bins *bins_get(struct tcache *c, uint64_t purpose, bool make);
/* Was the pool of these bins destroyed? */
bool bins_stale(const struct tcache *c, const struct bins *b);

static inline struct bins *bins_of(struct tcache *c, uint64_t word)
{
	uint64_t purpose = WORD_PURPOSE(word);

	return LIKELY(!purpose) ? &c->main : bins_get(c, purpose, false);
}

/* Make room for one more slab in the list.  false: no memory. */
bool bin_room(struct bin *b);
/* Add a slab that has free blocks; bin_room() has made room. */
void bin_add(struct fusion_arena *a, struct bin *b, uint32_t span);
void bin_remove(struct fusion_arena *a, struct bin *b, uint32_t span);
/* Move a slab whose hasfree was set or cleared to its part of the list. */
void bin_ready(struct fusion_arena *a, struct bin *b, uint32_t span);
void bin_spent(struct fusion_arena *a, struct bin *b, uint32_t span);

/* Initialise a cache; free the memory that it has, but not the cache itself. */
void cache_init(struct tcache *c);
void cache_drop(struct tcache *c);

#endif
