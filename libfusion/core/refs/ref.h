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
 * Guard: ref.lock, or superblock.ref_family of a ref that inherits or is
 * inherited from (ref.family, set once, under ref.lock; it stays).  Under it go
 * all changes between 0 and another number, of everything.  Without it a
 * member's threads move their count from n >= 1 up and from n >= 2 down, by ONE
 * CAS on row.word, whose generation tells them from who has the row next.
 *
 * Fall: the total has become 0.  Its commit is one store, falls = falls + 1 of
 * a word whose bit 0 said that the total was not 0.  So after a death whoever
 * finds the guard held by the dead just asks again (ref_settle()): a fall is
 * counted once, whoever does it.
 *
 * Two words change together only when a count goes from row to row: the values
 * to be are in thread_rec.ref, BUSY keeps the row's own threads out meanwhile,
 * and recovery stores them again.
 *
 * No core lock is waited for with a guard or rows.lock held (docs/locking.md):
 * a row is made first, then linked under the guard, and given back if it was
 * not needed.
 */
#ifndef FUSION_CORE_REF_H
#define FUSION_CORE_REF_H

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/names/table.h"

struct ref {
	struct entry e;
	uint32_t id; /* atomic: e.id, 0 once destroyed; the commit of that */
	uint8_t pad0[28];

	/* Guarded, like all that follows. */
	struct core_lock lock;
	uint32_t seq;	    /* atomic, futex: falls, unlocks, the end */
	uint32_t sleepers;  /* somebody may sleep on seq */
	uint64_t global;    /* atomic */
	uint64_t falls;	    /* atomic: number << 1 | the total is not 0 */
	uint64_t locker;    /* atomic: REF_WHO() of who has locked it at 0 */
	uint64_t watcher;   /* atomic: REF_WHO() */
	uint32_t first_row; /* index + 1, as are the next */
	uint32_t family;    /* atomic: guarded by superblock.ref_family */
	uint32_t from;	    /* inherits from ... */
	uint32_t from_id;   /* ... if that one still has this id */

	uint32_t first_heir, next_heir;
	uint32_t
		local; /* atomic: when last settled its local total was not 0 */
	uint32_t object,
		object_id; /* index + 1 of whose it is; 0 a plain one */
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

struct ref_row {
	uint64_t word;	/* atomic: BUSY, generation, count */
	uint32_t state; /* atomic: enum row_state; under rows.lock */
	/* Written when it is made; the generation vouches for them. */
	uint32_t ref, ref_id; /* index and id */
	uint32_t slot, member;
	/* Under the guard of its ref. */
	uint32_t pending, fork; /* atomic */
	uint32_t next;		/* of its ref, index + 1 */
	uint32_t linked;	/* it is in that chain */
	/* Under rows.lock: the rows of its member, index + 1; a free one's
	 * m_next is the next free one. */
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

/* What a count has, as ref_stat() found it. */
struct ref_sum {
	uint64_t total, global, inherited, falls;
	uint64_t local;	  /* of the member that asked */
	uint32_t pending; /* thrown to it */
	uint32_t members; /* with local counts, or some thrown to them */
	uint32_t locker, watcher; /* member ids, 0 none */
	uint32_t from;		  /* id of the ref it inherits from, 0 none */
};

/* --- Operations.  @me is of the member that does it; all may say -EIDRM
 * (destroyed), -EIO, -ETIMEDOUT (only with v->patience_ns). ---------------- */

int ref_create(struct view *v, struct thread_rec *me, const char *name,
	       uint32_t creator, struct ref **ret);
/* That of object @index; it names the object, and the object it. */
int ref_create_for(struct view *v, struct thread_rec *me, uint32_t creator,
		   uint32_t index, uint32_t id);

/* @hint, may be NULL: where the member keeps which row it has (ref_row_of()).
 * -EAGAIN locked at zero, -EOVERFLOW, -ENOSPC no row, -ENOMEM. */
int ref_up(struct view *v, struct thread_rec *me, struct ref *r,
	   uint32_t *hint);
/* -EAGAIN, -EPERM the member has no count. */
int ref_down(struct view *v, struct thread_rec *me, struct ref *r,
	     uint32_t *hint);
/* -EAGAIN, -EOVERFLOW; -EPERM it is 0. */
int ref_up_global(struct view *v, struct thread_rec *me, struct ref *r);
int ref_down_global(struct view *v, struct thread_rec *me, struct ref *r);

/* A place that holds a count: where, what stands for the ref there, and which
 * id the ref has. */
struct ref_place {
	uint64_t off, value;
	uint32_t id;
};

/* --- Recovery ------------------------------------------------------------- */

/* Does @t announce anything? */
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
	/* Acquire: pairs with the CAS in row_change() that gave the row its
	 * first count: what names the row was written before that.  The
	 * generation in the word vouches for what is read after it. */
	uint64_t w = load_acquire(&row->word);

	/* Not from 0, not at the end, not BUSY. */
	if (ROW_COUNT(w) - 1 >= ROW_COUNT_MAX - 1 || w & ROW_BUSY ||
	    load_relaxed(&row->ref_id) != ref_id ||
	    load_relaxed(&row->member) != member)
		return false;
	/* Relaxed: who has a count gives nothing away with another. */
	return cas_relaxed(&row->word, &w, w + 1);
}

static inline bool row_down_fast(struct ref_row *row, uint32_t ref_id,
				 uint32_t member)
{
	uint64_t w = load_acquire(&row->word); /* as above */

	if (ROW_COUNT(w) < 2 || w & ROW_BUSY ||
	    load_relaxed(&row->ref_id) != ref_id ||
	    load_relaxed(&row->member) != member)
		return false;
	/* Release: pairs with the acquire in ref_down(), of the thread that
	 * gives up the last one. */
	return cas_release(&row->word, &w, w - 1);
}

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

#endif
