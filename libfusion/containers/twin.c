/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/twin.h"

int twin_begin(struct twin *t, struct fusion_arena *a, uint64_t size, void *ret)
{
	void **other = twin_other(t);
	int r = twin_settle(t, a);

	if (r == 0)
		r = fusion_malloc_to(a, size, other);
	if (r == 0)
		*(void **)ret = *other;
	return r;
}

/* Killed before the store: the next thread frees the new block.  Killed after
 * it: the next thread frees the old block. */
void twin_commit(struct twin *t, struct fusion_arena *a)
{
	compiler_fence();
	store_relaxed(&t->turns, t->turns + 1);
	compiler_fence();
	/* If this fails, the next thread does it. */
	slot_drop(a, twin_other(t));
}
