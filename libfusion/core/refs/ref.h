/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reference counters
 *
 *   total = global + local          local = sum of the members' rows
 *                                           + local of the ref it inherits from
 *
 * A row is what one member has of one ref: its count, what was thrown to it and
 * not caught yet (`pending`), and what a fork keeps for a child (`fork`).  It
 * is in the chain of its ref and in the chain of its member, so a death costs
 * as many steps as the member has rows.  A row stays, at zero, until its ref is
 * destroyed, its member goes or the table is full.
 *
 * Guard: the lock ref.lock; or superblock.ref_family, for a ref that inherits
 * or is inherited from (ref.family is set once, under ref.lock, and stays). All
 * changes between 0 and another number, of every count, are made under the
 * guard.  Without it a member's threads move their own count from n >= 1 up and
 * from n >= 2 down, by one CAS on row.word.  The generation in that word tells
 * them from the row's next owner.
 *
 * Fall: the total has become 0.  Its commit is one store, falls = falls + 1, of
 * a word whose bit 0 said that the total was not 0.  So after a death the next
 * thread that gets the guard just computes the total again (ref_settle()): a
 * fall is counted once, whichever thread does it.
 *
 * Two words change together only when a count goes from row to row.  The new
 * values are announced in thread_rec.ref, BUSY keeps the row's own threads out
 * meanwhile, and recovery stores them again.
 *
 * No core lock is waited for with a guard or rows.lock held (docs/locking.md):
 * a row is made first, then linked under the guard, and given back if it was
 * not needed.
 *
 * Files: ref.c counts up and down, ref_row.c has the table of rows, and
 * ref_pass.c moves counts between rows. ref_link.c ties a global count to a
 * place. ref_family.c notices falls and inherits, ref_zero.c locks and watches
 * at zero, and ref_drop.c ends rows and refs. ref_lens.c shows them,
 * ref_recover.c is for the dead, ref_check.c is the checker.
 */
#ifndef FUSION_CORE_REF_H
#define FUSION_CORE_REF_H

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/names/table.h"

/*
 * The record of a reference.
 *
 * Invariants, whenever the guard is free: bit 0 of falls says that the total is
 * not 0, and `local` that the local total is not 0.  The chain from first_row
 * has one row for each member that counts, locks or watches.  A ref that is
 * locked (`locker`) has no count of its own. id is e.id until the ref is
 * destroyed, and 0 afterwards.
 *
 * Dead owner: a guard that a dead thread holds is freed behind
 * ref_recover_locked(), which makes the invariants hold again.  The rows, the
 * lock and the watch of a dead member go with ref_recover_member().
 */
struct ref {
	struct entry e;
	uint32_t id; /* atomic: e.id; 0 is the commit of its destruction */
	uint8_t pad0[28];

	/* Guarded, like all that follows. */
	struct core_lock lock;
	uint32_t seq;	    /* atomic, futex: +1 for falls, unlocks, the end */
	uint32_t sleepers;  /* a thread may sleep on seq */
	uint64_t global;    /* atomic */
	uint64_t falls;	    /* atomic: number << 1 | the total is not 0 */
	uint64_t locker;    /* atomic: REF_WHO() that locks it at 0 */
	uint64_t watcher;   /* atomic: REF_WHO() */
	uint32_t first_row; /* index + 1, as are the next */
	uint32_t family;    /* atomic: guarded by superblock.ref_family */
	uint32_t from;	    /* inherits from ... */
	uint32_t from_id;   /* ... if that one still has this id */

	uint32_t first_heir, next_heir;
	uint32_t local;		    /* atomic: 1: its local total is not 0 */
	uint32_t object, object_id; /* index + 1 of its object; 0 a plain ref */
	uint8_t pad1[44];
};
static_assert(sizeof(struct ref) == ENTRY_SIZE, "ABI: bump FUSION_FORMAT");
static_assert(offsetof(struct ref, lock) == 128, "ABI: bump FUSION_FORMAT");

#define REF_WHO(slot, id) ((uint64_t)(slot) << 32 | (id))
#define REF_WHO_SLOT(who) ((uint32_t)((who) >> 32))
#define REF_WHO_ID(who) ((uint32_t)(who))
#define REF_FALLS(word) ((word) >> 1)
#define REF_LIVE 1ull

