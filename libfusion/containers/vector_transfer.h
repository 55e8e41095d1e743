/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vector as one side of a transfer (transfer.h). */
#ifndef FUSION_VECTOR_TRANSFER_H
#define FUSION_VECTOR_TRANSFER_H

#include "libfusion/containers/transfer.h"
#include "libfusion/containers/vector_row.h"

extern const struct transfer_kind vector_transfer;

static inline struct transfer_side vector_side(struct fusion_vector *v,
					       uint64_t index)
{
	return (struct transfer_side){.c = (struct container *)v,
				      .kind = &vector_transfer,
				      .at = index};
}

/* Finish or undo the announced transfer.  0, -EIO, -ENOMEM, -EMFILE. */
int vector_settle_transfer(struct fusion_vector *v, struct fusion_arena *a);
/* Has a transfer been done that is still announced? */
bool vector_has_moved(const struct fusion_vector *v,
		      const struct fusion_arena *a);
/* Read the row as it is to be after that.  0, -EIO. */
int vector_look_moved(const struct fusion_vector *v, struct span *ret);

/* Finish or undo what a dead thread left.  0, -EIO, -ENOMEM, -EMFILE. */
static inline int vector_settle(struct fusion_vector *v, struct fusion_arena *a)
{
	int r = LIKELY(!v->op) ? 0 : vector_settle_transfer(v, a);

	return UNLIKELY(r < 0) ? r : twin_settle(&v->row, a);
}

#endif
