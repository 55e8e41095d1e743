/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts that go from one row to another, or become global: throw, catch,
 * globalize, fork
 *
 * Invariant: the total never falls on the way.  Two words change, so both new
 * values are announced (MOVE) before the first is stored, and recovery stores
 * them again.  From the read of the old word to the store of the new one, BUSY
 * in the row's word keeps the fast paths of the row's own threads out.
 *
 * Before a fork, `fork` of each row of the parent gets as many counts as the
 * row has.  The child, a member of its own by then, moves these counts into its
 * rows.  Until it has done so, a lock on a byte of the lock file
 * (witness_fork_pending()) keeps the parent's rows, should the parent die:
 * ref_recover_member() comes again.
 */
#include "libfusion/core/refs/ref_pass.h"

#include <stdlib.h>

#include "libfusion/core/file/lock.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"

/* Change the count of @row by @by and a number of @other to @value, both or
 * neither.  Under the guard, announced.  Commit: op = MOVE. */
static int move_count(struct view *v, struct thread_rec *me,
		      struct ref_row *row, int64_t by, struct ref_row *other,
		      uint32_t kind, uint32_t value)
{
	struct intent *in = &me->ref;
	uint64_t w;

	in->a[1] = row_index(v, row);
	compiler_fence();
	store_relaxed(&in->op, REF_OP_BUSY);
	compiler_fence();
	/* Acquire: pairs with the release in row_down_fast(), by which the own
	 * threads of the row may have moved it until now.  Release: they find
	 * BUSY behind the announcement. */
	w = or_acq_rel(&row->word, ROW_BUSY) & ~ROW_BUSY;
	if (by > 0 && ROW_COUNT_MAX - ROW_COUNT(w) < (uint64_t)by) {
		store_release(&row->word, w);
		return -EOVERFLOW;
	}
	in->kind = kind;
	in->a[2] = w + (uint64_t)by;
	in->a[3] = (uint64_t)value << 32 | row_index(v, other);
	compiler_fence();
	/* Commit: from here on recovery goes on. */
	store_relaxed(&in->op, REF_OP_MOVE);
	compiler_fence();
	store_relaxed(kind == REF_MOVE_FORK ? &other->fork : &other->pending,
		      value);
	/* Release: pairs with the acquire in change_row() and row_up_fast(), as
	 * each count down. */
	store_release(&row->word, in->a[2]);
	compiler_fence();
	store_relaxed(&in->op, REF_OP_TOUCH);
	return 0;
}

static int throw_locked(struct view *v, struct thread_rec *me, struct ref *r,
			struct ref_row *to)
{
	struct ref_row *row = ref_find_row(v, r, ref_member_of(v, me).id);
	uint32_t pending = load_relaxed(&to->pending);
	int rc;

	if (load_relaxed(&r->locker))
		return -EBUSY;
	/* Relaxed: the own threads of the row do not give up their last count
	 * without the guard. */
	if (!row || !ROW_COUNT(load_relaxed(&row->word)))
		return -EPERM;
	if (pending == UINT32_MAX)
		return -EOVERFLOW;
	rc = move_count(v, me, row, -1, to, REF_MOVE_PENDING, pending + 1);
	compiler_fence();
	ref_settle(v, r);
	return rc;
}

int ref_throw(struct view *v, struct thread_rec *me, struct ref *r,
	      uint32_t catcher)
{
	/* Acquire: pairs with the release in ref_init(). */
	uint32_t id = load_acquire(&r->id);
	struct ref_member who = {member_find(v, catcher), catcher};
	struct core_lock *guard;
	struct ref_row *to;
	int rc;

	if (!who.slot)
		return id ? -ESRCH : -EIDRM;
	rc = ref_enter_row(v, me, r, id, who, &guard, &to);
	if (rc < 0)
		return rc;
	/* A member that leaves gets no more, although its row may still be
	 * there. */
	rc = -ESRCH;
	if (member_at(v, who.slot, who.id))
		rc = throw_locked(v, me, r, to);
	ref_leave(v, me, guard);
	return rc;
}

int ref_catch(struct view *v, struct thread_rec *me, struct ref *r)
{
	struct core_lock *guard;
	struct ref_row *row;
	int rc = ref_enter(v, me, r, load_acquire(&r->id), &guard);

	if (rc < 0)
		return rc;
	row = ref_find_row(v, r, ref_member_of(v, me).id);
	rc = -ENODATA;
	if (row && load_relaxed(&row->pending))
		rc = move_count(v, me, row, 1, row, REF_MOVE_PENDING,
				load_relaxed(&row->pending) - 1);
	ref_leave(v, me, guard);
	return rc;
}

/* Make one count of @row a global one, both or neither.  Commit: op = MOVE. */
static int globalize_locked(struct view *v, struct thread_rec *me,
			    struct ref *r, struct ref_row *row)
{
	struct intent *in = &me->ref;
	uint64_t w;

	in->a[1] = row_index(v, row);
	compiler_fence();
	store_relaxed(&in->op, (uint32_t)REF_OP_BUSY);
	compiler_fence();
	/* Acquire and release: as in move_count(). */
	w = or_acq_rel(&row->word, ROW_BUSY) & ~ROW_BUSY;
	in->kind = REF_MOVE_GLOBAL;
	in->a[2] = w - 1;
	in->a[3] = load_relaxed(&r->global) + 1;
	compiler_fence();
	/* Commit: from here on recovery goes on. */
	store_relaxed(&in->op, (uint32_t)REF_OP_MOVE);
	compiler_fence();
	store_relaxed(&r->global, in->a[3]);
	/* Release: as in move_count(). */
	store_release(&row->word, in->a[2]);
	compiler_fence();
	store_relaxed(&in->op, (uint32_t)REF_OP_TOUCH);
	return 0;
}

