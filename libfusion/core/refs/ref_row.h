/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of rows, and the chain of each member. */
#ifndef FUSION_CORE_REF_ROW_H
#define FUSION_CORE_REF_ROW_H

#include "libfusion/core/refs/ref_private.h"

/* Tell whether the row counts anything. */
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

/* The number of rows that were ever used; it bounds each walk over them. */
uint32_t rows_hi(const struct view *v);
/*
 * Make a row for member @who of ref @ref, in its member's chain, announced as
 * SPARE in @me.
 *
 *   0 and *ret_index, *ret_gen
 *   -ESRCH   the member is not inside, or not any more
 *   -ENOSPC  all rows are in use
 *   -ENOMEM  the arena cannot grow
 *   -EIO, -ETIMEDOUT
 */
int row_make(struct view *v, struct thread_rec *me, struct ref_member who,
	     uint32_t ref, uint32_t ref_id, uint32_t *ret_index,
	     uint32_t *ret_gen);
/* Free row @i, which is in no ref's chain, if it still has that generation.  0,
 * -EIO, -ETIMEDOUT. */
int row_free(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen);
/* Tell whether row @i is used and still has that generation. */
bool row_is(const struct view *v, uint32_t i, uint32_t gen);
/* Finish or undo what @t did under rows.lock, before that is freed.  0; -EIO.
 */
int row_recover_locked(struct view *v, struct thread_rec *t);
/* Allow no more rows for the member in @slot, and find its first row: index + 1
 * (0 none), and its generation.  Once the lock is free another thread may end
 * that row, and it may be a living member's.  0, -EIO, -ETIMEDOUT. */
int rows_close(struct view *v, struct thread_rec *me, uint32_t slot,
	       uint32_t *ret_first, uint32_t *ret_gen);

#endif
