/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/vector.h"

#include <string.h>

#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"

#define KIND CONTAINER_VECTOR
#define FLAGS (FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS)

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

/* Read the row in use.  0, -EIO. */
static int look_at_row(const struct fusion_vector *v, struct span *ret)
{
	const struct view *view = &ret->a->view;

	ret->row = twin_block(&v->row);
	ret->first = ret->n = 0;
	if (!ret->row)
		return 0;
	return read_row(ret, view->base, view->geo.span) ? 0 : -EIO;
}

int vector_look(const struct fusion_vector *v, struct fusion_arena *a,
		const struct row **ret_row, uint64_t *ret_n)
{
	struct span s = {.a = a};
	int r = look_at_row(v, &s);

	*ret_row = s.row;
	*ret_n = s.n;
	return r;
}

/* The fast path: read the row of a vector without a lock, in the arena that the
 * thread used last.  Then a call has nothing else to begin or end. */
static inline bool look_soon(const struct fusion_vector *v, struct span *ret)
{
	struct tcache *t = tls_current;

	if (UNLIKELY(container_look(t, &v->c, KIND)))
		return false;
	ret->a = t->arena;
	ret->row = twin_block(&v->row);
	return read_row(ret, t->base, t->span);
}

/* Begin a call that reads. */
static int vector_enter(struct fusion_vector *v, struct span *ret)
{
	int r = container_enter((struct container *)v, KIND, &ret->a);

	if (r < 0)
		return r;
	r = look_at_row(v, ret);
	return UNLIKELY(r < 0) ? container_leave(&v->c, r) : 0;
}

/* Begin a call that changes the vector. */
static int enter_settled(struct fusion_vector *v, struct span *ret)
{
	int r = vector_enter(v, ret);

	if (UNLIKELY(r < 0))
		return r;
	r = twin_settle(&v->row, ret->a);
	return UNLIKELY(r < 0) ? container_leave(&v->c, r) : 0;
}

static inline struct fusion_value *value_at(const struct span *s,
					    uint64_t index)
{
	return &s->row->values[s->first + index];
}

/* --- At the ends -----------------------------------------------------------
 */

/* Commit point: the store of the range; new values have been written before. */
static void set_range(struct span *s, uint64_t first, uint64_t n)
{
	compiler_fence();
	store_relaxed(&s->row->range, RANGE(first, n));
	compiler_fence();
	s->first = first;
	s->n = n;
}

static void push_back(struct span *s, struct fusion_value value)
{
	struct fusion_value *at = value_at(s, s->n);

	if (SEED_BUG(62))
		set_range(s, s->first, s->n + 1);
	*at = value;
	if (!SEED_BUG(62))
		set_range(s, s->first, s->n + 1);
}

static void push_front(struct span *s, struct fusion_value value)
{
	s->row->values[s->first - 1] = value;
	set_range(s, s->first - 1, s->n + 1);
}

/* --- By a new row ----------------------------------------------------------
 */

/* Allocate a row without values; its first value will be at @first. */
static int begin_row(struct fusion_vector *v, const struct span *s,
		     uint64_t cap, uint64_t first, struct span *ret)
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

/* Append @n values of @from, from @index on. */
static void vector_append(struct span *to, const struct span *from,
			  uint64_t index, uint64_t n)
{
	if (n)
		memcpy(value_at(to, to->n), value_at(from, index),
		       n * sizeof(struct fusion_value));
	to->n += n;
}

static void append_value(struct span *to, struct fusion_value value)
{
	*value_at(to, to->n++) = value;
}

/* Use the new row.  Commit point: twin_commit(). */
static void commit_row(struct fusion_vector *v, struct span *s,
		       const struct span *row)
{
	*s = *row;
	set_range(s, s->first, s->n);
	twin_commit(&v->row, s->a);
}

/* Move the values to a new row for @cap values, from @first on. */
static int resize_row(struct fusion_vector *v, struct span *s, uint64_t cap,
		      uint64_t first)
{
	struct span to;
	int r = begin_row(v, s, cap, first, &to);

	if (r < 0)
		return r;
	vector_append(&to, s, 0, s->n);
	commit_row(v, s, &to);
	return 0;
}

