/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery of the heap: what a death leaves of each operation. */
#ifndef FUSION_CORE_HEAP_RECOVER_H
#define FUSION_CORE_HEAP_RECOVER_H

#include "libfusion/core/heap/heap.h"

/*
 * The steps of recovery, in the order of recover.h; each is idempotent.
 * 0; -EIO the heap is damaged; -ETIMEDOUT as core_lock(); or as life_rec_get().
 */

/* Finish what @t announces about spans, then free the span lock. */
int heap_recover_intent(struct view *v, struct thread_rec *t);
/* Finish the malloc_to or free_from that @t announces. */
int heap_recover_pending(struct view *v, struct thread_rec *t);
/* Free or orphan the slabs and TXN words of the threads with these tokens, in
 * one pass over the span words. */
int heap_recover_tokens(struct view *v, const uint32_t *tokens, unsigned n);
/* Free the blocks that live as long as the member in @slot. */
int heap_recover_member(struct view *v, uint32_t slot);

#endif