enum row_state { ROW_FREE = 0, ROW_USED = 1 };

/*
 * What one member has of one ref.
 *
 * Invariants: state is USED from the row's creation until it is freed, and with
 * rows.lock free a USED row is in the chain of its member.  The generation in
 * word changes whenever the row gets a new owner or loses its counts for good,
 * so a thread with an old generation changes nothing.  `linked` says that the
 * row is in the chain of its ref.
 *
 * Dead owner: ref_recover_member() ends the rows of a dead member.
 */
struct ref_row {
	uint64_t word;	/* atomic: BUSY, generation, count */
	uint32_t state; /* atomic: enum row_state; under rows.lock */
	/* Written when the row is made; the generation vouches for them. */
	uint32_t ref, ref_id; /* index and id of the ref */
	uint32_t slot, member;
	/* Under the guard of its ref. */
	uint32_t pending, fork; /* atomic */
	uint32_t next;		/* of its ref, index + 1 */
	uint32_t linked;	/* 1: it is in that chain */
	/* Under rows.lock: the chain of its member's rows, index + 1.  A free
	 * row's m_next is the next free one. */
	uint32_t m_next, m_prev;
	uint8_t pad[8];
};
static_assert(sizeof(struct ref_row) == ROW_SIZE, "ABI: bump FUSION_FORMAT");

#define ROW_BUSY (1ull << 63)
#define ROW_GEN_ONE (1ull << 32)
#define ROW_GEN(word) ((uint32_t)((word) >> 32) & 0x7fffffffu)
#define ROW_COUNT(word) ((uint32_t)(word))
#define ROW_COUNT_MAX UINT32_MAX

/* A member, as ref and row name it. */
struct ref_member {
	uint32_t slot, id;
};

/* The counts of a ref, as ref_stat() found them. */
struct ref_sum {
	uint64_t total, global, inherited, falls;
	uint64_t local;	  /* of the member that asks */
	uint32_t pending; /* thrown to it */
	uint32_t members; /* with local counts, or some thrown to them */
	uint32_t locker, watcher; /* member ids, 0 none */
	uint32_t from;		  /* id of the ref it inherits from, 0 none */
	uint32_t id;		  /* its own */
};

/* --- Operations ----------------------------------------------------------- */

/* All of them may return -EIDRM (the ref is destroyed), -EIO, and, only if
 * v->patience_ns is set, -ETIMEDOUT.  @me is a thread of the member that acts.
 * Each operation begins with an acquire of ref.id, which pairs with the release
 * in ref_init(): a thread that sees the id sees that ref.  Under the guard the
 * id is compared once more. */

/* Create a ref called @name.  0 and *ret, or the errors of table_add(). */
int ref_create(struct view *v, struct thread_rec *me, const char *name,
	       uint32_t creator, struct ref **ret);
/* Create the ref of object @index, whose id is @id.  The two name each other.
 * Errors as ref_create(). */
int ref_create_for(struct view *v, struct thread_rec *me, uint32_t creator,
		   uint32_t index, uint32_t id);

/*
 * Count one up for the member of @me.  @hint, which may be NULL, is where the
 * member remembers its row (see hinted_row()).
 *
 *   0
 *   -EBUSY      the ref is locked at zero
 *   -EOVERFLOW  the count is as high as it can be
 *   -ENOSPC     there is no row left
 *   -ENOMEM     the arena cannot grow
 */
int ref_up(struct view *v, struct thread_rec *me, struct ref *r,
	   uint32_t *hint);
/* Count one down.  0; -EBUSY the ref is locked at zero; -EPERM the member has
 * no count. */
int ref_down(struct view *v, struct thread_rec *me, struct ref *r,
	     uint32_t *hint);
/* Count the global count up or down.  0; -EBUSY the ref is locked at zero;
 * -EOVERFLOW; -EPERM the count is 0. */
int ref_up_global(struct view *v, struct thread_rec *me, struct ref *r);
int ref_down_global(struct view *v, struct thread_rec *me, struct ref *r);

