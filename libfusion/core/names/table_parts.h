/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parts of a table, for the files that work on tables: table_*.c
 *
 * The hash chains, the list of free records, and the announcement of what a
 * thread does to a table.  Functions that change a table want its lock to be
 * held, by the caller or by the dead thread that the caller recovers.
 */
#ifndef FUSION_CORE_TABLE_PARTS_H
#define FUSION_CORE_TABLE_PARTS_H

#include "libfusion/core/names/table.h"

/*
 * thread_rec.table: op, kind, and
 *   a[0]  index of the record
 *   a[1]  its bucket
 *   a[2]  TABLE_OP_ADD: 1 if the record is taken from behind the mark
 *   a[3]  the table's n when the operation is done
 */
enum { TABLE_OP_NONE = 0, TABLE_OP_ADD = 1, TABLE_OP_REMOVE = 2 };

/* One table of one arena, as a function on it needs it. */
struct table_view {
	struct view *v;
	const struct table *t;
	struct table_head *head;
	enum entry_kind kind;
};

/* Make the view of the table of @kind. */
static inline struct table_view table_view_of(struct view *v,
					      enum entry_kind kind)
{
	return (struct table_view){
		.v = v,
		.t = &v->geo.tables[kind],
		.head = &v->sb->tables[kind],
		.kind = kind,
	};
}

/* Find record @i. */
static inline struct entry *table_entry(const struct table_view *tab,
					uint32_t i)
{
	return view_entry(tab->v, tab->kind, i);
}

/* Find the link that begins a chain. */
static inline uint32_t *table_bucket(const struct view *v,
				     const struct table *t, uint32_t bucket)
{
	return (uint32_t *)(v->base + t->off_buckets) + bucket;
}

/* Compute the hash of @name, of which the bucket is the remainder. */
uint32_t table_name_hash(const char *name);
/* Read @name as "#<id>": the id, 0 if it is none. */
uint32_t table_name_id(const char *name);
/* Check the name of a record that is in use: chosen, or "#<id>". */
bool table_name_is_sane(const char *name);
/* Check a name that a caller looks for.  0, -EINVAL, -ENAMETOOLONG. */
int table_name_check_wanted(const char *name);

/*
 * Find @name, whose hash is @hash, in its chain.  Under the lock.
 * 0, *ret_index is the record and *ret_prev the link that leads to it.
 * -ENOENT there is no such name.
 * -EIO the chain leads out of the table, or in a ring.
 */
int table_chain_find(const struct table_view *tab, const char *name,
		     uint32_t hash, uint32_t *ret_index, uint32_t **ret_prev);
/* Find the record with @id, whatever its name is.  0, -ENOENT.  Needs no lock.
 */
int table_find_id(const struct view *v, enum entry_kind kind, uint32_t id,
		  uint32_t *ret_index);
/*
 * Put record @i at the end of the free list.  The list is empty if
 * table_head.free is 0; table_head.last then says nothing.  So a thread that
 * takes the first record makes one store.  Killed here: the list has all its
 * records; @i is in it, or is not; and `last` may still be the record before
 * @i.
 */
void table_push_free(const struct table_view *tab, uint32_t i);
/* Finish table_push_free() of a thread that may have died before it, in it, or
 * after it.  Idempotent. */
void table_mend_free(const struct table_view *tab, uint32_t i);
/* Turn the users of a removed record away: the kind's fini(). */
void table_turn_away(const struct table_view *tab, struct entry *e);

/* Announce in @me what the caller is about to do; the arguments are those of
 * thread_rec.table. */
void table_announce(struct thread_rec *me, const struct table_view *tab,
		    uint32_t op, uint32_t index, uint32_t bucket, bool fresh,
		    uint32_t n);
/* End what @intent announces: count the records, tell those who wait for a
 * change, clear the announcement. */
void table_finish(const struct table_view *tab, struct intent *intent);

#endif
