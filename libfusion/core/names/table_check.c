/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables: the checker
 *
 * It walks all chains and the free list, and counts how often it meets each
 * record.  Every record below the mark must be met exactly once.
 */
#include "libfusion/core/names/table_check.h"

#include <stdlib.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/names/table_parts.h"

struct table_checker {
	struct checker check;
	struct table_view tab;
	const char *kind; /* begins each line */
	uint8_t *seen;	  /* a byte a record: how often it was met */
	uint32_t hi;
};

static void check_chain(struct table_checker *c, uint32_t bucket)
{
	uint32_t next = load_relaxed(table_bucket(c->tab.v, c->tab.t, bucket));

	while (next) {
		union {
			struct entry e;
			char room[ENTRY_SIZE];
		} copy;

		if (next > c->hi) {
			check_fault(&c->check,
				    "%s: chain leads out of the table",
				    c->kind);
			return;
		}
		if (c->seen[next - 1]++) {
			check_fault(&c->check, "%s: record is in chains twice",
				    c->kind);
			return;
		}
		if (table_copy(c->tab.v, c->tab.kind, next - 1, &copy) < 0) {
			check_fault(&c->check,
				    "%s: record in a chain is not in use",
				    c->kind);
			return;
		}
		if (copy.e.hash % c->tab.t->n_buckets != bucket)
			check_fault(&c->check,
				    "%s: record is in the wrong chain",
				    c->kind);
		next = copy.e.next;
	}
}

static void check_unique(struct table_checker *c, uint32_t i)
{
	const struct entry *e = table_entry(&c->tab, i);
	uint32_t found, *prev;

	if (load_relaxed(&e->state) == ENTRY_USED &&
	    (table_chain_find(&c->tab, e->name, e->hash, &found, &prev) < 0 ||
	     found != i))
		check_fault(&c->check, "%s: a name is there twice", c->kind);
}

static void check_free(struct table_checker *c)
{
	uint32_t next = load_relaxed(&c->tab.head->free), last = next;

	while (next) {
		struct entry *e;

		if (next > c->hi) {
			check_fault(&c->check,
				    "%s: free list leads out of the table",
				    c->kind);
			return;
		}
		if (c->seen[next - 1]++) {
			check_fault(&c->check, "%s: free record is met twice",
				    c->kind);
			return;
		}
		e = table_entry(&c->tab, next - 1);
		if (load_relaxed(&e->state) != ENTRY_FREE) {
			check_fault(&c->check,
				    "%s: record in the free list is in use",
				    c->kind);
			return;
		}
		last = next;
		next = load_relaxed(&e->next);
	}
	if (last && load_relaxed(&c->tab.head->last) != last)
		check_fault(&c->check, "%s: the end of the free list is wrong",
			    c->kind);
}

unsigned table_check(struct view *v, enum entry_kind kind,
		     check_report_fn report, void *ctx)
{
	struct table_checker c = {
		.check = {.report = report, .ctx = ctx},
		.tab = table_view_of(v, kind),
		.kind = kind_ops[kind].name,
		.hi = table_hi(v, kind),
	};
	uint32_t n_used = 0;

	c.seen = calloc(c.hi + 1, 1);
	if (!c.seen) {
		check_fault(&c.check, "%s: no memory for the check", c.kind);
		return c.check.faults;
	}
	for (uint32_t b = 0; b < c.tab.t->n_buckets; b++)
		check_chain(&c, b);
	check_free(&c);
	for (uint32_t i = 0; i < c.hi; i++) {
		n_used += load_relaxed(&table_entry(&c.tab, i)->state) ==
			  ENTRY_USED;
		if (!c.seen[i])
			check_fault(&c.check, "%s: record is lost", c.kind);
		else if (!c.check.faults)
			check_unique(&c, i);
	}
	if (n_used != load_relaxed(&c.tab.head->n))
		check_fault(&c.check, "%s: the number of records is wrong",
			    c.kind);
	free(c.seen);
	return c.check.faults;
}
