/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/vector_row.h"

#include <string.h>

#include "libfusion/containers/vector_transfer.h"

int row_look(const struct fusion_vector *v, struct span *ret)
{
	const struct view *view = &ret->a->view;

	if (UNLIKELY(v->c.state == CONTAINER_MOVING) &&
	    vector_has_moved(v, ret->a))
		return vector_look_moved(v, ret);
	ret->row = twin_block(&v->row);
	ret->first = ret->n = 0;
	if (!ret->row)
		return 0;
	return read_row(ret, view->base, view->geo.span) ? 0 : -EIO;
}

int row_begin(struct fusion_vector *v, const struct span *s, uint64_t cap,
	      uint64_t first, struct span *ret)
{
	int r;

	if (cap > UINT32_MAX)
		return -ENOMEM;
	r = twin_begin(&v->row, s->a,
		       sizeof(*ret->row) + cap * sizeof(*ret->row->values),
		       &ret->row);
	if (r < 0)
		return r;
	memset(ret->row, 0, sizeof(*ret->row));
	ret->row->mark = container_mark(ret->row, ROW_MARK);
	ret->row->cap = (uint32_t)cap;
	ret->a = s->a;
	ret->first = first;
	ret->n = 0;
	return 0;
}

void row_append(struct span *to, const struct span *from, uint64_t index,
		uint64_t n)
{
	if (n)
		memcpy(value_at(to, to->n), value_at(from, index),
		       n * sizeof(struct fusion_value));
	to->n += n;
}

void row_commit(struct fusion_vector *v, struct span *s, const struct span *row)
{
	*s = *row;
	row_set_range(s, s->first, s->n);
	twin_commit(&v->row, s->a);
}

int row_resize(struct fusion_vector *v, struct span *s, uint64_t cap,
	       uint64_t first)
{
	struct span to;
	int r = row_begin(v, s, cap, first, &to);

	if (r < 0)
		return r;
	row_append(&to, s, 0, s->n);
	row_commit(v, s, &to);
	return 0;
}

int row_without(struct fusion_vector *v, const struct span *s, uint64_t index,
		struct span *ret)
{
	int r = row_begin(v, s, s->row->cap, s->first, ret);

	if (r < 0)
		return r;
	row_append(ret, s, 0, index);
	row_append(ret, s, index + 1, s->n - index - 1);
	return 0;
}

/* The capacity for one value more: it grows by a half. */
static uint64_t larger_cap(const struct span *s)
{
	uint64_t cap = s->n + s->n / 2 + 1;

	return cap > ROW_MIN ? cap : ROW_MIN;
}

/* If much was removed from the front, the capacity can stay as it is. */
uint64_t row_cap_for_one_more(const struct span *s)
{
	uint64_t cap = s->row ? s->row->cap : 0;

	return s->n + 1 <= cap / 2 ? cap : larger_cap(s);
}
