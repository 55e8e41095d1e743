/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables: creation, lookup under the lock, removal
 *
 * Each operation takes the table's lock, announces itself in thread_rec.table,
 * makes its commit (the store of entry.state), links or unlinks the record, and
 * clears the announcement.  Events are logged after the lock is given back, as
 * docs/locking.md demands.
 */
#include "libfusion/core/names/table.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/names/name.h"
#include "libfusion/core/names/table_parts.h"

#define PAGE 4096

uint32_t table_hi(const struct view *v, enum entry_kind kind)
{
	return view_hi(&v->sb->tables[kind].hi, v->geo.tables[kind].max);
}

int64_t table_index(const struct view *v, enum entry_kind kind, const void *p)
{
	const struct table *t = &v->geo.tables[kind];
	uint64_t at = (uint64_t)((uintptr_t)p - (uintptr_t)v->base) - t->off;

	if (at >= (uint64_t)t->max * t->stride || at % t->stride ||
	    at / t->stride >= table_hi(v, kind))
		return -EINVAL;
	return (int64_t)(at / t->stride);
}

/* --- Creation ------------------------------------------------------------- */

/* Reserve memory for the record at the mark, if it reaches into a fresh page.
 * 0, -ENOSPC, -ENOMEM. */
static int table_reserve_record(const struct table_view *tab, uint32_t hi)
{
	uint64_t off = tab->t->off + (uint64_t)hi * tab->t->stride;
	uint64_t last = off + tab->t->stride - 1;

	if (hi >= tab->t->max)
		return -ENOSPC;
	if (hi && (off - 1) / PAGE == last / PAGE)
		return 0;
	return view_reserve(tab->v, off, tab->t->stride);
}

/*
 * A record is used again while a lens copies it:
 *
 *   the adder                          the lens (entry_was_used_as())
 *   state = FREE (by the remover)      read id
 *   fence (release)                    read the contents
 *   store the contents                 fence (acquire)
 *   id, state = USED                   state USED, and id unchanged?
 *
 * A lens that has read any of the new contents must see that the state or the
 * id is another.
 */
static void entry_fill(const struct table_view *tab, struct entry *e,
		       uint32_t next, const struct entry *from, const void *arg)
{
	release_fence();
	store_relaxed(&e->next, next);
	store_relaxed(&e->id, from->id);
	e->hash = from->hash;
	e->created_ns = from->created_ns;
	e->creator = from->creator;
	memcpy(e->name, from->name, sizeof(e->name));
	kind_ops[tab->kind].init(tab->v, e, arg);
}

/* Commit: state = USED.  Killed before it: recovery puts the record into the
 * free list; after it: recovery links the record into its chain. */
static int table_add_locked(const struct table_view *tab, struct thread_rec *me,
			    const struct entry *from, const void *arg,
			    uint32_t *ret_index)
{
	uint32_t bucket = from->hash % tab->t->n_buckets, *head, *prev;
	uint32_t i = load_relaxed(&tab->head->free);
	uint32_t hi = table_hi(tab->v, tab->kind);
	bool fresh = !i;
	struct entry *e;
	int r;

	r = table_chain_find(tab, from->name, from->hash, &i, &prev);
	if (r != -ENOENT)
		return r ? r : -EEXIST;
	if (i > hi)
		return -EIO;
	if (fresh) {
		r = table_reserve_record(tab, hi);
		if (r < 0)
			return r;
		i = hi + 1;
	}
	e = table_entry(tab, --i);
	if (!SEED_BUG(10))
		table_announce(me, tab, TABLE_OP_ADD, i, bucket, fresh,
			       tab->head->n + 1);
	if (fresh)
		/* A thread that sees the new mark must see that the record has
		 * memory.  Release: pairs with the acquire in view_hi(). */
		store_release(&tab->head->hi, hi + 1);
	else
		store_relaxed(&tab->head->free, e->next);
	compiler_fence();
	if (SEED_BUG(10))
		table_announce(me, tab, TABLE_OP_ADD, i, bucket, fresh,
			       tab->head->n + 1);

	head = table_bucket(tab->v, tab->t, bucket);
	entry_fill(tab, e, load_relaxed(head), from, arg);
	/* A thread that sees USED must see the whole record.  Release: pairs
	 * with the acquires in table_copy(), table_find_id() and
	 * table_lookup_once().
	 */
	store_release(&e->state, ENTRY_USED);
	/* A lens that follows this link must see the record that it leads to.
	 * Release: pairs with the acquire of the bucket in table_lookup_once().
	 */
	store_release(head, i + 1);
	compiler_fence();
	table_finish(tab, &me->table);
	*ret_index = i;
	return 0;
}

