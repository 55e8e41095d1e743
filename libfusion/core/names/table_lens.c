/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables: lookup and copies without a lock and without trust
 *
 * The daemon shows tables of arenas whose members may be stopped, or hostile,
 * so it takes no lock and believes nothing.  It copies a record, and looks
 * afterwards whether the record was in use with one id all the time.  Its walk
 * of a chain is bounded; if a writer changes the chain meanwhile, it begins
 * again, at most LOOKUP_TRIES times.
 */
#include "libfusion/core/names/table_lens.h"

#include <errno.h>
#include <string.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/names/table_parts.h"

#define LOOKUP_TRIES 16 /* attempts, when a writer was in the way */
#define CHAIN_SEEN 4096 /* most records of a chain that an attempt reads */

/* Say whether @e was in use with @id all the time until now.  The drawing is at
 * entry_fill(). */
static bool entry_was_used_as(const struct entry *e, uint32_t id)
{
	acquire_fence();
	return SEED_BUG(84) || (load_relaxed(&e->state) == ENTRY_USED &&
				load_relaxed(&e->id) == id);
}

int table_copy(const struct view *v, enum entry_kind kind, uint32_t i,
	       void *ret)
{
	const struct table *t = &v->geo.tables[kind];
	struct entry *copy = ret;

	if (i >= table_hi(v, kind))
		return -ENOENT;
	/* A lens that sees USED must see the whole record.  Acquire: pairs with
	 * the release in table_add_locked(). */
	if (load_acquire(&((struct entry *)view_entry(v, kind, i))->state) !=
	    ENTRY_USED)
		return -ENOENT;
	memcpy(ret, view_entry(v, kind, i), t->stride);
	copy->name[ENTRY_NAME_MAX] = '\0';
	/* A copy that a writer tore, or a member scribbled on, does not count.
	 */
	if (!entry_was_used_as(view_entry(v, kind, i), copy->id) ||
	    copy->state != ENTRY_USED || !table_name_is_sane(copy->name) ||
	    copy->hash != table_name_hash(copy->name))
		return -ENOENT;
	return 0;
}

/* Say whether record @i is in use under @name. */
static bool is_called(const struct view *v, enum entry_kind kind, uint32_t i,
		      const char *name)
{
	const struct entry *e = view_entry(v, kind, i);
	/* Relaxed: entry_was_used_as() says whether the name belongs to this
	 * id. */
	uint32_t id = load_relaxed(&e->id);
	char copy[ENTRY_NAME_MAX + 1];

	memcpy(copy, e->name, sizeof(copy));
	copy[ENTRY_NAME_MAX] = '\0';
	return entry_was_used_as(e, id) && !strcmp(copy, name);
}

/* 0, -ENOENT; -EAGAIN a writer was in the way. */
static int table_lookup_once(const struct view *v, enum entry_kind kind,
			     const char *name, uint32_t hash,
			     uint32_t *ret_index)
{
	const struct table *t = &v->geo.tables[kind];
	uint32_t bucket = hash % t->n_buckets, hi = table_hi(v, kind);
	/* Acquire: pairs with the releases of the link in table_add_locked(),
	 * table_remove_locked() and recovery. */
	uint32_t next = load_acquire(table_bucket(v, t, bucket));

	for (uint32_t n = 0; next; n++) {
		const struct entry *e;
		uint32_t i = next - 1, state;

		if (i >= hi || n >= hi || n >= CHAIN_SEEN)
			return -EAGAIN;
		e = view_entry(v, kind, i);
		/* Acquire: the state must not be older than `next`.  Pairs with
		 * the release in table_push_free() and the fence in
		 * entry_fill(). */
		next = load_acquire(&e->next);
		/* Acquire: the hash must not be older than the state.  Pairs
		 * with the release in table_add_locked(). */
		state = load_acquire(&e->state);
		/* The record is in the free list or in another chain by now. */
		if ((state != ENTRY_USED ||
		     load_relaxed(&e->hash) % t->n_buckets != bucket) &&
		    !SEED_BUG(82))
			return -EAGAIN;
		if (load_relaxed(&e->hash) == hash &&
		    is_called(v, kind, i, name)) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOENT;
}

int table_lookup(const struct view *v, enum entry_kind kind, const char *name,
		 uint32_t *ret_index)
{
	uint32_t hash;
	int r = -ENOENT;

	if (table_name_check_wanted(name) < 0)
		return -ENOENT;
	hash = table_name_hash(name);
	for (int i = 0; i < LOOKUP_TRIES; i++) {
		r = table_lookup_once(v, kind, name, hash, ret_index);
		if (r != -EAGAIN)
			break;
	}
	if (r && table_name_id(name) && !kind_ops[kind].nameless)
		return table_find_id(v, kind, table_name_id(name), ret_index);
	return r ? -ENOENT : 0;
}
