/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows: the local counts of members, and the chain of each member. */
#ifndef FUSION_CORE_REF_ROW_H
#define FUSION_CORE_REF_ROW_H

#include "libfusion/core/refs/ref_private.h"

/* Does it count anything? */
static inline bool row_counts(const struct ref_row *row)
{
	return ROW_COUNT(load_relaxed(&row->word)) ||
	       load_relaxed(&row->pending) || load_relaxed(&row->fork);
}

static inline uint32_t row_index(const struct view *v,
				 const struct ref_row *row)
{
	return (uint32_t)(row - row_at(v, 0));
}

/* The first @n bounds every walk over rows and refs. */
uint32_t rows_hi(const struct view *v);
/* A new row for member @who of ref @ref, in its member's chain, announced as
 * SPARE in @me.  -ESRCH no such member (any more), -ENOSPC, -ENOMEM. */
int row_make(struct view *v, struct thread_rec *me, struct ref_member who,
	     uint32_t ref, uint32_t ref_id, uint32_t *ret_index,
	     uint32_t *ret_gen);
/* Free row @i, in no ref's chain, if it has that generation still. */
int row_free(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen);
/* Has nobody else got it meanwhile? */
bool row_is(const struct view *v, uint32_t i, uint32_t gen);
int row_recover_locked(struct view *v, struct thread_rec *t);
/* First row of the member in @slot, index + 1, and its generation: without the
 * lock another may end it, and it may be a living member's.  After that none is
 * made for this one any more. */
int rows_close(struct view *v, struct thread_rec *me, uint32_t slot,
	       uint32_t *ret_first, uint32_t *ret_gen);

#endif
