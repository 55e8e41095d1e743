/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checker of references
 *
 * Each row is in the chain of its ref and in the chain of its member, or in the
 * free list; in each once.  What is derived from counts (falls, local) agrees
 * with them.
 */
#include "libfusion/core/refs/ref_check.h"

#include <stdlib.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"

#define IN_REF 1
#define IN_MEMBER 2
#define IN_FREE 4

struct ref_checker {
	struct checker check;
	struct view *v;
	uint8_t *seen; /* a byte a row, IN_... */
	uint32_t hi;
};

/* Mark row @at - 1, which was met in a chain.  False ends the walk. */
static bool meet_row(struct ref_checker *c, uint32_t at, uint8_t in)
{
	if (at > c->hi) {
		check_fault(&c->check,
			    "ref: a chain leads out of the rows (%u)", at);
		return false;
	}
	if (c->seen[at - 1] & in) {
		check_fault(&c->check, "ref: a row is in chains twice (%u)",
			    at - 1);
		return false;
	}
	c->seen[at - 1] |= in;
	return true;
}

static void check_row(struct ref_checker *c, const struct ref_row *row,
		      const struct ref *r)
{
	uint32_t i = row_index(c->v, row);

	if (load_relaxed(&row->state) != ROW_USED)
		check_fault(&c->check, "ref: a free row is in a chain (%u)", i);
	if (ref_at(c->v, load_relaxed(&row->ref)) != r ||
	    load_relaxed(&row->ref_id) != load_relaxed(&r->id))
		check_fault(&c->check,
			    "ref: a row is in the chain of another ref (%u)",
			    i);
	if (!load_relaxed(&row->linked))
		check_fault(&c->check,
			    "ref: a row in a chain says it is not (%u)", i);
	if (load_relaxed(&row->word) & ROW_BUSY)
		check_fault(&c->check, "ref: a row is BUSY (%u)", i);
	if (load_relaxed(&row->fork))
		check_fault(&c->check, "ref: a row counts for a child (%u)", i);
	if (!member_at(c->v, load_relaxed(&row->slot),
		       load_relaxed(&row->member)))
		check_fault(&c->check,
			    "ref: a row is of a member that is gone (%u)", i);
}

/* Check that the member @who, which locks or watches @r, is inside and has a
 * row. */
static void check_who(struct ref_checker *c, const struct ref *r, uint64_t who)
{
	if (!who)
		return;
	if (!member_at(c->v, REF_WHO_SLOT(who), REF_WHO_ID(who)))
		check_fault(&c->check, "ref: locked or watched by nobody (%u)",
			    ref_index(c->v, r));
	if (!ref_find_row(c->v, r, REF_WHO_ID(who)))
		check_fault(&c->check,
			    "ref: locked or watched without a row (%u)",
			    ref_index(c->v, r));
}

static void check_parent(struct ref_checker *c, struct ref *r)
{
	uint32_t from = load_relaxed(&r->from), most = c->hi, at, i;
	struct ref *p = ref_parent(c->v, r);

	i = ref_index(c->v, r);
	if (from && !p) {
		check_fault(&c->check,
			    "ref: inherits from one that is gone (%u)", i);
		return;
	}
	if (!p)
		return;
	if (!load_relaxed(&r->family) || !load_relaxed(&p->family))
		check_fault(&c->check, "ref: inherits outside of a family (%u)",
			    i);
	most = table_hi(c->v, KIND_REF);
	at = load_relaxed(&p->first_heir);
	for (uint32_t n = 0; at && at <= most && at != i + 1 && n < most; n++)
		at = load_relaxed(&ref_at(c->v, at - 1)->next_heir);
	if (at != i + 1)
		check_fault(&c->check, "ref: an heir is lost (%u)", i);
}

static bool inherits_any(const struct view *v, const struct ref *r)
{
	const struct ref *parent = ref_parent(v, r);

	return parent && load_relaxed(&parent->local);
}

