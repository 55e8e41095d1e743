/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/names/table_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/names/name.h"

/* --- Names ---------------------------------------------------------------- */

uint32_t table_name_hash(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	while (*name)
		h = (h ^ (unsigned char)*name++) * 16777619u;
	return h;
}

uint32_t table_name_id(const char *name)
{
	unsigned long long id;
	char *end;

	if (*name != '#' || name[1] < '1' || name[1] > '9')
		return 0;
	id = strtoull(name + 1, &end, 10);
	return *end || id > UINT32_MAX ? 0 : (uint32_t)id;
}

bool table_name_is_sane(const char *name)
{
	return table_name_id(name) || name_check_entry(name) == 0;
}

int table_name_check_wanted(const char *name)
{
	return name && table_name_id(name) ? 0 : name_check_entry(name);
}

/* --- Chains and free list ------------------------------------------------- */

int table_chain_find(const struct table_view *tab, const char *name,
		     uint32_t hash, uint32_t *ret_index, uint32_t **ret_prev)
{
	uint32_t *link = table_bucket(tab->v, tab->t, hash % tab->t->n_buckets);
	uint32_t hi = table_hi(tab->v, tab->kind), next;

	/* Relaxed: the lock orders what its holders store. */
	for (uint32_t n = 0; (next = load_relaxed(link)); n++) {
		struct entry *e = table_entry(tab, next - 1);

		if (next > hi || n >= hi)
			return -EIO;
		if (e->hash == hash &&
		    !strncmp(e->name, name, sizeof(e->name))) {
			*ret_index = next - 1;
			*ret_prev = link;
			return 0;
		}
		link = &e->next;
	}
	return -ENOENT;
}

int table_find_id(const struct view *v, enum entry_kind kind, uint32_t id,
		  uint32_t *ret_index)
{
	uint32_t hi = table_hi(v, kind);

	for (uint32_t i = 0; i < hi; i++) {
		const struct entry *e = view_entry(v, kind, i);

		/* A reader that sees USED must see the id.  Acquire: pairs with
		 * the release in table_add_locked(). */
		if (load_acquire(&e->state) == ENTRY_USED &&
		    load_relaxed(&e->id) == id) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOENT;
}

/* The link that leads to the end of the free list, which has a record.  NULL: a
 * member has overwritten the table's head. */
static uint32_t *free_end(const struct table_view *tab)
{
	uint32_t last = load_relaxed(&tab->head->last);

	if (!last || last > table_hi(tab->v, tab->kind))
		return NULL;
	return &table_entry(tab, last - 1)->next;
}

void table_push_free(const struct table_view *tab, uint32_t i)
{
	uint32_t first = load_relaxed(&tab->head->free);
	uint32_t *end = first ? free_end(tab) : NULL;

	/* A lens that follows this link must see that the record is not in use,
	 * or it would take the free list for the rest of its chain.  Release,
	 * here and at the end of the list: pairs with the acquire of `next` in
	 * table_lookup_once(). */
	store_release(&table_entry(tab, i)->next, end ? 0 : first);
	compiler_fence();
	if (end && SEED_BUG(104))
		store_relaxed(&tab->head->last, i + 1);
	if (end)
		store_release(end, i + 1);
	compiler_fence();
	/* The first word of a list that is empty comes last: it is empty as
	 * long as that word is 0, whatever `last` is. */
	if (end || !first)
		store_relaxed(&tab->head->last, i + 1);
	compiler_fence();
	if (!end)
		store_relaxed(&tab->head->free, i + 1);
	compiler_fence();
}

void table_mend_free(const struct table_view *tab, uint32_t i)
{
	uint32_t first = load_relaxed(&tab->head->free);

	if (first == i + 1 ||
	    (first && load_relaxed(&tab->head->last) == i + 1))
		return;
	/* If the dead thread has linked it, and no more, this links it again.
	 */
	table_push_free(tab, i);
}

void table_turn_away(const struct table_view *tab, struct entry *e)
{
	if (kind_ops[tab->kind].fini)
		kind_ops[tab->kind].fini(tab->v, e);
}

/* --- The announcement ----------------------------------------------------- */

void table_announce(struct thread_rec *me, const struct table_view *tab,
		    uint32_t op, uint32_t index, uint32_t bucket, bool fresh,
		    uint32_t n)
{
	me->table.kind = tab->kind;
	me->table.a[0] = index;
	me->table.a[1] = bucket;
	me->table.a[2] = fresh;
	me->table.a[3] = n;
	compiler_fence();
	/* Relaxed: only recovery reads it, after the thread's death. */
	store_relaxed(&me->table.op, op);
	compiler_fence();
}

void table_finish(const struct table_view *tab, struct intent *intent)
{
	store_relaxed(&tab->head->n, (uint32_t)intent->a[3]);
	/* A thread that sees the new number must find the new record.  Release:
	 * pairs with the acquire in fusion_field_wait(). */
	add_release(&tab->head->seq, 1);
	compiler_fence();
	store_relaxed(&intent->op, TABLE_OP_NONE);
}
