/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables: recovery of a thread that died in an operation
 *
 * The dead thread still holds the table's lock, which is freed after this.  So
 * no other thread has touched the table since, and the steps here need no lock.
 * entry.state says whether the commit has happened.  Each step can be repeated:
 * a recoverer that dies leaves the announcement to the next one.
 */
#include "libfusion/core/names/table_recover.h"

#include <errno.h>
#include <limits.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/names/table_parts.h"

static void recover_add(const struct table_view *tab, uint32_t i,
			uint32_t bucket, bool fresh)
{
	struct entry *e = table_entry(tab, i);
	uint32_t *head = table_bucket(tab->v, tab->t, bucket);

	if (load_relaxed(&e->state) == ENTRY_USED) {
		if (load_relaxed(head) == i + 1)
			return;
		store_relaxed(&e->next, load_relaxed(head));
		compiler_fence();
		/* Release: pairs with the acquire of the bucket in
		 * table_lookup_once(). */
		store_release(head, i + 1);
		return;
	}
	/* The dead thread has not taken it yet: it is behind the mark, or first
	 * in the free list.  Or an earlier recoverer has put it back there. */
	if (fresh && i >= load_relaxed(&tab->head->hi))
		return;
	table_mend_free(tab, i);
}

static int recover_remove(const struct table_view *tab, uint32_t i,
			  uint32_t bucket)
{
	struct entry *e = table_entry(tab, i);
	uint32_t *link = table_bucket(tab->v, tab->t, bucket), next;
	uint32_t hi = table_hi(tab->v, tab->kind);

	if (load_relaxed(&e->state) == ENTRY_USED)
		return 0;
	table_turn_away(tab, e);
	for (uint32_t n = 0; (next = load_relaxed(link)); n++) {
		if (next > hi || n >= hi)
			return -EIO;
		if (next == i + 1 && !SEED_BUG(11)) {
			/* Release: pairs with the acquires of the bucket and of
			 * `next` in table_lookup_once(). */
			store_release(link, e->next);
			compiler_fence();
			break;
		}
		link = &table_entry(tab, next - 1)->next;
	}
	table_mend_free(tab, i);
	return 0;
}

int table_recover(struct view *v, struct thread_rec *t)
{
	struct intent in = t->table;
	struct table_view tab;
	uint32_t hi;
	bool done;
	int r = 0;

	if (in.op == TABLE_OP_NONE)
		return 0;
	if (in.op > TABLE_OP_REMOVE || in.kind >= N_KINDS)
		goto bad;
	tab = table_view_of(v, in.kind);
	hi = table_hi(v, in.kind);
	if (in.a[0] > hi || in.a[0] >= tab.t->max ||
	    in.a[1] >= tab.t->n_buckets)
		goto bad;
	/* A record behind the mark has no memory of its own: do not read it. */
	if (in.a[0] == hi) {
		store_relaxed(&t->table.op, TABLE_OP_NONE);
		return 0;
	}
	done = (load_relaxed(&table_entry(&tab, (uint32_t)in.a[0])->state) ==
		ENTRY_USED) == (in.op == TABLE_OP_ADD);
	if (SEED_BUG(15))
		store_relaxed(&t->table.op, TABLE_OP_NONE);
	if (in.op == TABLE_OP_ADD)
		recover_add(&tab, (uint32_t)in.a[0], (uint32_t)in.a[1],
			    in.a[2]);
	else
		r = recover_remove(&tab, (uint32_t)in.a[0], (uint32_t)in.a[1]);
	compiler_fence();
	if (done)
		table_finish(&tab, &t->table);
	else
		store_relaxed(&t->table.op, TABLE_OP_NONE);
	futex_wake(&tab.head->seq, INT_MAX);
	return r;

bad:
	store_relaxed(&t->table.op, TABLE_OP_NONE);
	return -EIO;
}
