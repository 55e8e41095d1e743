/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_HEAP_OF_THREAD_H
#define FUSION_HEAP_OF_THREAD_H

#include "libfusion/heap/heap_private.h"

void heap_classes_init(void);
unsigned heap_class_of(uint64_t size);
/* Take a free block of this thread, not yet committed.  p is NULL: no memory.
 */
struct block_ref heap_take(struct tcache *c, struct bins *bins, unsigned class);
/* The commit point of fusion_malloc(). */
void *heap_commit(struct tcache *c, struct block_ref r, uint32_t size);
/* Allocate a block; NULL and errno on failure. */
void *heap_alloc(struct tcache *c, struct bins *bins, uint64_t size);
/* Allocate a zeroed block.  On failure the caller makes the message. */
void *heap_alloc_zeroed(struct fusion_arena *arena, size_t size);
void *heap_alloc_run(struct tcache *c, uint64_t purpose, uint64_t size,
		     uint32_t align_spans);

#endif
