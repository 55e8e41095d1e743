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
 *
 * A transfer (transfer.h) announces in vector.op how the row is to be: which of
 * the twins it is, and its range.  Both are stored after the commit point,
 * which is the transfer's.  VECTOR_SETTLING then says that the announced row
 * counts no more: fusion_vector_add() does not look at vector.op, so the row
 * may change before vector.op is cleared.
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

enum vector_op {
	VECTOR_IDLE = 0,
	VECTOR_TRANSFER = 1, /* announced */
	VECTOR_SETTLING = 2, /* the row is as it is to be */
};

struct fusion_vector {
	struct container c;
	struct twin row;
	uint64_t then_range; /* the row after the announced transfer, and */
	uint32_t then_turns; /* which of the twins it is */
	uint32_t op;
	uint64_t transfer; /* transfer.h */
};
static_assert(sizeof(struct fusion_vector) == 80, "ABI: another kind");

#endif
