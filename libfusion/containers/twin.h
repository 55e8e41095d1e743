/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two slots, of which one counts: how a hash or vector changes its block
 *
 * The new block is made in the other slot and filled; the commit is the store
 * of `turns`, which says whose turn it is; then the old one is freed.  Whatever
 * the other slot has between two changes was left by somebody who died, before
 * the commit or after it, and nobody needs it.
 */
#ifndef FUSION_LIBFUSION_TWIN_H
#define FUSION_LIBFUSION_TWIN_H

#include "libfusion/containers/container.h"

/* Shared: every byte is ABI. */
struct twin {
	void *block[2];
	uint32_t turns; /* block[turns % 2] counts, NULL at first */
	uint32_t pad;
};
static_assert(sizeof(struct twin) == 24, "ABI: another kind");

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

/* The dead leave nothing in the other slot.  0, -ENOMEM, -EMFILE. */
static inline int twin_settle(struct twin *t, struct fusion_arena *a)
{
	return twin_is_settled(t) ? 0 : slot_drop(a, twin_other(t));
}

/* A new block, to be filled.  0, -ENOMEM, -EMFILE. */
int twin_begin(struct twin *t, struct fusion_arena *a, uint64_t size,
	       void *ret);
/* It counts from now on. */
void twin_commit(struct twin *t, struct fusion_arena *a);

#endif
