/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counting up and down under the guard
 *
 * ref.h has the paths without the guard.  Here a count changes between 0 and
 * another number, or its row is not known yet.  Invariant: whoever changes a
 * count between 0 and another number settles the ref before it leaves the
 * guard, and TOUCH is announced from before the change until behind that.  So a
 * thread that dies with the guard leaves a ref that recovery settles.
 */
#include "libfusion/core/refs/ref.h"

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"

/* --- Creation ------------------------------------------------------------- */

struct ref_whose {
	uint32_t index, id;
};

/* The locks are left alone: a thread that was turned away from the last ref may
 * still hold one. */
void ref_init(struct view *v, void *rec, const void *arg)
{
	const struct ref_whose *whose = arg;
	struct ref *r = rec;

	r->object = whose ? whose->index + 1 : 0;
	r->object_id = whose ? whose->id : 0;
	store_relaxed(&r->sleepers, 0);
	store_relaxed(&r->global, 0);
	store_relaxed(&r->falls, 0);
	store_relaxed(&r->locker, 0);
	store_relaxed(&r->watcher, 0);
	store_relaxed(&r->first_row, 0);
	store_relaxed(&r->family, 0);
	store_relaxed(&r->from, 0);
	store_relaxed(&r->from_id, 0);
	store_relaxed(&r->first_heir, 0);
	store_relaxed(&r->next_heir, 0);
	store_relaxed(&r->local, 0);
	/* Release: pairs with the acquires of id in ref_up() and all others
	 * that begin with it.  A thread that sees the id must see the ref
	 * empty. */
	store_release(&r->id, load_relaxed(&r->e.id));
	/* Before the commit of the record: an object must name its ref before
	 * anybody can count. */
	if (whose)
		kind_ops[KIND_OBJECT].has_ref(v, whose->index,
					      ref_index(v, r) + 1);
}

/* ref_destroy() has stored 0 already; recovery of the table stores it again. */
void ref_fini(struct view *v, void *rec)
{
	(void)v;
	/* Release: as in ref_destroy(). */
	store_release(&((struct ref *)rec)->id, 0);
}

/* Tell whether the ref is an object's: then no event says that it comes and
 * goes. */
bool ref_is_quiet(const void *rec)
{
	return ((const struct ref *)rec)->object != 0;
}

int ref_create(struct view *v, struct thread_rec *me, const char *name,
	       uint32_t creator, struct ref **ret)
{
	uint32_t i;
	int rc = table_add(v, me, KIND_REF, name, creator, NULL, &i);

	if (rc == 0)
		*ret = ref_at(v, i);
	return rc;
}

int ref_create_for(struct view *v, struct thread_rec *me, uint32_t creator,
		   uint32_t index, uint32_t id)
{
	struct ref_whose whose = {index, id};
	uint32_t i;

	return table_add(v, me, KIND_REF, NULL, creator, &whose, &i);
}

/* --- The guard ------------------------------------------------------------ */

static struct core_lock *guard_lock_of(const struct view *v,
				       const struct ref *r)
{
	/* Acquire: pairs with the release in join_family().  Only that store
	 * changes the guard, and never back. */
	return load_acquire(&r->family) ? &v->sb->ref_family
					: (struct core_lock *)&r->lock;
}

int ref_guard(struct view *v, struct thread_rec *me, const struct ref *r,
	      struct core_lock **ret)
{
	/* A ref joins a family once and never leaves it, so this ends at the
	 * second turn. */
	for (int i = 0; i < 3; i++) {
		struct core_lock *guard = guard_lock_of(v, r);
		int rc = core_lock(v, me, guard);

		if (rc < 0)
			return rc;
		if (guard == guard_lock_of(v, r)) {
			*ret = guard;
			return 0;
		}
		core_unlock(v, me, guard);
	}
	return -EIO;
}

int ref_enter(struct view *v, struct thread_rec *me, struct ref *r, uint32_t id,
	      struct core_lock **ret)
{
	int rc = id ? ref_guard(v, me, r, ret) : -EIDRM;

	if (rc < 0)
		return rc;
	if (load_relaxed(&r->id) != id) {
		core_unlock(v, me, *ret);
		return -EIDRM;
	}
	me->ref.a[0] = ref_index(v, r);
	compiler_fence();
	store_relaxed(&me->ref.op, REF_OP_TOUCH);
	compiler_fence();
	return 0;
}

void ref_leave(struct view *v, struct thread_rec *me, struct core_lock *guard)
{
	compiler_fence();
	store_relaxed(&me->ref.op, REF_OP_NONE);
	compiler_fence();
	core_unlock(v, me, guard);
}