int ref_globalize(struct view *v, struct thread_rec *me, struct ref *r)
{
	struct core_lock *guard;
	struct ref_row *row;
	int rc = ref_enter(v, me, r, load_acquire(&r->id), &guard);

	if (rc < 0)
		return rc;
	row = ref_find_row(v, r, ref_member_of(v, me).id);
	if (load_relaxed(&r->locker))
		rc = -EBUSY;
	/* Relaxed: as in throw_locked(). */
	else if (!row || !ROW_COUNT(load_relaxed(&row->word)))
		rc = -EPERM;
	else if (load_relaxed(&r->global) == UINT64_MAX)
		rc = -EOVERFLOW;
	else
		rc = globalize_locked(v, me, r, row);
	ref_leave(v, me, guard);
	return rc;
}

/* --- Fork ----------------------------------------------------------------- */

/* Copy the list of the rows of @who, under rows.lock: the chain may change
 * without it.  Their number, or -errno. */
static int list_rows(struct view *v, struct thread_rec *me,
		     struct ref_member who, uint32_t **ret)
{
	uint32_t hi = rows_hi(v), at, n = 0, room = 0, *list = NULL, *more;
	int r = core_lock(v, me, &v->sb->rows.lock);

	if (r < 0)
		return r;
	at = load_relaxed(&view_member(v, who.slot)->rows);
	while (at && at <= hi && n < hi) {
		if (n == room) {
			room = room ? 2 * room : 64;
			more = realloc(list, room * sizeof(*list));
			if (!more) {
				r = -ENOMEM;
				break;
			}
			list = more;
		}
		list[n++] = at - 1;
		at = load_relaxed(&row_at(v, at - 1)->m_next);
	}
	core_unlock(v, me, &v->sb->rows.lock);
	if (r < 0) {
		free(list);
		return r;
	}
	*ret = list;
	return (int)n;
}

/* What to do with each row of a member, under the guard. 1: it was done. */
typedef int (*row_fn)(struct view *v, struct thread_rec *me, struct ref *r,
		      struct ref_row *row);

static int do_row(struct view *v, struct thread_rec *me, struct ref_member who,
		  uint32_t i, row_fn fn)
{
	uint32_t ref = load_relaxed(&row_at(v, i)->ref), id;
	struct core_lock *guard;
	struct ref_row *row;
	struct ref *r;
	int rc;

	if (ref >= table_hi(v, KIND_REF))
		return 0;
	r = ref_at(v, ref);
	id = load_relaxed(&row_at(v, i)->ref_id);
	rc = ref_enter(v, me, r, id, &guard);
	if (rc < 0)
		return rc == -EIDRM ? 0 : rc;
	row = ref_find_row(v, r, who.id);
	rc = row ? fn(v, me, r, row) : 0;
	ref_leave(v, me, guard);
	return rc;
}

static int do_each_row(struct view *v, struct thread_rec *me,
		       struct ref_member who, row_fn fn)
{
	uint32_t *list = NULL;
	int n = list_rows(v, me, who, &list), done = 0, r = 0;

	for (int i = 0; i < n && r >= 0; i++) {
		r = do_row(v, me, who, list[i], fn);
		done += r > 0;
	}
	free(list);
	if (n < 0)
		return n;
	return r < 0 ? r : done;
}

static int hold_fork_row(struct view *v, struct thread_rec *me, struct ref *r,
			 struct ref_row *row)
{
	uint32_t n = ROW_COUNT(load_relaxed(&row->word));

	(void)v;
	(void)me;
	(void)r;
	/* Commit. */
	store_relaxed(&row->fork, n);
	return n > 0;
}

static int drop_fork_row(struct view *v, struct thread_rec *me, struct ref *r,
			 struct ref_row *row)
{
	(void)me;
	if (!load_relaxed(&row->fork))
		return 0;
	store_relaxed(&row->fork, 0);
	compiler_fence();
	ref_settle(v, r);
	return 1;
}

int ref_fork_hold(struct view *v, struct thread_rec *me)
{
	return do_each_row(v, me, ref_member_of(v, me), hold_fork_row);
}

int ref_fork_drop(struct view *v, struct thread_rec *me)
{
	return do_each_row(v, me, ref_member_of(v, me), drop_fork_row);
}

static int take_fork_row(struct view *v, struct thread_rec *me,
			 struct ref_member parent, uint32_t i)
{
	const struct ref_row *theirs = row_at(v, i);
	uint32_t ref = load_relaxed(&theirs->ref), id, n;
	struct ref_row *row, *from;
	struct core_lock *guard;
	struct ref *r;
	int rc;

	if (!load_relaxed(&theirs->fork) || ref >= table_hi(v, KIND_REF))
		return 0;
	r = ref_at(v, ref);
	id = load_relaxed(&theirs->ref_id);
	rc = ref_enter_row(v, me, r, id, ref_member_of(v, me), &guard, &row);
	if (rc < 0)
		return rc == -EIDRM ? 0 : rc;
	from = ref_find_row(v, r, parent.id);
	n = from ? load_relaxed(&from->fork) : 0;
	if (n)
		rc = move_count(v, me, row, n, from, REF_MOVE_FORK, 0);
	ref_leave(v, me, guard);
	return rc < 0 ? rc : n > 0;
}

int ref_fork_take(struct view *v, struct thread_rec *me,
		  struct ref_member parent)
{
	uint32_t *list = NULL;
	int n = list_rows(v, me, parent, &list), done = 0, r = 0;

	for (int i = 0; i < n; i++) {
		int one = take_fork_row(v, me, parent, list[i]);

		done += one > 0;
		r = one < 0 ? one : r;
	}
	free(list);
	if (n < 0)
		return n;
	return r < 0 ? r : done;
}