uint32_t table_next_id(struct view *v)
{
	uint32_t id;

	do
		id = add_relaxed(&v->sb->next_entry, 1);
	while (!id);
	return id;
}

static int entry_set_name(struct view *v, struct entry *e, const char *name)
{
	int r = name ? name_check_entry(name) : 0;

	if (r < 0)
		return r;
	e->id = table_next_id(v);
	if (name)
		strncpy(e->name, name, ENTRY_NAME_MAX);
	else
		snprintf(e->name, sizeof(e->name), "#%u", e->id);
	e->hash = table_name_hash(e->name);
	return 0;
}

static bool entry_is_quiet(const struct table_view *tab, uint32_t i)
{
	const struct kind_ops *ops = &kind_ops[tab->kind];

	return ops->quiet && ops->quiet(table_entry(tab, i));
}

static int table_add_once(struct view *v, struct thread_rec *me,
			  enum entry_kind kind, const char *name,
			  uint32_t creator, const void *arg,
			  uint32_t *ret_index)
{
	struct table_view tab = table_view_of(v, kind);
	struct entry from = {
		.created_ns = (uint64_t)clock_realtime_ns(),
		.creator = creator,
	};
	int r = entry_set_name(v, &from, name);
	bool quiet;

	if (r < 0)
		return r;
	r = core_lock(v, me, &tab.head->lock);
	if (r < 0)
		return r;
	r = table_add_locked(&tab, me, &from, arg, ret_index);
	quiet = r == 0 && entry_is_quiet(&tab, *ret_index);
	core_unlock(v, me, &tab.head->lock);
	if (r < 0 || quiet)
		return r;
	futex_wake(&tab.head->seq, INT_MAX);
	event_log(v, me, EVENT_CREATED, creator, "%s %s", kind_ops[kind].name,
		  from.name);
	return 0;
}

int table_add(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t creator, const void *arg,
	      uint32_t *ret_index)
{
	int r;

	/* Ids begin anew after 2^32: a nameless record may have this one. */
	do
		r = table_add_once(v, me, kind, name, creator, arg, ret_index);
	while (r == -EEXIST && !name);
	return r;
}

/* --- Lookup --------------------------------------------------------------- */

static int table_find_locked(const struct table_view *tab, const char *name,
			     uint32_t *ret_index)
{
	uint32_t *prev;
	int r = table_chain_find(tab, name, table_name_hash(name), ret_index,
				 &prev);

	if (r == -ENOENT && table_name_id(name) &&
	    !kind_ops[tab->kind].nameless)
		r = table_find_id(tab->v, tab->kind, table_name_id(name),
				  ret_index);
	return r;
}

/* Take the lock of the table and find a record.  On failure the lock is free.
 */
static int table_lock_found(const struct table_view *tab, struct thread_rec *me,
			    const char *name, uint32_t *ret_index)
{
	int r = table_name_check_wanted(name);

	if (!r)
		r = core_lock(tab->v, me, &tab->head->lock);
	if (r < 0)
		return r;
	r = table_find_locked(tab, name, ret_index);
	if (r < 0)
		core_unlock(tab->v, me, &tab->head->lock);
	return r;
}

int table_find(struct view *v, struct thread_rec *me, enum entry_kind kind,
	       const char *name, uint32_t *ret_index, uint32_t *ret_id)
{
	struct table_view tab = table_view_of(v, kind);
	int r = table_lock_found(&tab, me, name, ret_index);

	if (r < 0)
		return r;
	/* Relaxed: the lock keeps the record what it is. */
	*ret_id = load_relaxed(&table_entry(&tab, *ret_index)->id);
	core_unlock(v, me, &tab.head->lock);
	return 0;
}

