/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_FREE_H
#define FUSION_FREE_H

#include "libfusion/heap/heap_private.h"

/* Find an allocated block; 0, or -EINVAL and reported. */
int heap_find(struct tcache *c, const void *p, struct block *ret);
/* Free what heap_find() found.  @pend as for span_free(). */
int heap_free_block(struct tcache *c, const struct block *b,
		    struct thread_rec *pend);

#endif
