/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows: their table, and the chain of each member
 *
 * All is done under rows.lock.  Invariant: the forward chain of a member, and
 * `state`, are the truth, so recovery mends the back links and the free list
 * from them.  Each change announces MAKE or FREE first, with what rows.n will
 * be.
 *
 * Dead owner of rows.lock: row_recover_locked() gives a row back that was being
 * made, and completes the end of one that was being freed.
 */
#include "libfusion/core/refs/ref_row.h"

#include "libfusion/core/file/lock.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/refs/ref_drop.h"
#include "libfusion/core/refs/ref_private.h"

#define PAGE 4096
#define RECLAIM_TRIES 2

uint32_t rows_hi(const struct view *v)
{
	return view_hi(&v->sb->rows.hi, v->geo.max_rows);
}

static uint64_t next_generation(uint64_t word)
{
	return (uint64_t)((ROW_GEN(word) + 1) & 0x7fffffffu) << 32;
}

bool row_is(const struct view *v, uint32_t i, uint32_t gen)
{
	const struct ref_row *row = row_at(v, i);

	/* Acquire: pairs with the release of the state in make_row_locked();
	 * the generation is read behind it. */
	return i < rows_hi(v) && load_acquire(&row->state) == ROW_USED &&
	       ROW_GEN(load_relaxed(&row->word)) == gen;
}

static void announce_row(struct thread_rec *me, uint32_t op, uint32_t i,
			 uint32_t gen, uint32_t n, uint32_t slot, bool fresh)
{
	compiler_fence();
	me->row.kind = fresh;
	me->row.a[0] = i;
	me->row.a[1] = gen;
	me->row.a[2] = n;
	me->row.a[3] = slot;
	compiler_fence();
	store_relaxed(&me->row.op, op);
	compiler_fence();
}

static void finish_row_op(struct view *v, struct intent *in, uint32_t n)
{
	store_relaxed(&v->sb->rows.n, n);
	compiler_fence();
	store_relaxed(&in->op, ROW_OP_NONE);
}

/* Put a row into the free list.  Relaxed here and in all chains: rows.lock
 * orders them, and compiler_fence() what recovery sees. */
static void push_free_row(struct view *v, uint32_t i)
{
	store_relaxed(&row_at(v, i)->m_next, load_relaxed(&v->sb->rows.free));
	compiler_fence();
	store_relaxed(&v->sb->rows.free, i + 1);
	compiler_fence();
}

/* Reserve memory for the row at the mark, if it begins a page. */
static int reserve_row(struct view *v, uint32_t hi)
{
	uint64_t off = v->geo.off_rows + (uint64_t)hi * ROW_SIZE;

	if (hi >= v->geo.max_rows)
		return -ENOSPC;
	return off % PAGE ? 0 : view_reserve(v, off, ROW_SIZE);
}

static void fill_row(struct ref_row *row, struct ref_member who, uint32_t ref,
		     uint32_t ref_id)
{
	store_relaxed(&row->ref, ref);
	store_relaxed(&row->ref_id, ref_id);
	store_relaxed(&row->slot, who.slot);
	store_relaxed(&row->member, who.id);
	store_relaxed(&row->pending, 0);
	store_relaxed(&row->fork, 0);
	store_relaxed(&row->next, 0);
	store_relaxed(&row->linked, 0);
}

static void link_to_member(struct view *v, struct member_rec *m, uint32_t i)
{
	uint32_t first = load_relaxed(&m->rows);

	store_relaxed(&row_at(v, i)->m_prev, 0);
	store_relaxed(&row_at(v, i)->m_next, first);
	compiler_fence();
	store_relaxed(&m->rows, i + 1);
	compiler_fence();
	if (first)
		store_relaxed(&row_at(v, first - 1)->m_prev, i + 1);
}

/* Make a row.  Commit: op = SPARE.  Killed before it: recovery gives the row
 * back.  Killed behind it: recovery ends the row unless it counts
 * (row_recover()). */
