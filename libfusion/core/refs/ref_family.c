/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Totals, falls and inheritance
 *
 * All is done under the guard, which is one lock for a whole family.  Invariant
 * behind ref_settle(): bit 0 of falls is set if and only if the total is not 0,
 * and `local` if and only if the local total is not 0.  A thread that dies in
 * between has announced what it does, and recovery settles again; a settled ref
 * does not change.
 *
 * Walks are bounded and check each index, as the daemon does them too, when it
 * recovers.
 */
#include "libfusion/core/refs/ref_family.h"

#include "libfusion/core/refs/ref_private.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_row.h"
#include "libfusion/core/refs/ref_zero.h"

static uint32_t refs_hi(const struct view *v)
{
	return table_hi(v, KIND_REF);
}

/* How many steps walks may still make: each row is in one chain, each ref in
 * one list. */
struct budget {
	uint32_t rows, refs;
};

static struct budget walk_budget(const struct view *v)
{
	return (struct budget){rows_hi(v), refs_hi(v)};
}

static bool has_own_local(const struct view *v, const struct ref *r,
			  struct budget *b)
{
	uint32_t hi = rows_hi(v), at = load_relaxed(&r->first_row);

	for (; at && at <= hi && b->rows; b->rows--) {
		if (row_counts(row_at(v, at - 1)))
			return true;
		at = load_relaxed(&row_at(v, at - 1)->next);
	}
	return false;
}

struct ref *ref_parent(const struct view *v, const struct ref *r)
{
	uint32_t from = load_relaxed(&r->from);
	struct ref *p;

	if (!from || from > refs_hi(v))
		return NULL;
	p = ref_at(v, from - 1);
	/* If it was destroyed, the record may be another ref by now, from which
	 * nothing is inherited. */
	return load_relaxed(&p->id) == load_relaxed(&r->from_id) ? p : NULL;
}

/* Tell whether the local total is not 0.  The parent is settled before its
 * heirs, so its `local` is right. */
static bool has_local(const struct view *v, const struct ref *r,
		      struct budget *b)
{
	const struct ref *parent = ref_parent(v, r);

	return (parent && load_relaxed(&parent->local)) ||
	       has_own_local(v, r, b);
}

bool ref_total_any(const struct view *v, const struct ref *r)
{
	struct budget b = walk_budget(v);

	return load_relaxed(&r->global) || has_local(v, r, &b);
}

void ref_wake(struct ref *r)
{
	/* Release: the futex compares the number.  What has changed is read
	 * under the guard by try_zero_lock(). */
	add_release(&r->seq, 1);
	store_relaxed(&r->sleepers, 0);
	futex_wake(&r->seq, INT_MAX);
}

void ref_tell(const struct view *v, const struct ref *r)
{
	if (r->object && load_relaxed(&r->id))
		kind_ops[KIND_OBJECT].fallen(v, r->object - 1, r->object_id);
	ref_watcher_wake(v, REF_WHO_SLOT(load_relaxed(&r->watcher)));
}

static void settle_ref(struct view *v, struct ref *r, struct budget *b)
{
	uint64_t falls = load_relaxed(&r->falls);
	bool any;

	if (!load_relaxed(&r->id))
		return;
	any = has_local(v, r, b);
	store_relaxed(&r->local, any);
	any = any || load_relaxed(&r->global);
	if (any && !(falls & REF_LIVE)) {
		store_relaxed(&r->falls, falls | REF_LIVE);
	} else if (!any && falls & REF_LIVE) {
		/* Commit of the fall: the number goes up as the bit goes
		 * out.  Release: pairs with the acquires of falls in
		 * object_at_zero() and in sum_ref(); the watching thread
		 * asks under the guard. */
		store_release(&r->falls, falls + 1);
		compiler_fence();
		if (load_relaxed(&r->sleepers))
			ref_wake(r);
		ref_tell(v, r);
	} else if (!any && r->object && falls) {
		/* The thread that counted this fall may have been killed before
		 * it told of it, and nobody else would tell of an object. */
		ref_tell(v, r);
	}
}

static struct ref *heir_at(const struct view *v, uint32_t index1)
{
	return index1 && index1 <= refs_hi(v) ? ref_at(v, index1 - 1) : NULL;
}

/* Find the next ref of the tree below @top: down, else aside, else up and
 * aside.  A ref that is being destroyed leads nowhere up any more, but is still
 * in the list of its parent. */
static struct ref *next_heir(const struct view *v, const struct ref *top,
			     struct ref *r)
{
	struct ref *next = heir_at(v, load_relaxed(&r->first_heir));
	uint32_t most = refs_hi(v);

	for (uint32_t n = 0; !next && r != top && n < most; n++) {
		next = heir_at(v, load_relaxed(&r->next_heir));
		if (next)
			break;
		r = heir_at(v, load_relaxed(&r->from));
		if (!r)
			break;
	}
	return next;
}

