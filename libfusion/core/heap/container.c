/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/container.h"

#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/names/table_lens.h"

/* The argument of container_init(), through table_add(). */
struct container_arg {
	struct container *c;
	enum entry_kind kind;
	uint32_t keys;
};

/* Killed before the commit of the record: nobody knows the container, whose
 * link leads to a record that is free, or another's. */
void container_init(struct view *v, void *rec, const void *arg)
{
	const struct container_arg *from = arg;
	struct container_rec *r = rec;

	from->c->link = (struct container_link){
		.entry = (uint32_t)table_index(v, from->kind, r) + 1,
		.id = r->e.id,
	};
	r->addr = (uint64_t)(uintptr_t)from->c;
	r->flags = from->c->flags;
	r->keys = from->keys;
}

int container_name(struct view *v, struct thread_rec *me, enum entry_kind kind,
		   const char *name, struct container *c, uint32_t keys,
		   uint32_t creator)
{
	const struct container_arg arg = {c, kind, keys};
	uint32_t i;

	return table_add(v, me, kind, name, creator, &arg, &i);
}

static void check_record(struct checker *c, const struct view *v,
			 enum entry_kind kind, const struct container_rec *r)
{
	const char *what = kind_ops[kind].name;
	uint64_t off = r->addr - v->sb->base;
	const struct container *at;

	if (!view_has(v, off, sizeof(*at)) ||
	    !heap_is_allocated(v, view_at(v, off))) {
		check_fault(c, "%s: '%s' leads to no block", what, r->e.name);
		return;
	}
	at = view_at(v, off);
	if (at->link.id != r->e.id)
		check_fault(c, "%s: '%s' leads to one that is called otherwise",
			    what, r->e.name);
}

unsigned container_check(const struct view *v, check_report_fn report,
			 void *ctx)
{
	struct checker c = {.report = report, .ctx = ctx};
	struct container_rec r;

	for (enum entry_kind kind = KIND_HASH; kind <= KIND_LIST; kind++)
		for (uint32_t i = 0; i < table_hi(v, kind); i++)
			if (table_copy(v, kind, i, &r) == 0)
				check_record(&c, v, kind, &r);
	return c.faults;
}
