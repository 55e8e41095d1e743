/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory/: what the heap holds, counted anew for each reader. */
#include "fusionfs/files/memory.h"

#include <errno.h>
#include <inttypes.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/format.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/member.h"

#define SPAN_BYTES ((uint64_t)65536)

int memory_status_show(const struct node *n, struct text *t)
{
	const struct view *v = &n->arena->view;
	struct heap_usage u;

	heap_usage(v, &u);
	text_add(t, "blocks %" PRIu64 "\nbytes %" PRIu64 "\n", u.blocks,
		 u.bytes);
	text_add(t, "runs %" PRIu64 "\nrun-bytes %" PRIu64 "\n", u.runs,
		 u.run_bytes);
	text_add(t, "slabs %" PRIu64 "\norphaned-slabs %" PRIu64 "\n",
		 u.spans_slab, u.spans_orphan);
	text_add(t, "free %" PRIu64 "\nreturned %" PRIu64 "\n",
		 u.spans_free * SPAN_BYTES, u.spans_punched * SPAN_BYTES);
	text_add(t,
		 "used %" PRIu64 "\nlimit %" PRIu64 "\nleast-limit %" PRIu64
		 "\n",
		 view_used(v), load_relaxed(&v->sb->limit),
		 format_least(&v->geo));
	return 0;
}

/* Lines: size slabs blocks capacity */
int memory_classes_show(const struct node *n, struct text *t)
{
	struct heap_usage u;

	heap_usage(&n->arena->view, &u);
	for (unsigned i = 0; i < u.n_classes; i++)
		if (u.classes[i].slabs)
			text_add(t, "%u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
				 u.classes[i].size, u.classes[i].slabs,
				 u.classes[i].blocks, u.classes[i].capacity);
	return 0;
}

/* Members share a tag when there are more than 250: then they share a line. */
static void add_member_usage(const struct node *n, struct text *t, unsigned tag,
			     const struct heap_usage *u)
{
	const struct view *v = &n->arena->view;
	uint32_t hi = members_hi(v), id = 0;

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);

		/* Acquire: pairs with the release in member_claim(), so that
		 * the id is that of the member. */
		if (heap_tag(i) == tag && load_acquire(&m->state)) {
			id = m->id;
			break;
		}
	}
	if (id)
		text_add(t, "%u", id);
	else
		text_add(t, "-");
	text_add(t, " %" PRIu64 " %" PRIu64 "\n", u->tag_blocks[tag],
		 u->tag_bytes[tag]);
}

/* Lines: id blocks bytes; the id is `-` if the slot has no member now */
int memory_members_show(const struct node *n, struct text *t)
{
	struct heap_usage u;

	heap_usage(&n->arena->view, &u);
	for (unsigned tag = 1; tag < 256; tag++)
		if (u.tag_blocks[tag])
			add_member_usage(n, t, tag, &u);
	return 0;
}

/* Lines: id name used limit */
int memory_pools_show(const struct node *n, struct text *t)
{
	struct pool_info p;
	int r;

	for (uint32_t i = 0;
	     !t->cut && (r = pool_copy(&n->arena->view, i, &p)) != -ERANGE; i++)
		if (r == 0)
			text_add(t, "%u %s %" PRIu64 " %" PRIu64 "\n", p.id,
				 p.name, p.used, p.limit);
	return 0;
}