/* Settle @r and all that inherit from it, parents first. */
static void settle_tree(struct view *v, struct ref *r, struct budget *b)
{
	for (struct ref *at = r; at && b->refs; b->refs--) {
		settle_ref(v, at, b);
		at = next_heir(v, r, at);
	}
}

void ref_settle(struct view *v, struct ref *r)
{
	struct budget b = walk_budget(v);

	settle_tree(v, r, &b);
}

/* Take @r out of the list of @parent, if it is there. */
static void leave_parent(struct view *v, struct ref *parent, struct ref *r)
{
	uint32_t *link = &parent->first_heir, most = refs_hi(v);

	for (uint32_t n = 0; n < most; n++) {
		struct ref *h = heir_at(v, load_relaxed(link));

		if (!h)
			return;
		if (h == r) {
			store_relaxed(link, load_relaxed(&r->next_heir));
			return;
		}
		link = &h->next_heir;
	}
}

void ref_cut(struct view *v, struct ref *r)
{
	struct ref *h = heir_at(v, load_relaxed(&r->from));
	struct budget b = walk_budget(v);

	if (h)
		leave_parent(v, h, r);
	compiler_fence();
	store_relaxed(&r->from, 0);
	/* Killed before the first heir is off the list: the next recoverer
	 * settles it again, which changes nothing. */
	while (b.refs && (h = heir_at(v, load_relaxed(&r->first_heir)))) {
		store_relaxed(&h->from, 0);
		compiler_fence();
		settle_tree(v, h, &b);
		compiler_fence();
		store_relaxed(&r->first_heir, load_relaxed(&h->next_heir));
		store_relaxed(&h->next_heir, 0);
	}
}

/* --- Inheriting ----------------------------------------------------------- */

/* Give @r the guard of all families.  Killed behind the store: the ref works as
 * before, only slower. */
static int join_family(struct view *v, struct thread_rec *me, struct ref *r,
		       uint32_t id)
{
	struct core_lock *guard;
	int rc;

	if (load_relaxed(&r->family))
		return 0;
	rc = ref_enter(v, me, r, id, &guard);
	if (rc < 0)
		return rc;
	/* Commit.  Release: pairs with the acquire in guard_lock_of().  It is
	 * stored under the old guard, so a thread that gets the old guard later
	 * sees it. */
	store_release(&r->family, 1);
	ref_leave(v, me, guard);
	return 0;
}

/* Tell whether @r is @from, or inherits from it. */
static bool descends_from(const struct view *v, const struct ref *r,
			  const struct ref *from)
{
	uint32_t most = refs_hi(v);

	for (uint32_t n = 0; r && n <= most; n++) {
		if (r == from)
			return true;
		r = ref_parent(v, r);
	}
	return false;
}

void ref_inherit_undo(struct view *v, struct ref *r, uint32_t from)
{
	struct ref *p = from < refs_hi(v) ? ref_at(v, from) : NULL;

	if (p && load_relaxed(&p->first_heir) == ref_index(v, r) + 1)
		return;
	store_relaxed(&r->from, 0);
	store_relaxed(&r->next_heir, 0);
}

/* Commit: first_heir.  Killed before it: recovery takes `from` back
 * (ref_inherit_undo()).  Killed behind it: recovery settles. */
static int inherit_locked(struct view *v, struct thread_rec *me, struct ref *r,
			  struct ref *from, uint32_t from_id)
{
	if (load_relaxed(&from->id) != from_id)
		return -EIDRM;
	if (load_relaxed(&r->from))
		return -EEXIST;
	if (descends_from(v, from, r))
		return -ELOOP;
	if (load_relaxed(&r->locker))
		return -EBUSY;
	me->ref.a[1] = ref_index(v, from);
	compiler_fence();
	store_relaxed(&me->ref.op, REF_OP_INHERIT);
	compiler_fence();
	store_relaxed(&r->next_heir, load_relaxed(&from->first_heir));
	store_relaxed(&r->from_id, from_id);
	compiler_fence();
	store_relaxed(&r->from, ref_index(v, from) + 1);
	compiler_fence();
	store_relaxed(&from->first_heir, ref_index(v, r) + 1);
	compiler_fence();
	ref_settle(v, r);
	return 0;
}

int ref_inherit(struct view *v, struct thread_rec *me, struct ref *r,
		struct ref *from)
{
	/* Acquire: pairs with the release in ref_init(). */
	uint32_t id = load_acquire(&r->id), from_id = load_acquire(&from->id);
	struct core_lock *guard;
	int rc;

	if (!id || !from_id)
		return -EIDRM;
	if (r == from)
		return -ELOOP;
	rc = join_family(v, me, r, id);
	if (!rc)
		rc = join_family(v, me, from, from_id);
	if (!rc)
		rc = ref_enter(v, me, r, id, &guard);
	if (rc < 0)
		return rc;
	rc = inherit_locked(v, me, r, from, from_id);
	ref_leave(v, me, guard);
	return rc;
}
