/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refs/ */
#include "fusionfs/files/refs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fusionfs/world/record.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_lens.h"

/* One file is made at a time: not on the stack. */
static struct ref_share shares[MEMBERS_MAX];

static int compare_members(const void *a, const void *b)
{
	const struct ref_share *x = a, *y = b;

	return (x->member > y->member) - (x->member < y->member);
}

static void add_ref_member(struct text *t, const char *what, uint32_t member)
{
	if (member)
		text_add(t, "%s member %u\n", what, member);
	else
		text_add(t, "%s none\n", what);
}

static void add_ref_shares(struct text *t, struct view *v, uint32_t index)
{
	int n = ref_shares(v, index, shares, MEMBERS_MAX);

	if (n < 0)
		return;
	if (n > (int)MEMBERS_MAX)
		n = MEMBERS_MAX;
	qsort(shares, (size_t)n, sizeof(*shares), compare_members);
	for (int i = 0; i < n; i++)
		text_add(t, "member %u local %u pending %u\n", shares[i].member,
			 shares[i].local, shares[i].pending);
}

void ref_counts_show(struct view *v, uint32_t index, struct text *t)
{
	struct ref_sum sum;

	if (ref_copy(v, index, NULL, &sum) < 0)
		return;
	text_add(t, "total %" PRIu64 "\nglobal %" PRIu64 "\n", sum.total,
		 sum.global);
	text_add(t, "inherited %" PRIu64 "\n", sum.inherited);
	add_ref_shares(t, v, index);
}

int ref_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	struct ref_sum sum;
	union record o;
	int r = record_get(n, &o);

	if (r == 0)
		r = ref_copy(v, record_index(n), NULL, &sum);
	if (r < 0)
		return r;
	text_add(t, "total %" PRIu64 "\nglobal %" PRIu64 "\n", sum.total,
		 sum.global);
	text_add(t, "inherited %" PRIu64 "\nfrom ", sum.inherited);
	text_add(t, sum.from ? "#%u\n" : "none\n", sum.from);
	text_add(t, "falls %" PRIu64 "\n", sum.falls);
	add_ref_member(t, "locked", sum.locker);
	add_ref_member(t, "watched", sum.watcher);
	add_ref_shares(t, v, record_index(n));
	return 0;
}

/* Go through all rows: members can break the chains of rows. */
void refs_of_member_show(struct view *v, uint32_t member, struct text *t)
{
	uint32_t hi = view_hi(&v->sb->rows.hi, v->geo.max_rows);
	union record o;

	for (uint32_t i = 0; i < hi && !t->cut; i++) {
		const struct ref_row *row = row_at(v, i);
		uint32_t local = ROW_COUNT(load_relaxed(&row->word));
		uint32_t pending = load_relaxed(&row->pending);

		if (load_relaxed(&row->state) != ROW_USED ||
		    load_relaxed(&row->member) != member ||
		    (!local && !pending) ||
		    table_copy(v, KIND_REF, load_relaxed(&row->ref), &o) < 0 ||
		    o.e.id != load_relaxed(&row->ref_id))
			continue;
		if (o.ref.object)
			text_add(t, "object #%u", o.ref.object_id);
		else
			text_add(t, "ref %s", o.e.name);
		text_add(t, " local %u pending %u\n", local, pending);
	}
}