static int make_row_locked(struct view *v, struct thread_rec *me,
			   struct ref_member who, uint32_t ref, uint32_t ref_id,
			   uint32_t *ret_index, uint32_t *ret_gen)
{
	uint32_t hi = rows_hi(v), i = load_relaxed(&v->sb->rows.free), n;
	struct member_rec *m = view_member(v, who.slot);
	struct ref_row *row;
	bool fresh = !i;
	int r = 0;

	if (!member_at(v, who.slot, who.id) || load_relaxed(&m->rows_closed))
		return -ESRCH;
	if (i > hi || load_relaxed(&m->rows) > hi)
		return -EIO;
	if (fresh) {
		r = reserve_row(v, hi);
		i = hi + 1;
	}
	if (r < 0)
		return r;
	row = row_at(v, --i);
	n = load_relaxed(&v->sb->rows.n) + 1;
	announce_row(me, ROW_OP_MAKE, i, 0, n, who.slot, fresh);
	if (fresh)
		/* Release: pairs with the acquire in view_hi(). */
		store_release(&v->sb->rows.hi, hi + 1);
	else
		store_relaxed(&v->sb->rows.free, load_relaxed(&row->m_next));
	compiler_fence();
	/* The generation is stored before what it vouches for: the drawing is
	 * at is_row_of() in ref.c.  Release: pairs with the acquire there.
	 * row_up_fast() needs a count to go on, and the first count comes under
	 * the guard, behind all this. */
	store_release(&row->word, next_generation(load_relaxed(&row->word)));
	release_fence();
	fill_row(row, who, ref, ref_id);
	me->row.a[1] = ROW_GEN(load_relaxed(&row->word));
	/* Release: pairs with the acquire in row_is() and is_row_idle(). */
	store_release(&row->state, ROW_USED);
	compiler_fence();
	link_to_member(v, m, i);
	store_relaxed(&v->sb->rows.n, n);
	compiler_fence();
	store_relaxed(&me->row.op, ROW_OP_SPARE);
	*ret_index = i;
	*ret_gen = (uint32_t)me->row.a[1];
	return 0;
}

int row_make(struct view *v, struct thread_rec *me, struct ref_member who,
	     uint32_t ref, uint32_t ref_id, uint32_t *ret_index,
	     uint32_t *ret_gen)
{
	int r;

	for (int i = 0; i < RECLAIM_TRIES; i++) {
		r = core_lock(v, me, &v->sb->rows.lock);
		if (r < 0)
			return r;
		r = make_row_locked(v, me, who, ref, ref_id, ret_index,
				    ret_gen);
		core_unlock(v, me, &v->sb->rows.lock);
		if ((r != -ENOSPC && r != -ENOMEM) || rows_reclaim(v, me) <= 0)
			break;
	}
	return r;
}

/* Take row @i out of the chain of its member, if it is there, and mend the back
 * links.  -EIO: the chain leads out of the rows, or in a ring. */
static int unlink_and_mend(struct view *v, uint32_t slot, uint32_t i)
{
	struct member_rec *m = view_member(v, slot);
	uint32_t *link = &m->rows, prev = 0, at, hi = rows_hi(v);

	for (uint32_t n = 0; (at = load_relaxed(link)); n++) {
		struct ref_row *row = row_at(v, at - 1);

		if (at > hi || n >= hi)
			return -EIO;
		if (at == i + 1) {
			store_relaxed(link, load_relaxed(&row->m_next));
			continue;
		}
		store_relaxed(&row->m_prev, prev);
		prev = at;
		link = &row->m_next;
	}
	return 0;
}

/* Take row @i out of the chain of its member, without a walk when the links are
 * whole.  Else as unlink_and_mend(). */