/* The capacity for one value more: it grows by a half. */
static uint64_t larger_cap(const struct span *s)
{
	uint64_t cap = s->n + s->n / 2 + 1;

	return cap > ROW_MIN ? cap : ROW_MIN;
}

/* If much was removed from the front, the capacity can stay as it is. */
static uint64_t cap_for_one_more(const struct span *s)
{
	uint64_t cap = s->row ? s->row->cap : 0;

	return s->n + 1 <= cap / 2 ? cap : larger_cap(s);
}

static int add_back(struct fusion_vector *v, struct span *s,
		    struct fusion_value value)
{
	int r = 0;

	if (!s->row || s->first + s->n == s->row->cap)
		r = resize_row(v, s, cap_for_one_more(s), 0);
	if (r == 0)
		push_back(s, value);
	return r;
}

static int add_front(struct fusion_vector *v, struct span *s,
		     struct fusion_value value)
{
	uint64_t cap;
	int r = 0;

	if (!s->first) {
		cap = cap_for_one_more(s);
		r = resize_row(v, s, cap, cap - s->n);
	}
	if (r == 0)
		push_front(s, value);
	return r;
}

static int insert_between(struct fusion_vector *v, struct span *s,
			  uint64_t index, struct fusion_value value)
{
	struct span to;
	bool fits = s->first + s->n < s->row->cap;
	int r = begin_row(v, s, fits ? s->row->cap : cap_for_one_more(s),
			  fits ? s->first : 0, &to);

	if (r < 0)
		return r;
	vector_append(&to, s, 0, index);
	append_value(&to, value);
	vector_append(&to, s, index, s->n - index);
	commit_row(v, s, &to);
	return 0;
}

static int remove_between(struct fusion_vector *v, struct span *s,
			  uint64_t index)
{
	struct span to;
	int r = begin_row(v, s, s->row->cap, s->first, &to);

	if (r < 0)
		return r;
	vector_append(&to, s, 0, index);
	vector_append(&to, s, index + 1, s->n - index - 1);
	commit_row(v, s, &to);
	return 0;
}

static int move_values(struct fusion_vector *v, struct span *s, uint64_t from,
		       uint64_t to_index)
{
	struct fusion_value value = *value_at(s, from);
	struct span to;
	int r = begin_row(v, s, s->row->cap, s->first, &to);

	if (r < 0)
		return r;
	if (from < to_index) {
		vector_append(&to, s, 0, from);
		vector_append(&to, s, from + 1, to_index - from);
		append_value(&to, value);
		vector_append(&to, s, to_index + 1, s->n - to_index - 1);
	} else {
		vector_append(&to, s, 0, to_index);
		append_value(&to, value);
		vector_append(&to, s, to_index, from - to_index);
		vector_append(&to, s, from + 1, s->n - from - 1);
	}
	commit_row(v, s, &to);
	return 0;
}

/* --- Calls that change it --------------------------------------------------
 */

static int vector_insert(struct fusion_vector *v, struct span *s,
			 uint64_t index, struct fusion_value value)
{
	if (index > s->n)
		return -ERANGE;
	if (!is_good_value(&v->c, s->a, value))
		return -EINVAL;
	if (s->n >= FUSION_VECTOR_MAX)
		return -ENOMEM;
	if (index == s->n)
		return add_back(v, s, value);
	if (index == 0)
		return add_front(v, s, value);
	return insert_between(v, s, index, value);
}

/* Not inlined, so that the fast path saves no registers. */
static __attribute__((noinline)) int add_slow(struct fusion_vector *vector,
					      struct fusion_value value)
{
	struct span s;
	int r = enter_settled(vector, &s);

	if (r < 0)
		return r;
	return container_leave(&vector->c,
			       vector_insert(vector, &s, s.n, value));
}

FUSION_API int fusion_vector_add(struct fusion_vector *vector,
				 struct fusion_value value)
{
	struct span s;

