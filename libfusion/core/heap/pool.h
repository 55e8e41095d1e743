/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools: named parts of the heap with a limit, destroyed as a whole
 *
 * A pool is a number in the words of its spans and a record.  It is charged
 * by the span, under span_lock.  Commit of create: state USED; of destroy:
 * state DYING, after which recovery frees what is left of its spans.
 */
#ifndef FUSION_CORE_POOL_H
#define FUSION_CORE_POOL_H

#include "libfusion/core/file/heap_layout.h"
#include "libfusion/core/heap/heap.h"

enum pool_op { POOL_OP_DESTROY = 1 }; /* a = index */

uint32_t pool_max(const struct view *v);
/* Record of pool @i, 1..; NULL if there never was one. */
struct pool_rec *pool_at(const struct view *v, uint32_t i);

/* NULL: no name.  0, -EEXIST, -ENOSPC, -EINVAL, -ENAMETOOLONG, -ENOMEM. */
int pool_create(struct view *v, struct thread_rec *me, const char *name,
		uint64_t limit, uint32_t *ret);
/* 0, -ENOENT, -EINVAL, -ENAMETOOLONG. */
int pool_find(struct view *v, struct thread_rec *me, const char *name,
	      uint32_t *ret);
int pool_destroy(struct view *v, struct thread_rec *me, uint32_t i);

/* Under span_lock.  0, -EDQUOT over the limit or being destroyed. */
int pool_charge(struct view *v, uint32_t i, uint32_t n);
void pool_uncharge(struct view *v, uint32_t i, uint32_t n);
/* Count again from the words, after a death; under span_lock. */
void pool_recount(struct view *v);

int heap_recover_pool(struct view *v, struct thread_rec *t);
/* Pools for the lens: index 0.. ; -ENOENT hole, -ERANGE end. */
int pool_copy(const struct view *v, uint32_t i, struct pool_info *ret);

#endif