static void check_ref(struct ref_checker *c, struct ref *r)
{
	uint32_t at = load_relaxed(&r->first_row), i = ref_index(c->v, r);
	uint64_t falls = load_relaxed(&r->falls);
	bool counted = false;

	if (load_relaxed(&r->lock.word))
		check_fault(&c->check, "ref: its lock is held (%u)", i);
	if (load_relaxed(&r->e.state) != ENTRY_USED)
		return;
	if (load_relaxed(&r->id) != load_relaxed(&r->e.id))
		check_fault(&c->check, "ref: id is not its own (%u)", i);
	while (at && meet_row(c, at, IN_REF)) {
		check_row(c, row_at(c->v, at - 1), r);
		counted = counted || row_counts(row_at(c->v, at - 1));
		at = load_relaxed(&row_at(c->v, at - 1)->next);
	}
	if (c->check.faults)
		return;
	if (ref_total_any(c->v, r) != !!(falls & REF_LIVE))
		check_fault(&c->check,
			    "ref: a change of its total was not noticed (%u)",
			    i);
	if (load_relaxed(&r->locker) && (load_relaxed(&r->global) || counted))
		check_fault(&c->check,
			    "ref: locked at zero, but it is not (%u)", i);
	if (load_relaxed(&r->local) != (counted || inherits_any(c->v, r)))
		check_fault(&c->check,
			    "ref: its local total was not noticed (%u)", i);
	check_who(c, r, load_relaxed(&r->locker));
	check_who(c, r, load_relaxed(&r->watcher));
	check_parent(c, r);
}

static void check_member(struct ref_checker *c, uint32_t slot)
{
	const struct member_rec *m = view_member(c->v, slot);
	uint32_t at = load_relaxed(&m->rows), prev = 0;

	if (load_relaxed(&m->state) == MEMBER_FREE)
		at = 0;
	while (at && meet_row(c, at, IN_MEMBER)) {
		const struct ref_row *row = row_at(c->v, at - 1);

		if (load_relaxed(&row->member) != m->id)
			check_fault(&c->check,
				    "ref: a row is of another member (%u)",
				    at - 1);
		if (load_relaxed(&row->m_prev) != prev)
			check_fault(&c->check,
				    "ref: a row does not lead back (%u)",
				    at - 1);
		prev = at;
		at = load_relaxed(&row->m_next);
	}
}

static void check_rows(struct ref_checker *c)
{
	uint32_t at = load_relaxed(&c->v->sb->rows.free), n_used = 0;

	while (at && meet_row(c, at, IN_FREE))
		at = load_relaxed(&row_at(c->v, at - 1)->m_next);
	for (uint32_t i = 0; i < c->hi; i++) {
		bool used = load_relaxed(&row_at(c->v, i)->state) == ROW_USED;

		n_used += used;
		if (c->seen[i] != (used ? IN_REF | IN_MEMBER : IN_FREE))
			check_fault(&c->check, "ref: a row is lost (%u)", i);
	}
	if (n_used != load_relaxed(&c->v->sb->rows.n))
		check_fault(&c->check, "ref: the number of rows is wrong (%u)",
			    n_used);
}

unsigned ref_check(struct view *v, check_report_fn report, void *ctx)
{
	uint32_t refs = table_hi(v, KIND_REF), members = members_hi(v);
	struct ref_checker c = {
		.check = {.report = report, .ctx = ctx},
		.v = v,
		.hi = rows_hi(v),
	};

	c.seen = calloc(c.hi + 1, 1);
	if (!c.seen) {
		check_fault(&c.check, "ref: no memory for the check");
		return c.check.faults;
	}
	if (load_relaxed(&v->sb->rows.hi) > v->geo.max_rows)
		check_fault(&c.check, "ref: the rows' mark is too high (%u)",
			    v->sb->rows.hi);
	if (load_relaxed(&v->sb->rows.lock.word))
		check_fault(&c.check, "ref: the rows' lock is held");
	if (load_relaxed(&v->sb->ref_family.word))
		check_fault(&c.check, "ref: the families' lock is held");
	for (uint32_t i = 0; i < refs; i++)
		check_ref(&c, ref_at(v, i));
	for (uint32_t i = 1; i < members; i++)
		check_member(&c, i);
	check_rows(&c);
	free(c.seen);
	return c.check.faults;
}
