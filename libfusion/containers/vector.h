/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vector: a row of values, with room at both ends
 *
 * Invariant: row.range, one word, says where the first value is and how many
 * there are.  Its store is the commit point of a change at either end; a new
 * value is written before.  A change in the middle copies the row, as it is to
 * be, to a new block, whose commit point is twin_commit() (twin.h).  So a
 * reader never sees half a change, and settling only frees a block that a dead
 * thread left.
 */
#ifndef FUSION_LIBFUSION_VECTOR_H
#define FUSION_LIBFUSION_VECTOR_H

#include <fusion/vector.h>

#include "libfusion/containers/twin.h"

#define ROW_MARK 0x726f7701u
#define ROW_MIN 12 /* values; a block of 128 bytes */

/* Shared: every byte is ABI. */
struct row {
	uint32_t mark;
	uint32_t cap;
	uint64_t range; /* RANGE(first, n) */
	uint64_t pad[2];
	struct fusion_value values[];
};
static_assert(sizeof(struct row) == 32, "ABI: another kind");
static_assert(offsetof(struct row, range) == offsetof(struct twin_head, n),
	      "the daemon reads it");

#define RANGE(first, n) ((uint64_t)(first) << 32 | (n))
#define RANGE_FIRST(range) ((range) >> 32)
#define RANGE_N(range) ((uint32_t)(range))

struct fusion_vector {
	struct container c;
	struct twin row;
};
static_assert(sizeof(struct fusion_vector) == 56, "ABI: another kind");

/* Read the row in use, NULL if there is none yet, and count its values.  0,
 * -EIO. */
int vector_look(const struct fusion_vector *v, struct fusion_arena *a,
		const struct row **ret_row, uint64_t *ret_n);

#endif
