/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of rows and of refs
 *
 * A row goes in two steps, each under its own lock: out of its ref (guard),
 * then into the free list (rows.lock).  Several threads may want to end the
 * same row.  Invariant: the first step gives the row a new generation, and only
 * the thread that knows that generation frees the row.
 *
 * Recovery takes these same steps.  It keeps no intents of its own: what it
 * recovers stays where it is until it is done.
 */
#include "libfusion/core/refs/ref_drop.h"

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"

#define RECLAIM_MOST 64 /* rows freed at once, when there are no more */

/* Announce DROP, under the guard: recovery then ends the row. */
static void announce_drop(struct intent *log, uint32_t i, uint32_t gen)
{
	if (!log)
		return;
	log->a[0] = i;
	log->a[1] = gen;
	compiler_fence();
	store_relaxed(&log->op, ROW_OP_DROP);
	compiler_fence();
}

/* Find the word that leads to @row in the chain of @r; NULL if the row is not
 * there.  While the row says that it is linked, nobody can end its ref without
 * this guard. */
static uint32_t *link_to_row(const struct view *v, struct ref *r,
			     const struct ref_row *row)
{
	uint32_t hi = rows_hi(v), i = row_index(v, row) + 1, at;
	uint32_t *link = &r->first_row;

	for (uint32_t n = 0; load_relaxed(&row->linked) && n < hi; n++) {
		at = load_relaxed(link);
		if (at == i)
			return link;
		if (!at || at > hi)
			break;
		link = &row_at(v, at - 1)->next;
	}
	return NULL;
}

static void unlink_row(struct view *v, struct ref *r, struct ref_row *row)
{
	uint32_t *link = link_to_row(v, r, row);

	if (link)
		store_relaxed(link, load_relaxed(&row->next));
	compiler_fence();
	store_relaxed(&row->linked, 0);
}

/* End the lock and the watch that the member has of @r. */
static void forget_member(struct ref *r, uint64_t who)
{
	if (load_relaxed(&r->watcher) == who)
		store_relaxed(&r->watcher, 0);
	if (load_relaxed(&r->locker) == who && !SEED_BUG(35)) {
		store_relaxed(&r->locker, 0);
		compiler_fence();
		ref_wake(r);
	}
}

static bool is_row_needed(const struct view *v, struct ref *r,
			  const struct ref_row *row, uint64_t who)
{
	if (row_counts(row))
		return true;
	return (load_relaxed(&r->locker) == who ||
		load_relaxed(&r->watcher) == who) &&
	       link_to_row(v, r, row);
}

/* Take a row out of its ref, under the guard.  *ret_gen is the generation to
 * free it with. */
static int take_row_out(struct view *v, struct ref *r, struct ref_row *row,
			bool only_idle, uint32_t *ret_gen)
{
	uint64_t who =
		REF_WHO(load_relaxed(&row->slot), load_relaxed(&row->member));
	bool same_ref = load_relaxed(&r->id) == load_relaxed(&row->ref_id);
	uint64_t w = load_relaxed(&row->word);

	if (only_idle && same_ref && is_row_needed(v, r, row, who))
		return -EBUSY;
	/* A new generation, and no count: a thread that comes with the old
	 * generation finds nothing.  Acquire and release: as in
	 * change_row(). */
	while (!cas_acq_rel(&row->word, &w,
			    (uint64_t)((ROW_GEN(w) + 1) & 0x7fffffffu) << 32))
		;
	*ret_gen = (ROW_GEN(w) + 1) & 0x7fffffffu;
	store_relaxed(&row->pending, 0);
	store_relaxed(&row->fork, 0);
	unlink_row(v, r, row);
	if (same_ref) {
		forget_member(r, who);
		compiler_fence();
		if (!SEED_BUG(34))
			ref_settle(v, r);
	}
	return 0;
}

int row_drop(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen,
	     struct intent *log, bool only_idle)
{
	struct ref_row *row = row_at(v, i);
	struct core_lock *guard;
	struct ref *r;
	uint32_t ref;
	int rc;

	ref = load_relaxed(&row->ref);
	if (ref >= table_hi(v, KIND_REF))
		return -EIO;
	r = ref_at(v, ref);
	rc = ref_guard(v, me, r, &guard);
	if (rc < 0)
		return rc;
	announce_drop(log, i, gen);
	if (row_is(v, i, gen) && load_relaxed(&row->ref) == ref)
		rc = take_row_out(v, r, row, only_idle, &gen);
	else
		rc = -ESTALE;
	core_unlock(v, me, guard);
	if (rc == 0)
		rc = row_free(v, me, i, gen);
	/* Without patience the announcement stays, and the caller comes
	 * again. */
	if (log && rc != -ETIMEDOUT) {
		compiler_fence();
		store_relaxed(&log->op, ROW_OP_NONE);
	}
	return rc == -ESTALE ? 0 : rc;
}

/* Finish the end of row @i, which has got generation @gen: out of the chain,
 * into the free list. */
static int finish_row_drop(struct view *v, struct thread_rec *me, uint32_t i,
			   uint32_t gen)
{
	struct ref_row *row = row_at(v, i);
	uint32_t ref = load_relaxed(&row->ref);
	struct core_lock *guard;
	int rc = 0;

	if (!row_is(v, i, gen))
		return 0;
	if (load_relaxed(&row->linked) && ref < table_hi(v, KIND_REF)) {
		rc = ref_guard(v, me, ref_at(v, ref), &guard);
		if (rc < 0)
			return rc;
		if (row_is(v, i, gen))
			unlink_row(v, ref_at(v, ref), row);
		core_unlock(v, me, guard);
	}
	return row_free(v, me, i, gen);
}