static int unlink_from_member(struct view *v, uint32_t slot, uint32_t i)
{
	struct ref_row *row = row_at(v, i);
	uint32_t next = load_relaxed(&row->m_next),
		 prev = load_relaxed(&row->m_prev), hi = rows_hi(v);
	uint32_t *link = &view_member(v, slot)->rows;

	if (next > hi || prev > hi)
		return -EIO;
	if (prev)
		link = &row_at(v, prev - 1)->m_next;
	if (load_relaxed(link) != i + 1)
		return unlink_and_mend(v, slot, i);
	store_relaxed(link, next);
	compiler_fence();
	if (next)
		store_relaxed(&row_at(v, next - 1)->m_prev, prev);
	return 0;
}

/* Free a row.  Commit: the store of the state.  Killed before it: recovery
 * frees the row. */
static int free_row_locked(struct view *v, struct thread_rec *me, uint32_t i,
			   uint32_t gen)
{
	struct ref_row *row = row_at(v, i);
	uint32_t slot, n = load_relaxed(&v->sb->rows.n) - 1;
	int r;

	if (!row_is(v, i, gen))
		return 0;
	slot = load_relaxed(&row->slot);
	if (slot > v->geo.max_members)
		return -EIO;
	announce_row(me, ROW_OP_FREE, i, gen, n, slot, false);
	r = unlink_from_member(v, slot, i);
	compiler_fence();
	/* Commit.  Release: pairs with the acquire in row_is().  A thread that
	 * sees the row free finds it in no chain. */
	store_release(&row->state, ROW_FREE);
	compiler_fence();
	push_free_row(v, i);
	finish_row_op(v, &me->row, n);
	return r;
}

int row_free(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen)
{
	int r = core_lock(v, me, &v->sb->rows.lock);

	if (r < 0)
		return r;
	r = free_row_locked(v, me, i, gen);
	core_unlock(v, me, &v->sb->rows.lock);
	return r;
}

int rows_close(struct view *v, struct thread_rec *me, uint32_t slot,
	       uint32_t *ret_first, uint32_t *ret_gen)
{
	struct member_rec *m = view_member(v, slot);
	int r = core_lock(v, me, &v->sb->rows.lock);

	if (r < 0)
		return r;
	store_relaxed(&m->rows_closed, 1);
	*ret_first = load_relaxed(&m->rows);
	if (*ret_first > rows_hi(v))
		r = -EIO;
	else if (*ret_first)
		/* Acquire: pairs with the release of the word in
		 * make_row_locked(). */
		*ret_gen =
			ROW_GEN(load_acquire(&row_at(v, *ret_first - 1)->word));
	core_unlock(v, me, &v->sb->rows.lock);
	return r;
}

/* --- Recovery: the dead one holds rows.lock ------------------------------- */

/* Give a row back that was being made, or complete the end of one that was
 * being freed. */
static int recover_free_row(struct view *v, const struct intent *in)
{
	uint32_t i = (uint32_t)in->a[0], slot = (uint32_t)in->a[3];
	bool made = in->op == ROW_OP_MAKE;
	int r = 0;

	/* Not taken yet: behind the mark, or the first of the free list. */
	if ((made && in->kind && i >= rows_hi(v)) ||
	    load_relaxed(&v->sb->rows.free) == i + 1)
		return 0;
	if (made || load_relaxed(&row_at(v, i)->state) == ROW_USED)
		r = unlink_and_mend(v, slot, i);
	/* Release: as in free_row_locked(). */
	store_release(&row_at(v, i)->state, ROW_FREE);
	compiler_fence();
	push_free_row(v, i);
	return r;
}

int row_recover_locked(struct view *v, struct thread_rec *t)
{
	struct intent in = t->row;
	int r;

	if (in.op != ROW_OP_MAKE && in.op != ROW_OP_FREE)
		return 0;
	if (in.a[0] > rows_hi(v) || in.a[0] >= v->geo.max_rows ||
	    in.a[3] > v->geo.max_members) {
		store_relaxed(&t->row.op, ROW_OP_NONE);
		return -EIO;
	}
	r = recover_free_row(v, &in);
	finish_row_op(v, &t->row,
		      (uint32_t)in.a[2] - (in.op == ROW_OP_MAKE ? 1 : 0));
	return r;
}