/* --- Rows of a ref -------------------------------------------------------- */

struct ref_row *ref_find_row(const struct view *v, const struct ref *r,
			     uint32_t id)
{
	uint32_t hi = rows_hi(v), at = load_relaxed(&r->first_row);

	for (uint32_t n = 0; at && at <= hi && n < hi; n++) {
		struct ref_row *row = row_at(v, at - 1);

		if (load_relaxed(&row->member) == id)
			return row;
		at = load_relaxed(&row->next);
	}
	return NULL;
}

/* Link a row into the chain of @r.  Commit: first_row.  Until then recovery
 * finds the row SPARE and not in the chain. */
static void link_row(struct view *v, struct ref *r, struct ref_row *row)
{
	/* Release: pairs with the acquire in is_row_of().  A thread of another
	 * ref with a stale hint, if it sees the row linked, must see whose the
	 * row is now. */
	store_release(&row->linked, 1);
	store_relaxed(&row->next, load_relaxed(&r->first_row));
	compiler_fence();
	store_relaxed(&r->first_row, row_index(v, row) + 1);
	compiler_fence();
}

/* Link the spare row @i, under the guard. 1: it is not needed, as another
 * thread of the member was faster; or it is not there any more. */
static int link_spare_row(struct view *v, struct thread_rec *me, struct ref *r,
			  struct ref_member who, uint32_t i, uint32_t gen,
			  struct ref_row **ret)
{
	*ret = ref_find_row(v, r, who.id);
	if (*ret)
		return 1;
	/* Another thread ended it: the member has gone, or rows were short. */
	if (!row_is(v, i, gen))
		return 1;
	*ret = row_at(v, i);
	link_row(v, r, *ret);
	store_relaxed(&me->row.op, ROW_OP_NONE);
	return 0;
}

/* Make a row, enter, and link the row.  1: begin again; errors as
 * ref_enter_row(). */
static int enter_with_new_row(struct view *v, struct thread_rec *me,
			      struct ref *r, uint32_t id, struct ref_member who,
			      struct core_lock **ret, struct ref_row **ret_row)
{
	uint32_t i, gen;
	int rc = row_make(v, me, who, ref_index(v, r), id, &i, &gen);

	if (rc < 0)
		return rc;
	rc = ref_enter(v, me, r, id, ret);
	if (rc == 0) {
		rc = link_spare_row(v, me, r, who, i, gen, ret_row);
		if (rc == 0)
			return 0;
		ref_leave(v, me, *ret);
	}
	row_free(v, me, i, gen);
	store_relaxed(&me->row.op, ROW_OP_NONE);
	return rc;
}

int ref_enter_row(struct view *v, struct thread_rec *me, struct ref *r,
		  uint32_t id, struct ref_member who, struct core_lock **ret,
		  struct ref_row **ret_row)
{
	int rc;

	do {
		rc = ref_enter(v, me, r, id, ret);
		if (rc < 0)
			return rc;
		*ret_row = ref_find_row(v, r, who.id);
		if (*ret_row)
			return 0;
		ref_leave(v, me, *ret);
		rc = enter_with_new_row(v, me, r, id, who, ret, ret_row);
	} while (rc == 1);
	return rc;
}

/* --- Local counts --------------------------------------------------------- */

static bool is_locked_at_zero(const struct ref *r)
{
	return load_relaxed(&r->locker) != 0;
}

/* Change the count of a row by @by, 1 or -1.  The member's own threads may be
 * moving the count meanwhile.  Commit: the CAS.  Returns the count before, or
 * -errno. */
static int64_t change_row(struct ref_row *row, int by)
{
	uint64_t w = load_relaxed(&row->word);

	do {
		if (by > 0 && ROW_COUNT(w) == ROW_COUNT_MAX)
			return -EOVERFLOW;
		if (by < 0 && !ROW_COUNT(w))
			return -EPERM;
		/* Acquire and release: pairs with itself, and with the release
		 * in row_down_fast().  The thread that gives up the last count
		 * sees what the others did before they gave up theirs. */
	} while (!cas_acq_rel(&row->word, &w, by > 0 ? w + 1 : w - 1));
	return ROW_COUNT(w);
}

static int change_local(struct view *v, struct ref *r, struct ref_row *row,
			int by)
{
	int64_t was;

	if (is_locked_at_zero(r))
		return -EBUSY;
	was = change_row(row, by);
	if (was < 0)
		return (int)was;
	compiler_fence();
	if (was == (by > 0 ? 0 : 1))
		ref_settle(v, r);
	return 0;
}