	if (UNLIKELY(!look_soon(vector, &s)) ||
	    UNLIKELY(s.first + s.n == s.row->cap) ||
	    UNLIKELY(s.n >= FUSION_VECTOR_MAX) ||
	    UNLIKELY(!twin_is_settled(&vector->row)) ||
	    UNLIKELY(!is_good_value(&vector->c, s.a, value)))
		return told(add_slow(vector, value));
	push_back(&s, value);
	return 0;
}

FUSION_API int fusion_vector_insert(struct fusion_vector *vector,
				    uint64_t index, struct fusion_value value)
{
	struct span s;
	int r = enter_settled(vector, &s);

	if (r < 0)
		return told(r);
	return told(container_leave(&vector->c,
				    vector_insert(vector, &s, index, value)));
}

/* Commit point: the store of the value. */
static int vector_set(const struct fusion_vector *v, struct span *s,
		      uint64_t index, struct fusion_value value,
		      struct fusion_value *ret_old)
{
	struct fusion_value old;

	if (index >= s->n)
		return -ERANGE;
	if (!is_good_value(&v->c, s->a, value))
		return -EINVAL;
	old = *value_at(s, index);
	store_relaxed(&value_at(s, index)->word, value.word);
	if (ret_old)
		*ret_old = old;
	return 0;
}

FUSION_API int fusion_vector_set(struct fusion_vector *vector, uint64_t index,
				 struct fusion_value value,
				 struct fusion_value *ret_old)
{
	struct span s;
	int r = enter_settled(vector, &s);

	if (r < 0)
		return told(r);
	return told(container_leave(
		&vector->c, vector_set(vector, &s, index, value, ret_old)));
}

static int remove_at(struct fusion_vector *v, struct span *s, uint64_t index,
		     struct fusion_value *ret_old)
{
	struct fusion_value old;
	int r = 0;

	if (index >= s->n)
		return -ERANGE;
	old = *value_at(s, index);
	if (s->n == 1)
		set_range(s, 0, 0);
	else if (index == s->n - 1)
		set_range(s, s->first, s->n - 1);
	else if (index == 0)
		set_range(s, s->first + 1, s->n - 1);
	else
		r = remove_between(v, s, index);
	if (r == 0 && ret_old)
		*ret_old = old;
	return r;
}

FUSION_API int fusion_vector_remove(struct fusion_vector *vector,
				    uint64_t index,
				    struct fusion_value *ret_old)
{
	struct span s;
	int r = enter_settled(vector, &s);

	if (r < 0)
		return told(r);
	return told(container_leave(&vector->c,
				    remove_at(vector, &s, index, ret_old)));
}

FUSION_API int fusion_vector_move(struct fusion_vector *vector, uint64_t from,
				  uint64_t to)
{
	struct span s;
	int r = enter_settled(vector, &s);

	if (r < 0)
		return told(r);
	if (from >= s.n || to >= s.n)
		r = -ERANGE;
	else if (from != to)
		r = move_values(vector, &s, from, to);
	return told(container_leave(&vector->c, r));
}

FUSION_API int fusion_vector_reserve(struct fusion_vector *vector, uint64_t n)
{
	struct span s;
	int r = enter_settled(vector, &s);

	if (r < 0)
		return told(r);
	if (n > FUSION_VECTOR_MAX)
		r = -EINVAL;
	else if (n > s.n && (!s.row || s.first + n > s.row->cap))
		r = resize_row(vector, &s, n, 0);
	return told(container_leave(&vector->c, r));
}

FUSION_API int fusion_vector_shrink(struct fusion_vector *vector)
{
	struct span s;
	int r = enter_settled(vector, &s);

	if (r < 0)
		return told(r);
	if (s.row && s.row->cap > s.n && s.row->cap > ROW_MIN)
		r = resize_row(vector, &s, s.n > ROW_MIN ? s.n : ROW_MIN, 0);
	return told(container_leave(&vector->c, r));
}

/* --- Reading ---------------------------------------------------------------
 */