/* A place in shared memory that holds a global count: where it is, the value
 * that stands for the ref there, and the id of the ref. */
struct ref_place {
	uint64_t off, value;
	uint32_t id;
};

/* --- Recovery ------------------------------------------------------------- */

/* Tell whether @t announces an operation on refs or rows. */
static inline bool ref_announces(const struct thread_rec *t)
{
	return load_relaxed(&t->ref.op) || load_relaxed(&t->row.op);
}

void ref_init(struct view *v, void *rec, const void *arg); /* kinds.c */
void ref_fini(struct view *v, void *rec);
bool ref_is_quiet(const void *rec);

/* --- The lens: no lock, no trust; a moment's numbers ---------------------- */

struct ref_share {
	uint32_t member; /* id */
	uint32_t local, pending;
};

/* --- Addresses ------------------------------------------------------------ */

static inline uint32_t ref_index(const struct view *v, const struct ref *r)
{
	return (uint32_t)((view_off(v, r) - v->geo.tables[KIND_REF].off) /
			  ENTRY_SIZE);
}

static inline struct ref *ref_at(const struct view *v, uint32_t i)
{
	return view_entry(v, KIND_REF, i);
}

static inline struct ref_row *row_at(const struct view *v, uint32_t i)
{
	return (struct ref_row *)(v->base + v->geo.off_rows) + i;
}

static inline struct ref_member ref_member_of(const struct view *v,
					      const struct thread_rec *me)
{
	uint32_t slot = load_relaxed(&me->member) - 1;

	return (struct ref_member){slot, view_member(v, slot)->id};
}

/* --- The fast paths: false, and nothing has happened ---------------------- */

static inline bool row_up_fast(struct ref_row *row, uint32_t ref_id,
			       uint32_t member)
{
	/* Acquire: pairs with the CAS in change_row() that gave the row its
	 * first count.  What names the row was written before that.  The
	 * generation in the word vouches for what is read behind it. */
	uint64_t w = load_acquire(&row->word);

	/* Not from 0, not at the maximum, not BUSY. */
	if (ROW_COUNT(w) - 1 >= ROW_COUNT_MAX - 1 || w & ROW_BUSY ||
	    load_relaxed(&row->ref_id) != ref_id ||
	    load_relaxed(&row->member) != member)
		return false;
	/* Relaxed: the member has a count already, so another one publishes
	 * nothing. */
	return cas_relaxed(&row->word, &w, w + 1);
}

static inline bool row_down_fast(struct ref_row *row, uint32_t ref_id,
				 uint32_t member)
{
	/* Acquire: as in row_up_fast(). */
	uint64_t w = load_acquire(&row->word);

	if (ROW_COUNT(w) < 2 || w & ROW_BUSY ||
	    load_relaxed(&row->ref_id) != ref_id ||
	    load_relaxed(&row->member) != member)
		return false;
	/* Release: pairs with the acquire in change_row().  The thread that
	 * gives up the last count must see what this one did before. */
	return cas_release(&row->word, &w, w - 1);
}

/* Lock the guard of @r, even if the ref was destroyed. 0 and *ret, -EIO, or the
 * errors of core_lock(). */
int ref_guard(struct view *v, struct thread_rec *me, const struct ref *r,
	      struct core_lock **ret);
/* Lock the guard of @r if the ref still has @id, and announce TOUCH.  As
 * ref_guard(); -EIDRM. */
int ref_enter(struct view *v, struct thread_rec *me, struct ref *r, uint32_t id,
	      struct core_lock **ret);
/* Clear the announcement and unlock the guard. */
void ref_leave(struct view *v, struct thread_rec *me, struct core_lock *guard);
/* Find the row of member @id, NULL it has none.  Under the guard. */
struct ref_row *ref_find_row(const struct view *v, const struct ref *r,
			     uint32_t id);
/* As ref_enter(), and *ret_row is the row of member @who, made if there is
 * none.  Also -ESRCH, -ENOSPC, -ENOMEM as row_make(). */
int ref_enter_row(struct view *v, struct thread_rec *me, struct ref *r,
		  uint32_t id, struct ref_member who, struct core_lock **ret,
		  struct ref_row **ret_row);

#endif
