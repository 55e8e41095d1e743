/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blocks and slots, for threads that have no caches of the heap
 *
 * A slot is a word in the arena that holds the address of a block, or 0.
 * libfusion/heap/slot.c moves blocks into and out of slots with the caches of a
 * thread; this file does it with the shared tables alone, for recovery and the
 * daemon.  Both announce it in one form, so one recovery serves both.
 */
#ifndef FUSION_CORE_BLOCK_H
#define FUSION_CORE_BLOCK_H

#include "libfusion/core/heap/slab.h"

/* Announce that the slot at offset @slot is about to get the block at @ptr, or
 * to lose it.  @ptr 0: span_alloc() fills it in. */
static inline void pending_announce(struct thread_rec *t, enum pending mode,
				    uint64_t slot, uint64_t ptr)
{
	t->heap[0] = mode;
	t->pend_ptr = ptr;
	compiler_fence();
	t->pend_slot = slot;
	compiler_fence();
}

/* End what pending_announce() announced. */
static inline void pending_clear(struct thread_rec *t)
{
	compiler_fence();
	t->pend_ptr = 0;
	compiler_fence();
	t->pend_slot = 0;
	compiler_fence();
}

/*
 * Free the block that the slot at offset @slot names, and store 0 in the slot,
 * whatever was in it.  A death leaves what one in fusion_free_from() leaves.
 * 0; also if the slot was 0.
 * -EINVAL the slot named no block.
 * -ETIMEDOUT as core_lock(); the slot still names the block.
 */
int block_free_from(struct view *v, struct thread_rec *me, uint64_t slot);
/*
 * Allocate a block of @size bytes, in spans of its own, and store its address
 * in the slot at @slot, which is 0.  A death leaves what one in
 * fusion_malloc_to() leaves.
 * 0, -ENOMEM, -ETIMEDOUT.
 */
int block_alloc_to(struct view *v, struct thread_rec *me, uint64_t size,
		   uint64_t slot);
/* Find the block that the slot at @slot names: its usable bytes, and in *ret
 * where it is in this process.  0: the slot names none. */
uint64_t block_in(const struct view *v, uint64_t slot, void **ret);

#endif
