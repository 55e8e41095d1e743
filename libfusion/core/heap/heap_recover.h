/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery of the heap: what a death leaves of each operation. */
#ifndef FUSION_CORE_HEAP_RECOVER_H
#define FUSION_CORE_HEAP_RECOVER_H

#include "libfusion/core/heap/heap.h"

/* Recovery, in the order of recover.h; each idempotent.  0 or -EIO. */
int heap_recover_intent(struct view *v, struct thread_rec *t);
int heap_recover_pending(struct view *v, struct thread_rec *t);
/* Slabs and TXN words of the threads with these tokens: orphaned or freed, in
 * one pass over the span words. */
int heap_recover_tokens(struct view *v, const uint32_t *tokens, unsigned n);
/* Member-lifetime blocks of the member in @slot. */
int heap_recover_member(struct view *v, uint32_t slot);

#endif
