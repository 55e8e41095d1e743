/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_HEAP_OF_THREAD_H
#define FUSION_HEAP_OF_THREAD_H

#include "libfusion/heap/heap_private.h"

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

#endif