static __attribute__((noinline)) int
at_slow(struct fusion_vector *vector, uint64_t index, struct fusion_value *ret)
{
	struct span s;
	int r = ret ? vector_enter(vector, &s) : refuse_null("vector", "ret");

	if (r < 0)
		return r;
	if (index < s.n)
		*ret = *value_at(&s, index);
	else
		r = -ERANGE;
	return container_leave(&vector->c, r);
}

FUSION_API int fusion_vector_at(struct fusion_vector *vector, uint64_t index,
				struct fusion_value *ret)
{
	struct span s;

	if (UNLIKELY(!look_soon(vector, &s)) || UNLIKELY(index >= s.n) ||
	    UNLIKELY(!ret))
		return told(at_slow(vector, index, ret));
	*ret = *value_at(&s, index);
	return 0;
}

FUSION_API int fusion_vector_count(struct fusion_vector *vector, uint64_t *ret)
{
	struct span s;
	int r = ret ? vector_enter(vector, &s) : refuse_null("vector", "ret");

	if (r < 0)
		return told(r);
	*ret = s.n;
	return told(container_leave(&vector->c, 0));
}

FUSION_API int fusion_vector_index_of(struct fusion_vector *vector,
				      struct fusion_value value, uint64_t *ret)
{
	struct span s;
	int r = vector_enter(vector, &s);
	uint64_t i = 0;

	if (r < 0)
		return told(r);
	while (i < s.n && value_at(&s, i)->word != value.word)
		i++;
	if (i < s.n && ret)
		*ret = i;
	return told(container_leave(&vector->c, i < s.n ? 0 : -ENOENT));
}

/* --- From beginning to end -------------------------------------------------
 */

/* Read the options of a program. */
static int read_options(const struct fusion_vector_options *options,
			struct container_make *ret)
{
	struct fusion_vector_options o;
	int r = options_copy(
		&o, sizeof(o),
		OPTIONS_FIRST(struct fusion_vector_options, reserved), options,
		"fusion_vector_options");

	if (r < 0)
		return r;
	if (o.reserved)
		return refuse_reserved("fusion_vector_options");
	if (o.flags & ~FLAGS)
		return refuse_flags("vector", o.flags, FLAGS);
	*ret = (struct container_make){
		.kind = KIND,
		.flags = o.flags,
		.size = sizeof(struct fusion_vector),
	};
	return 0;
}

FUSION_API int fusion_vector_create(struct fusion_arena *arena,
				    const char *name,
				    const struct fusion_vector_options *options,
				    struct fusion_vector **ret)
{
	struct container_make make;
	int r = ret ? read_options(options, &make)
		    : refuse_null("vector", "ret");

	return told(r < 0 ? r : container_create(arena, name, &make, ret));
}

FUSION_API int fusion_vector_open(struct fusion_arena *arena, const char *name,
				  const struct fusion_vector_options *options,
				  struct fusion_vector **ret)
{
	struct container_make make;
	int r = ret ? read_options(options, &make)
		    : refuse_null("vector", "ret");

	return told(r < 0 ? r : container_open(arena, name, &make, ret));
}

FUSION_API int fusion_vector_find(struct fusion_arena *arena, const char *name,
				  struct fusion_vector **ret)
{
	return told(container_find(arena, name, KIND, ret));
}

FUSION_API int fusion_vector_destroy(struct fusion_vector *vector)
{
	struct fusion_arena *a;
	int r;

	if (!vector)
		return 0;
	r = container_doom((struct container *)vector, KIND, &a);
	if (r < 0)
		return told(r);
	slot_drop(a, &vector->row.block[0]);
	slot_drop(a, &vector->row.block[1]);
	return told(container_free(&vector->c, a));
}

FUSION_API int fusion_vector_lock(struct fusion_vector *vector)
{
	return told(container_lock((struct container *)vector, KIND));
}

FUSION_API int fusion_vector_unlock(struct fusion_vector *vector)
{
	return told(container_unlock((struct container *)vector, KIND));
}