static void remember_row(const struct view *v, uint32_t *hint,
			 const struct ref_row *row)
{
	/* Relaxed: the row is checked before use (is_row_of(),
	 * row_up_fast()). */
	if (hint)
		store_relaxed(hint, row_index(v, row) + 1);
}

/*
 * Tell whether @row is linked to @r and is member @id's.  We have the guard of
 * @r, but the row may belong to another ref, whose guard does not stop us:
 *
 *   the thread that makes it anew      we
 *   linked = 0                         generation (acquire)
 *   generation + 1                     linked (acquire)
 *   fence (release)                    ref and member of the row
 *   write ref and member               fence (acquire)
 *   linked = 1 (release)               still that generation?
 *
 * If the generation has not changed, all was read in one life of the row.  In
 * that life a row that is linked to @r stays there as long as we have the
 * guard.
 */
static bool is_row_of(const struct ref_row *row, const struct ref *r,
		      uint32_t id)
{
	/* Acquire: pairs with the release of word, and of linked, in
	 * make_row_locked() and link_row(). */
	uint32_t gen = ROW_GEN(load_acquire(&row->word));
	bool is = load_relaxed(&row->state) == ROW_USED &&
		  load_acquire(&row->linked) &&
		  load_relaxed(&row->member) == id &&
		  load_relaxed(&row->ref_id) == load_relaxed(&r->id);

	acquire_fence();
	return is && (ROW_GEN(load_relaxed(&row->word)) == gen || SEED_BUG(83));
}

/* Find the row of the member where its hint says, else in the chain. */
static struct ref_row *hinted_row(const struct view *v, const struct ref *r,
				  uint32_t id, const uint32_t *hint)
{
	uint32_t i = hint ? load_relaxed(hint) : 0;
	struct ref_row *row = i && i <= rows_hi(v) ? row_at(v, i - 1) : NULL;

	return row && is_row_of(row, r, id) ? row : ref_find_row(v, r, id);
}

int ref_up(struct view *v, struct thread_rec *me, struct ref *r, uint32_t *hint)
{
	/* Acquire: pairs with the release in ref_init(). */
	uint32_t id = load_acquire(&r->id);
	struct ref_member who = ref_member_of(v, me);
	struct core_lock *guard;
	struct ref_row *row;
	int rc;

	rc = ref_enter(v, me, r, id, &guard);
	if (rc < 0)
		return rc;
	row = hinted_row(v, r, who.id, hint);
	if (!row) {
		ref_leave(v, me, guard);
		rc = ref_enter_row(v, me, r, id, who, &guard, &row);
		if (rc < 0)
			return rc;
	}
	rc = change_local(v, r, row, 1);
	ref_leave(v, me, guard);
	remember_row(v, hint, row);
	return rc;
}

int ref_down(struct view *v, struct thread_rec *me, struct ref *r,
	     uint32_t *hint)
{
	/* Acquire: pairs with the release in ref_init(). */
	uint32_t id = load_acquire(&r->id);
	struct core_lock *guard;
	struct ref_row *row;
	int rc = ref_enter(v, me, r, id, &guard);

	if (rc < 0)
		return rc;
	row = hinted_row(v, r, ref_member_of(v, me).id, hint);
	if (row)
		rc = change_local(v, r, row, -1);
	else
		rc = is_locked_at_zero(r) ? -EBUSY : -EPERM;
	ref_leave(v, me, guard);
	if (row)
		remember_row(v, hint, row);
	return rc;
}

/* --- The global count ----------------------------------------------------- */

static int change_global(struct view *v, struct ref *r, int by)
{
	uint64_t n = load_relaxed(&r->global);

	if (is_locked_at_zero(r))
		return -EBUSY;
	if (by > 0 && n == UINT64_MAX)
		return -EOVERFLOW;
	if (by < 0 && !n)
		return -EPERM;
	/* Commit.  Relaxed: all that read it have the guard, or show it to
	 * people. */
	store_relaxed(&r->global, by > 0 ? n + 1 : n - 1);
	compiler_fence();
	if (n == (by > 0 ? 0 : 1))
		ref_settle(v, r);
	return 0;
}

static int change_global_guarded(struct view *v, struct thread_rec *me,
				 struct ref *r, int by)
{
	struct core_lock *guard;
	int rc = ref_enter(v, me, r, load_acquire(&r->id), &guard);

	if (rc < 0)
		return rc;
	rc = change_global(v, r, by);
	ref_leave(v, me, guard);
	return rc;
}

int ref_up_global(struct view *v, struct thread_rec *me, struct ref *r)
{
	return change_global_guarded(v, me, r, 1);
}

int ref_down_global(struct view *v, struct thread_rec *me, struct ref *r)
{
	return change_global_guarded(v, me, r, -1);
}
