/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Geometry: where everything lies in an arena's file
 *
 * All positions follow from the span and the number of members.  Invariant: a
 * process computes them, and never takes a position from memory that others can
 * write.
 */
#ifndef FUSION_CORE_GEOMETRY_H
#define FUSION_CORE_GEOMETRY_H

#include <stdint.h>

#include "libfusion/core/file/layout.h"

/* Where the table of a kind is, and how large. */
struct table {
	uint64_t off, off_buckets;
	uint32_t stride, max, n_buckets;
};

/* All positions and sizes, computed. */
struct geometry {
	uint64_t span;
	uint32_t max_members, max_threads, max_fields, max_things, max_rows;
	uint32_t n_spans;
	uint32_t first_span; /* index of the first heap span */
	struct table tables[N_KINDS];
	uint64_t off_events, off_guard, off_members, off_threads, off_tables,
		off_rows;
	uint64_t off_words, off_descs, off_spans;
	uint32_t n_slots, n_rings;
	uint64_t off_slots, off_rings, off_ring_mem, ring_mem_size, off_fallen;
};

/*
 * Compute the positions in an arena of @span bytes for @max_members members.
 * 0.
 * -EINVAL @span is no power of two in SPAN_MIN..SPAN_MAX, or @max_members is
 * out of range.
 */
int geometry_init(struct geometry *geo, uint64_t span, uint32_t max_members);

/*
 * Compute the positions in the arena with the superblock @sb, and verify those
 * that the superblock repeats.
 * 0.
 * -EPROTO the magic or the format is another.
 * -EIO the positions do not follow from the span.
 */
int geometry_read(struct geometry *geo, const struct superblock *sb);

/* Compute the bytes of the words of spans, with the bounds on free runs and the
 * records of pools that stand behind them. */
uint64_t geometry_words_size(uint32_t n_spans);
/* Compute the bytes of the bounds on free runs. */
uint64_t geometry_bounds_size(uint32_t n_spans);
/* Compute the bytes of the bits of objects that have fallen. */
uint64_t geometry_fallen_size(uint32_t max_objects);
/* Compute how many pools there can be: a pool of less than a span would be
 * useless. */
static inline uint32_t geometry_pools(uint32_t n_spans)
{
	return n_spans < 65535 ? n_spans : 65535;
}

#endif
