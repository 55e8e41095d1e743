/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The row of a vector, read once and checked, and the making of a new one. */
#ifndef FUSION_VECTOR_ROW_H
#define FUSION_VECTOR_ROW_H

#include "libfusion/containers/vector.h"

/* A checked copy of a vector's state, on which a call works. */
struct span {
	struct fusion_arena *a;
	struct row *row; /* NULL: none yet */
	uint64_t first, n;
};

/* Copy and check the range of the row, in an arena of @span bytes from @base
 * on. */
static inline bool read_row(struct span *s, const char *base, uint64_t span)
{
	const struct row *row = s->row;
	uint64_t off = (uintptr_t)row - (uintptr_t)base, range, cap;

	if (UNLIKELY(!may_be_block(base, span, row)) ||
	    UNLIKELY(row->mark != container_mark(row, ROW_MARK)))
		return false;
	cap = row->cap;
	range = load_relaxed(&row->range);
	s->first = RANGE_FIRST(range);
	s->n = RANGE_N(range);
	return LIKELY(off + sizeof(*row) + cap * sizeof(*row->values) <=
		      span) &&
	       LIKELY(s->first + s->n <= cap);
}

/* Read the row in use; ret->a is known.  0, -EIO. */
int row_look(const struct fusion_vector *v, struct span *ret);

static inline struct fusion_value *value_at(const struct span *s,
					    uint64_t index)
{
	return &s->row->values[s->first + index];
}

/* Commit point: the store of the range; new values have been written before. */
static inline void row_set_range(struct span *s, uint64_t first, uint64_t n)
{
	compiler_fence();
	store_relaxed(&s->row->range, RANGE(first, n));
	compiler_fence();
	s->first = first;
	s->n = n;
}

/* Append a value to a new row, and @n values of @from, from @index on. */
static inline void row_append_value(struct span *to, struct fusion_value value)
{
	*value_at(to, to->n++) = value;
}

void row_append(struct span *to, const struct span *from, uint64_t index,
		uint64_t n);
/* Allocate a row without values; its first value will be at @first.  0,
 * -ENOMEM, -EMFILE. */
int row_begin(struct fusion_vector *v, const struct span *s, uint64_t cap,
	      uint64_t first, struct span *ret);
/* Use the new row.  Commit point: twin_commit(). */
void row_commit(struct fusion_vector *v, struct span *s,
		const struct span *row);
/* Move the values to a new row for @cap values, from @first on.  0, -ENOMEM,
 * -EMFILE. */
int row_resize(struct fusion_vector *v, struct span *s, uint64_t cap,
	       uint64_t first);
/* Make a new row that lacks one value.  0, -ENOMEM, -EMFILE. */
int row_without(struct fusion_vector *v, const struct span *s, uint64_t index,
		struct span *ret);
/* The capacity of a new row for one value more. */
uint64_t row_cap_for_one_more(const struct span *s);

#endif
