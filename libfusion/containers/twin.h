/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Twins: two slots, by which a hash or vector changes its block
 *
 * Invariant: block[turns % 2] is the block in use.  The new block is allocated
 * in the other slot and filled.  The commit point is the store of `turns`,
 * then the old block is freed.  If the other slot has a block between two
 * changes, a thread has died and left it there.  It is the new block of a
 * change that was not committed, or the old block of one that was: nobody
 * needs it.
 */
#ifndef FUSION_LIBFUSION_TWIN_H
#define FUSION_LIBFUSION_TWIN_H

#include "libfusion/containers/container.h"

static inline void *twin_block(const struct twin *t)
{
	return t->block[t->turns & 1];
}

static inline void **twin_other(struct twin *t)
{
	return &t->block[~t->turns & 1];
}

static inline bool twin_is_settled(struct twin *t)
{
	return LIKELY(!*twin_other(t)) || SEED_BUG(65);
}

/* Free what a dead thread left in the other slot.  0, -ENOMEM, -EMFILE. */
static inline int twin_settle(struct twin *t, struct fusion_arena *a)
{
	return twin_is_settled(t) ? 0 : slot_drop(a, twin_other(t));
}

/* Allocate a new block, to be filled.  0, -ENOMEM, -EMFILE. */
int twin_begin(struct twin *t, struct fusion_arena *a, uint64_t size,
	       void *ret);
/* Use the new block from now on. */
void twin_commit(struct twin *t, struct fusion_arena *a);

#endif
