/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocks between slots, for who has no part of the heap of his own: recovery
 * and the daemon
 *
 * What libfusion/heap/slot.c does with the caches of a thread is done here with
 * nothing but the tables.  The announcement is the same, so that one recovery
 * serves both.
 */
#ifndef FUSION_CORE_BLOCK_H
#define FUSION_CORE_BLOCK_H

#include "libfusion/core/heap/slab.h"

/* The slot at offset @slot gets the block at @ptr (0: span_alloc() says which),
 * or loses it. */
static inline void pending_announce(struct thread_rec *t, enum pending mode,
				    uint64_t slot, uint64_t ptr)
{
	t->heap[0] = mode;
	t->pend_ptr = ptr;
	compiler_fence();
	t->pend_slot = slot;
	compiler_fence();
}

static inline void pending_clear(struct thread_rec *t)
{
	compiler_fence();
	t->pend_ptr = 0;
	compiler_fence();
	t->pend_slot = 0;
	compiler_fence();
}

/*
 * Free what the slot at offset @slot has: afterwards it is 0, whatever was in
 * it.  0; -EINVAL there was no block (any more); -EIO; -ETIMEDOUT the slot
 * still has it.  Killed: as fusion_free_from().
 */
int block_free_from(struct view *v, struct thread_rec *me, uint64_t slot);
/* Have the slot at @slot, which is 0, name a fresh block of @size bytes, in
 * spans of its own.  0, -ENOMEM, -ETIMEDOUT.  Killed: as fusion_malloc_to(). */
int block_alloc_to(struct view *v, struct thread_rec *me, uint64_t size,
		   uint64_t slot);
/* Bytes that may be used of the block that the slot at @slot names, and where
 * it is in this process; 0 it names none. */
uint64_t block_in(const struct view *v, uint64_t slot, void **ret);

#endif
