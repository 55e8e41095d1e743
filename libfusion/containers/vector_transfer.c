/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/vector_transfer.h"

#include "libfusion/base/refuse.h"
#include "libfusion/containers/hash_transfer.h"
#include "libfusion/containers/list_transfer.h"

static struct fusion_vector *vector_at(struct container *c)
{
	return (struct fusion_vector *)c;
}

/* --- After a death ---------------------------------------------------------
 */

bool vector_has_moved(const struct fusion_vector *v,
		      const struct fusion_arena *a)
{
	return v->op == VECTOR_TRANSFER && transfer_is_done(&v->c, a);
}

int vector_look_moved(const struct fusion_vector *v, struct span *ret)
{
	const struct view *view = &ret->a->view;
	uint64_t range = v->then_range;

	ret->row = v->row.block[v->then_turns & 1];
	if (!read_row(ret, view->base, view->geo.span) ||
	    RANGE_FIRST(range) + RANGE_N(range) > ret->row->cap)
		return -EIO;
	ret->first = RANGE_FIRST(range);
	ret->n = RANGE_N(range);
	return 0;
}

/* Use the announced row. */
static int use_moved(struct fusion_vector *v, struct fusion_arena *a)
{
	struct span s = {.a = a};
	int r = vector_look_moved(v, &s);

	if (r < 0)
		return r;
	row_set_range(&s, s.first, s.n);
	store_relaxed(&v->row.turns, v->then_turns);
	compiler_fence();
	return 0;
}

int vector_settle_transfer(struct fusion_vector *v, struct fusion_arena *a)
{
	bool done = transfer_is_done(&v->c, a);
	int r = 0;

	if (v->op > VECTOR_SETTLING)
		return -EIO;
	if (done && v->op == VECTOR_TRANSFER)
		r = use_moved(v, a);
	if (r < 0)
		return r;
	store_relaxed(&v->op, (uint32_t)VECTOR_SETTLING);
	compiler_fence();
	transfer_settled(&v->c, a, done);
	compiler_fence();
	store_relaxed(&v->op, (uint32_t)VECTOR_IDLE);
	compiler_fence();
	return 0;
}

/* --- A transfer ------------------------------------------------------------
 */

static int settle_vector(struct container *c, struct fusion_arena *a)
{
	return vector_settle(vector_at(c), a);
}

/* Read the row of a settled vector. */
static int look(struct transfer_side *s, struct fusion_arena *a,
		struct span *ret)
{
	*ret = (struct span){.a = a};
	return row_look(vector_at(s->c), ret);
}

/* Announce the row that is to be.  Nothing refers to it until the commit. */
static void announce(struct fusion_vector *v, uint32_t turns, uint64_t first,
		     uint64_t n)
{
	store_relaxed(&v->then_range, RANGE(first, n));
	store_relaxed(&v->then_turns, turns);
	compiler_fence();
	store_relaxed(&v->op, (uint32_t)VECTOR_TRANSFER);
	compiler_fence();
}

static int find_value(struct transfer_side *s, struct fusion_arena *a,
		      struct fusion_value *ret)
{
	struct span row;
	int r = look(s, a, &row);

	if (r < 0)
		return r;
	if (s->at >= row.n)
		return refuse(-ERANGE,
			      "vector at %p: it has %llu values, and none at "
			      "the index %llu",
			      (const void *)s->c, (unsigned long long)row.n,
			      (unsigned long long)s->at);
	*ret = *value_at(&row, s->at);
	return 1;
}

/* At the ends the range says what is gone; between them a new row does. */
static int give_value(struct transfer_side *s, struct fusion_arena *a)
{
	struct fusion_vector *v = vector_at(s->c);
	struct span row, without;
	int r = look(s, a, &row);

	if (r < 0)
		return r;
	if (row.n == 1) {
		announce(v, v->row.turns, 0, 0);
	} else if (s->at == row.n - 1) {
		announce(v, v->row.turns, row.first, row.n - 1);
	} else if (s->at == 0) {
		announce(v, v->row.turns, row.first + 1, row.n - 1);
	} else {
		r = row_without(v, &row, s->at, &without);
		if (r < 0)
			return r;
		announce(v, v->row.turns + 1, without.first, without.n);
	}
	return 0;
}

/* The value is written behind the last one, where nobody reads yet. */
static int take_value(struct transfer_side *s, struct fusion_arena *a,
		      struct fusion_value value)
{
	struct fusion_vector *v = vector_at(s->c);
	struct span row;
	int r = look(s, a, &row);

	if (r == 0 && row.n >= FUSION_VECTOR_MAX)
		r = -ENOMEM;
	if (r == 0 && (!row.row || row.first + row.n == row.row->cap))
		r = row_resize(v, &row, row_cap_for_one_more(&row), 0);
	if (r < 0)
		return r;
	*value_at(&row, row.n) = value;
	announce(v, v->row.turns, row.first, row.n + 1);
	return 0;
}

const struct transfer_kind vector_transfer = {
	.kind = CONTAINER_VECTOR,
	.settle = settle_vector,
	.find = find_value,
	.give = give_value,
	.take = take_value,
};

/* --- Calls -----------------------------------------------------------------
 */

/* Transfer the value at an index.  0; else as transfer_run(). */
static int move_value(struct fusion_vector *from, uint64_t index,
		      struct transfer_side *to)
{
	struct transfer_side side = vector_side(from, index);
	int r = transfer_run(&side, to);

	return r < 0 ? r : 0;
}

FUSION_API int fusion_vector_move_to_hash(struct fusion_vector *from,
					  uint64_t index,
					  struct fusion_hash *to,
					  struct fusion_key key)
{
	struct transfer_side side = hash_side(to, &key);

	return told(move_value(from, index, &side));
}

FUSION_API int fusion_vector_move_to_list(struct fusion_vector *from,
					  uint64_t index,
					  struct fusion_list *to,
					  struct fusion_list_node *before,
					  struct fusion_list_node **ret)
{
	struct transfer_side side = list_side(to, before);
	int r = move_value(from, index, &side);

	if (r == 0 && ret)
		*ret = side.node;
	return told(r);
}

FUSION_API int fusion_vector_move_to_vector(struct fusion_vector *from,
					    uint64_t index,
					    struct fusion_vector *to)
{
	struct transfer_side side = vector_side(to, 0);

	return told(move_value(from, index, &side));
}
