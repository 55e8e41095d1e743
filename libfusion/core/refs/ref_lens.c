/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References as people see them
 *
 * ref_stat() has the guard.  The others have no lock and trust nothing: they
 * show numbers of one moment, and each walk has a budget.
 */
#include "libfusion/core/refs/ref_lens.h"

#include <string.h>

#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"

static void add_row(const struct ref_row *row, struct ref_sum *sum)
{
	sum->total += (uint64_t)ROW_COUNT(load_relaxed(&row->word)) +
		      load_relaxed(&row->pending) + load_relaxed(&row->fork);
	sum->members += row_counts(row);
}

/* *budget bounds the walk, should a chain lead in a ring. */
static void sum_rows(const struct view *v, const struct ref *r,
		     struct ref_sum *sum, uint32_t *budget)
{
	uint32_t hi = rows_hi(v), at = load_relaxed(&r->first_row);

	for (; at && at <= hi && *budget; --*budget) {
		add_row(row_at(v, at - 1), sum);
		at = load_relaxed(&row_at(v, at - 1)->next);
	}
}

static uint64_t inherited_total(const struct view *v, const struct ref *r,
				uint32_t *budget)
{
	uint32_t most = table_hi(v, KIND_REF);
	struct ref_sum sum = {0};

	for (uint32_t n = 0; n < most && (r = ref_parent(v, r)); n++)
		sum_rows(v, r, &sum, budget);
	return sum.total;
}

static void sum_ref(const struct view *v, const struct ref *r,
		    struct ref_sum *ret)
{
	const struct ref *parent = ref_parent(v, r);
	uint32_t budget = rows_hi(v);
	struct ref_sum sum = {
		.global = load_relaxed(&r->global),
		/* Acquire: pairs with the release in settle_ref(). */
		.falls = REF_FALLS(load_acquire(&r->falls)),
		.locker = REF_WHO_ID(load_relaxed(&r->locker)),
		.watcher = REF_WHO_ID(load_relaxed(&r->watcher)),
		.from = parent ? load_relaxed(&parent->e.id) : 0,
		.id = load_relaxed(&r->e.id),
	};

	sum_rows(v, r, &sum, &budget);
	sum.inherited = inherited_total(v, r, &budget);
	sum.total += sum.global + sum.inherited;
	*ret = sum;
}

int ref_stat(struct view *v, struct thread_rec *me, struct ref *r,
	     struct ref_sum *ret)
{
	struct core_lock *guard;
	const struct ref_row *row;
	int rc = ref_enter(v, me, r, load_acquire(&r->id), &guard);

	if (rc < 0)
		return rc;
	sum_ref(v, r, ret);
	row = ref_find_row(v, r, ref_member_of(v, me).id);
	if (row) {
		ret->local = ROW_COUNT(load_relaxed(&row->word));
		ret->pending = load_relaxed(&row->pending);
	}
	ref_leave(v, me, guard);
	return 0;
}

int ref_copy(const struct view *v, uint32_t i, struct entry *ret_entry,
	     struct ref_sum *ret)
{
	struct ref copy;
	int r = table_copy(v, KIND_REF, i, &copy);

	if (r < 0)
		return r;
	/* Acquire: pairs with the release in ref_destroy(). */
	if (load_acquire(&ref_at(v, i)->id) != copy.e.id)
		return -ENOENT;
	if (ret_entry)
		*ret_entry = copy.e;
	if (ret)
		sum_ref(v, ref_at(v, i), ret);
	return 0;
}

int ref_shares(const struct view *v, uint32_t i, struct ref_share *shares,
	       uint32_t n)
{
	uint32_t hi = rows_hi(v), at, id, found = 0;
	int r = ref_copy(v, i, NULL, NULL);

	if (r < 0)
		return r;
	id = load_relaxed(&ref_at(v, i)->id);
	at = load_relaxed(&ref_at(v, i)->first_row);
	for (uint32_t k = 0; at && at <= hi && k < hi; k++) {
		const struct ref_row *row = row_at(v, at - 1);
		struct ref_share share = {
			.member = load_relaxed(&row->member),
			.local = ROW_COUNT(load_relaxed(&row->word)),
			.pending = load_relaxed(&row->pending),
		};

		at = load_relaxed(&row->next);
		if (load_relaxed(&row->ref_id) != id ||
		    (!share.local && !share.pending))
			continue;
		if (found < n)
			shares[found] = share;
		found++;
	}
	return (int)found;
}
