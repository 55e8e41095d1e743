/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_FREE_H
#define FUSION_FREE_H

#include "libfusion/heap/heap_private.h"

/* Find the allocated block at @p.  0; -EINVAL: none is there. */
int heap_find(struct tcache *c, const void *p, struct block *ret);
/* Free a block that heap_find() has found.  @pend is that of span_free(). */
int heap_free_block(struct tcache *c, const struct block *b,
		    struct thread_rec *pend);
/* Count the bytes that may be used at @p.  0: no allocated block of @arena
 * begins there. */
size_t heap_usable_size(const struct fusion_arena *arena, const void *p);

#endif
