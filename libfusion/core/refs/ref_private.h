/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the reference counters share. */
#ifndef FUSION_CORE_REF_PRIVATE_H
#define FUSION_CORE_REF_PRIVATE_H

#include "libfusion/core/file/lock.h"
#include "libfusion/core/refs/ref.h"

/*
 * thread_rec.ref.  Under the guard of the ref a[0]:
 *   TOUCH    its total may have become another one
 *   BUSY     the same, and row a[1] may be BUSY without an end
 *   MOVE     row a[1] is to have the word a[2] (not BUSY), row a[3] in its low
 *            half the number in its high half: `pending`, or `fork` if kind
 *            is 1; kind 2: a[3] is what `global` is to be
 *   INHERIT  it is being made the first heir of ref a[1]
 *   LINK     the place a[1] is to have a[2] instead of 0; when it has, `global`
 *            is to be a[3]
 *   UNLINK   the other way round
 * Without it:
 *   DESTROY  it has the id a[1]; row a[2] - 1 of it is being freed, and has the
 *            generation a[3]
 */
enum {
	REF_OP_NONE = 0,
	REF_OP_TOUCH,
	REF_OP_BUSY,
	REF_OP_MOVE,
	REF_OP_INHERIT,
	REF_OP_LINK,
	REF_OP_UNLINK,
	REF_OP_DESTROY,
	N_REF_OPS
};

#define REF_MOVE_PENDING 0
#define REF_MOVE_FORK 1
#define REF_MOVE_GLOBAL 2

/*
 * thread_rec.row: row a[0] with the generation a[1].  Under rows.lock, with
 * rows.n as it will be in a[2] and the slot of its member in a[3]:
 *   MAKE     out of the free list (or, with kind 1, from behind the mark)
 *   FREE     into it
 * Without it:
 *   SPARE    made, but not yet in the chain of its ref
 *   DROP     on its way out of that chain and into the free list
 */
enum {
	ROW_OP_NONE = 0,
	ROW_OP_MAKE,
	ROW_OP_FREE,
	ROW_OP_SPARE,
	ROW_OP_DROP,
	N_ROW_OPS
};

/* --- ref_row.c -------------------------------------------------------------
 */

/* The first @n bounds every walk over rows and refs. */
uint32_t rows_hi(const struct view *v);
/* A new row for member @who of ref @ref, in its member's chain, announced as
 * SPARE in @me.  -ESRCH no such member (any more), -ENOSPC, -ENOMEM. */
int row_make(struct view *v, struct thread_rec *me, struct ref_member who,
	     uint32_t ref, uint32_t ref_id, uint32_t *ret_index,
	     uint32_t *ret_gen);
/* Free row @i, in no ref's chain, if it has that generation still. */
int row_free(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen);
/* Does it count anything? */
static inline bool row_counts(const struct ref_row *row)
{
	return ROW_COUNT(load_relaxed(&row->word)) ||
	       load_relaxed(&row->pending) || load_relaxed(&row->fork);
}

/* Has nobody else got it meanwhile? */
bool row_is(const struct view *v, uint32_t i, uint32_t gen);
int row_recover_locked(struct view *v, struct thread_rec *t);
/* First row of the member in @slot, index + 1, and its generation: without the
 * lock another may end it, and it may be a living member's.  After that none is
 * made for this one any more. */
int rows_close(struct view *v, struct thread_rec *me, uint32_t slot,
	       uint32_t *ret_first, uint32_t *ret_gen);

/* --- ref.c -----------------------------------------------------------------
 */

/* Lock the guard of @r, whatever has become of it. */
int ref_guard(struct view *v, struct thread_rec *me, const struct ref *r,
	      struct core_lock **ret);
/* The same, if it is the one with @id still, and announced as TOUCH. */
int ref_enter(struct view *v, struct thread_rec *me, struct ref *r, uint32_t id,
	      struct core_lock **ret);
void ref_leave(struct view *v, struct thread_rec *me, struct core_lock *guard);
/* The row of member @id, NULL.  Under the guard. */
struct ref_row *ref_find_row(const struct view *v, const struct ref *r,
			     uint32_t id);
/* The same as ref_enter(), and *ret_row is the row of @who, made if need be. */
int ref_enter_row(struct view *v, struct thread_rec *me, struct ref *r,
		  uint32_t id, struct ref_member who, struct core_lock **ret,
		  struct ref_row **ret_row);

static inline uint32_t row_index(const struct view *v,
				 const struct ref_row *row)
{
	return (uint32_t)(row - row_at(v, 0));
}

static inline struct ref_member ref_member_of(const struct view *v,
					      const struct thread_rec *me)
{
	uint32_t slot = load_relaxed(&me->member) - 1;

	return (struct ref_member){slot, view_member(v, slot)->id};
}

/* --- ref_family.c ----------------------------------------------------------
 */

/* Under the guard: what has happened to the total of @r, and of all that
 * inherit from it?  Counts and tells of falls.  Idempotent. */
void ref_settle(struct view *v, struct ref *r);
/* Is its total not 0? */
bool ref_total_any(const struct view *v, const struct ref *r);
/* The living ref that @r inherits from, NULL. */
struct ref *ref_parent(const struct view *v, const struct ref *r);
/* Wake who waits for @r to be 0, unlocked or gone. */
void ref_wake(struct ref *r);
/* Tell the watcher, if there is one. */
void ref_tell(const struct view *v, const struct ref *r);
/* @r is being destroyed: it has no parent and no heirs any more.  Under its
 * guard; idempotent. */
void ref_cut(struct view *v, struct ref *r);
/* ref_link.c */
int ref_link_recover(const struct view *v, struct ref *r,
		     const struct intent *in);
void ref_inherit_undo(struct view *v, struct ref *r, uint32_t from);

/* --- ref_drop.c ------------------------------------------------------------
 */

/*
 * Take row @i, of generation @gen, out of its ref and free it, with all that it
 * counts, and with its member's lock and watch of that ref.  @log (may be NULL:
 * who comes after us starts over) keeps the intent.  @only_idle: -EBUSY if it
 * counts or is needed.  0 also if it was gone.
 */
int row_drop(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen,
	     struct intent *log, bool only_idle);
/* The rest of what @log, ROW_OP_SPARE or _DROP, says. */
int row_recover(struct view *v, struct thread_rec *me, struct intent *log);
/* What is left to do after the commit of a destruction, as @log says. */
int ref_destroy_rest(struct view *v, struct thread_rec *me, struct intent *log);
/* Free some rows that count nothing; their number. */
int rows_reclaim(struct view *v, struct thread_rec *me);

#endif
