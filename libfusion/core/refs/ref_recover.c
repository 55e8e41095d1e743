/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery of references
 *
 * In two steps.  First, while the dead thread still holds its locks, what it
 * was doing under them is finished (MOVE, LINK, UNLINK, INHERIT) or undone
 * (BUSY), and its ref is settled.  Then the locks are freed, and what the
 * thread had begun without a lock goes on: a row on its way out, a ref on its
 * way out.
 *
 * Each step is idempotent, and the announcement is cleared last: killed here,
 * the next recoverer starts over.
 */
#include "libfusion/core/refs/ref_recover.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/witness.h"
#include "libfusion/core/refs/ref_drop.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_link.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"

/* --- What the dead did under a lock it still holds ------------------------ */

static struct ref_row *checked_row(const struct view *v, uint64_t i)
{
	return i < rows_hi(v) ? row_at(v, (uint32_t)i) : NULL;
}

static int redo_move(struct view *v, struct ref *r, const struct intent *in)
{
	struct ref_row *row = checked_row(v, in->a[1]);
	struct ref_row *other = checked_row(v, (uint32_t)in->a[3]);
	uint32_t value = (uint32_t)(in->a[3] >> 32);

	if (!row || (in->kind != REF_MOVE_GLOBAL && !other))
		return -EIO;
	if (in->kind == REF_MOVE_GLOBAL)
		store_relaxed(&r->global, in->a[3]);
	else
		store_relaxed(in->kind == REF_MOVE_FORK ? &other->fork
							: &other->pending,
			      value);
	/* Only while the row is BUSY.  If the word was stored already, the own
	 * threads of the row may have moved it on: it need not be the whole
	 * member that died.  Release: pairs with the acquire in change_row()
	 * and row_up_fast(). */
	if (load_relaxed(&row->word) & ROW_BUSY)
		store_release(&row->word, in->a[2] & ~ROW_BUSY);
	return 0;
}

static int undo_busy(struct view *v, const struct intent *in)
{
	struct ref_row *row = checked_row(v, in->a[1]);

	if (!row)
		return -EIO;
	if (load_relaxed(&row->word) & ROW_BUSY)
		/* Release: as in redo_move(). */
		store_release(&row->word, load_relaxed(&row->word) & ~ROW_BUSY);
	return 0;
}

static int recover_ref(struct view *v, struct thread_rec *t)
{
	const struct intent in = t->ref;
	struct ref *r;
	int rc = 0;

	if (in.op == REF_OP_NONE || in.op == REF_OP_DESTROY)
		return 0;
	if (in.op >= N_REF_OPS || in.a[0] >= table_hi(v, KIND_REF)) {
		store_relaxed(&t->ref.op, REF_OP_NONE);
		return -EIO;
	}
	r = ref_at(v, (uint32_t)in.a[0]);
	if (in.op == REF_OP_BUSY)
		rc = undo_busy(v, &in);
	else if (in.op == REF_OP_MOVE)
		rc = redo_move(v, r, &in);
	else if (in.op == REF_OP_LINK || in.op == REF_OP_UNLINK)
		rc = ref_link_recover(v, r, &in);
	else if (in.op == REF_OP_INHERIT)
		ref_inherit_undo(v, r, (uint32_t)in.a[1]);
	compiler_fence();
	if (!SEED_BUG(33))
		ref_settle(v, r);
	/* The dead thread may have owed both wakes. */
	ref_wake(r);
	ref_tell(v, r);
	compiler_fence();
	store_relaxed(&t->ref.op, REF_OP_NONE);
	return rc;
}

int ref_recover_locked(struct view *v, struct thread_rec *t)
{
	int r = recover_ref(v, t);

	return r ? r : row_recover_locked(v, t);
}

/* --- What it had begun ---------------------------------------------------- */

static int recover_destroy(struct view *v, struct thread_rec *me,
			   struct thread_rec *t)
{
	struct intent *log = &t->ref;
	const struct ref *r;

	if (log->op != REF_OP_DESTROY)
		return 0;
	if (log->a[0] < table_hi(v, KIND_REF)) {
		r = ref_at(v, (uint32_t)log->a[0]);
		/* The destruction was committed, and the record is still in the
		 * table. */
		if (load_relaxed(&r->e.state) == ENTRY_USED &&
		    load_relaxed(&r->e.id) == log->a[1] &&
		    !load_relaxed(&r->id) && !SEED_BUG(36))
			return ref_destroy_rest(v, me, log);
	}
	store_relaxed(&log->op, REF_OP_NONE);
	return 0;
}

int ref_recover(struct view *v, struct thread_rec *t)
{
	struct thread_rec *me;
	int r;

	if (!ref_announces(t))
		return 0;
	r = life_rec_get(v, &me);
	if (r < 0)
		return r;
	r = row_recover(v, me, &t->row);
	return r < 0 ? r : recover_destroy(v, me, t);
}

int ref_recover_member(struct view *v, uint32_t slot)
{
	uint32_t hi = rows_hi(v), first, gen = 0;
	struct thread_rec *me;
	int r = life_rec_get(v, &me);

	if (r < 0)
		return r;
	for (uint32_t n = 0; n <= hi; n++) {
		r = rows_close(v, me, slot, &first, &gen);
		if (r < 0 || !first)
			return r;
		if (!n && witness_fork_pending(v, slot))
			return -ETIMEDOUT;
		r = row_drop(v, me, first - 1, gen, NULL, false);
		if (r < 0)
			return r;
	}
	return -EIO;
}