int row_recover(struct view *v, struct thread_rec *me, struct intent *log)
{
	uint32_t i = (uint32_t)log->a[0], gen = (uint32_t)log->a[1];
	int rc = 0;

	if ((log->op == ROW_OP_SPARE || log->op == ROW_OP_DROP) &&
	    i < rows_hi(v)) {
		/* Linked or not, the row goes if it counts nothing.  Its log
		 * has to say so: it may be in no chain but that of its member,
		 * which may live on. */
		if (row_is(v, i, gen))
			rc = row_drop(v, me, i, gen, log, true);
		else if (log->op == ROW_OP_DROP)
			rc = finish_row_drop(v, me, i, (gen + 1) & 0x7fffffffu);
		if (rc == -EBUSY)
			rc = 0;
	}
	if (rc >= 0)
		store_relaxed(&log->op, ROW_OP_NONE);
	return rc;
}

static bool is_row_idle(const struct ref_row *row)
{
	/* Acquire: pairs with the release in make_row_locked().  A hint:
	 * row_drop() looks again under the guard. */
	return load_acquire(&row->state) == ROW_USED && !row_counts(row);
}

int rows_reclaim(struct view *v, struct thread_rec *me)
{
	uint32_t hi = rows_hi(v);
	int done = 0, r;

	for (uint32_t i = 0; i < hi && done < RECLAIM_MOST; i++) {
		/* Acquire: pairs with the release in make_row_locked(); the
		 * state is read behind the generation. */
		uint64_t w = load_acquire(&row_at(v, i)->word);

		if (!is_row_idle(row_at(v, i)))
			continue;
		r = row_drop(v, me, i, ROW_GEN(w), &me->row, true);
		/* The row is still announced: another one must not take its
		 * place. */
		if (r == -ETIMEDOUT)
			break;
		done += r == 0;
	}
	return done;
}

/* --- Destroying ----------------------------------------------------------- */

/* Finish the destruction that @me has begun and had no patience for. What @me
 * announces next takes the place of its announcement.  1 it was that of @r; 0;
 * -ETIMEDOUT still not finished. */
static int finish_left(struct view *v, struct thread_rec *me,
		       const struct ref *r)
{
	bool same = load_relaxed(&me->ref.a[0]) == ref_index(v, r);
	int rc;

	if (load_relaxed(&me->ref.op) != REF_OP_DESTROY)
		return 0;
	rc = ref_destroy_rest(v, me, &me->ref);
	return rc == -ETIMEDOUT ? rc : same;
}

int ref_destroy(struct view *v, struct thread_rec *me, struct ref *r)
{
	struct core_lock *guard;
	uint32_t id;
	int rc = finish_left(v, me, r);

	if (rc)
		return rc < 0 ? rc : 0;
	/* Acquire: pairs with the release in ref_init(). */
	id = load_acquire(&r->id);
	if (!id)
		return -EIDRM;
	rc = ref_enter(v, me, r, id, &guard);
	if (rc < 0)
		return rc;
	me->ref.a[1] = id;
	me->ref.a[2] = 0;
	compiler_fence();
	store_relaxed(&me->ref.op, REF_OP_DESTROY);
	compiler_fence();
	/* Commit.  Release: pairs with the acquires of id in all functions that
	 * begin with it. */
	store_release(&r->id, 0);
	compiler_fence();
	core_unlock(v, me, guard);
	return ref_destroy_rest(v, me, &me->ref);
}

/* Wake all that wait for @r, and cut it out of its family. */
static int turn_users_away(struct view *v, struct thread_rec *me, struct ref *r)
{
	struct core_lock *guard;
	int rc = ref_guard(v, me, r, &guard);

	if (rc < 0)
		return rc;
	ref_cut(v, r);
	store_relaxed(&r->locker, 0);
	ref_wake(r);
	ref_tell(v, r);
	core_unlock(v, me, guard);
	return 0;
}

/* Take the first row out of the chain, with what is needed to free it in @log.
 * 1: there was one. */
static int take_first_row(struct view *v, struct thread_rec *me, struct ref *r,
			  struct intent *log)
{
	uint32_t first, gen = 0;
	struct core_lock *guard;
	struct ref_row *row;
	int rc = ref_guard(v, me, r, &guard);

	if (rc < 0)
		return rc;
	first = load_relaxed(&r->first_row);
	if (first > rows_hi(v))
		rc = -EIO;
	if (first && !rc) {
		row = row_at(v, first - 1);
		log->a[3] =
			(ROW_GEN(load_relaxed(&row->word)) + 1) & 0x7fffffffu;
		compiler_fence();
		log->a[2] = first;
		compiler_fence();
		take_row_out(v, r, row, false, &gen);
	}
	core_unlock(v, me, guard);
	return rc < 0 ? rc : first != 0;
}

int ref_destroy_rest(struct view *v, struct thread_rec *me, struct intent *log)
{
	uint32_t i = (uint32_t)log->a[0], id = (uint32_t)log->a[1];
	struct ref *r = ref_at(v, i);
	int rc = turn_users_away(v, me, r);

	while (rc >= 0) {
		uint32_t row = (uint32_t)log->a[2];

		if (row && row <= rows_hi(v))
			rc = finish_row_drop(v, me, row - 1,
					     (uint32_t)log->a[3]);
		/* The row is announced until it is free. */
		if (rc == -ETIMEDOUT)
			break;
		log->a[2] = 0;
		if (rc >= 0)
			rc = take_first_row(v, me, r, log);
		if (rc == 0)
			break;
	}
	if (rc == 0)
		rc = table_remove(v, me, KIND_REF, i, id);
	compiler_fence();
	/* Without patience the announcement stays, and the next call goes
	 * on. */
	if (rc != -ETIMEDOUT)
		store_relaxed(&log->op, REF_OP_NONE);
	return rc;
}