int table_get(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t *ret_index, void *ret)
{
	struct table_view tab = table_view_of(v, kind);
	uint32_t i;
	int r = table_lock_found(&tab, me, name, &i);

	if (r < 0)
		return r;
	memcpy(ret, table_entry(&tab, i), tab.t->stride);
	if (ret_index)
		*ret_index = i;
	core_unlock(v, me, &tab.head->lock);
	return 0;
}

/* --- Removal -------------------------------------------------------------- */

/* Commit: state = FREE.  Killed before it: nothing has happened; after it:
 * recovery takes the record out of its chain and puts it into the free list. */
static void table_remove_locked(const struct table_view *tab,
				struct thread_rec *me, uint32_t i,
				uint32_t *prev)
{
	struct entry *e = table_entry(tab, i);

	table_announce(me, tab, TABLE_OP_REMOVE, i, e->hash % tab->t->n_buckets,
		       false, tab->head->n - 1);
	/* Relaxed: table_push_free() has the release that orders this store
	 * before the change of `next`. */
	store_relaxed(&e->state, ENTRY_FREE);
	compiler_fence();
	table_turn_away(tab, e);
	compiler_fence();
	/* Release: pairs with the acquires of the bucket and of `next` in
	 * table_lookup_once(). */
	store_release(prev, e->next);
	compiler_fence();
	table_push_free(tab, i);
	table_finish(tab, &me->table);
}

/* Remove record @i.  The walk of its chain finds the link that leads to it.
 * *ret_name is the name for the event, "" for no event.  0, -EIO. */
static int table_remove_found(const struct table_view *tab,
			      struct thread_rec *me, uint32_t i, char *ret_name)
{
	struct entry *e = table_entry(tab, i);
	uint32_t at, *prev;
	int r;

	memcpy(ret_name, e->name, sizeof(e->name));
	ret_name[ENTRY_NAME_MAX] = '\0';
	r = table_chain_find(tab, ret_name, e->hash, &at, &prev);
	if (r < 0 || at != i)
		return -EIO;
	if (entry_is_quiet(tab, i))
		*ret_name = '\0';
	table_remove_locked(tab, me, i, prev);
	return 0;
}

static int table_log_removal(const struct table_view *tab,
			     struct thread_rec *me, const char *name)
{
	if (!*name)
		return 0;
	futex_wake(&tab->head->seq, INT_MAX);
	event_log(tab->v, me, EVENT_DESTROYED,
		  view_member(tab->v, tab->v->slot)->id, "%s %s",
		  kind_ops[tab->kind].name, name);
	return 0;
}

int table_remove(struct view *v, struct thread_rec *me, enum entry_kind kind,
		 uint32_t index, uint32_t id)
{
	struct table_view tab = table_view_of(v, kind);
	char name[ENTRY_NAME_MAX + 1];
	int r = core_lock(v, me, &tab.head->lock);

	if (r < 0)
		return r;
	if (index >= table_hi(v, kind) ||
	    load_relaxed(&table_entry(&tab, index)->state) != ENTRY_USED ||
	    load_relaxed(&table_entry(&tab, index)->id) != id)
		r = -EIDRM;
	else
		r = table_remove_found(&tab, me, index, name);
	core_unlock(v, me, &tab.head->lock);
	return r < 0 ? r : table_log_removal(&tab, me, name);
}

int table_remove_name(struct view *v, struct thread_rec *me,
		      enum entry_kind kind, const char *name)
{
	struct table_view tab = table_view_of(v, kind);
	char found[ENTRY_NAME_MAX + 1];
	int r = table_name_check_wanted(name);
	uint32_t i;

	if (!r)
		r = core_lock(v, me, &tab.head->lock);
	if (r < 0)
		return r;
	r = table_find_locked(&tab, name, &i);
	if (!r)
		r = table_remove_found(&tab, me, i, found);
	core_unlock(v, me, &tab.head->lock);
	return r < 0 ? r : table_log_removal(&tab, me, found);
}
