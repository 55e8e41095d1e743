/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/names/table_lens.h"

uint32_t record_search_end(const struct view *v, const struct search *s)
{
	return table_hi(v, ((const struct record_search *)s)->kind);
}

int record_search_copy(struct view *v, struct search *s)
{
	struct record_search *f = (struct record_search *)s;
	int r = table_copy(v, f->kind, s->at, &f->o);

	/* The reference of an object is shown with the object. */
	if (r == 0 && f->kind == KIND_REF && f->o.ref.object)
		r = -ENOENT;
	if (r == 0)
		s->id = f->o.e.id;
	return r;
}

/* A record without a wanted name is looked up by its id, as "#ID". */
int record_search_find(struct view *v, struct search *s)
{
	struct record_search *f = (struct record_search *)s;
	char name[16];

	snprintf(name, sizeof(name), "#%u", s->id);
	return table_lookup(v, f->kind, f->name ? f->name : name, &s->at);
}

const struct search_ops record_search_ops = {
	.hint = HINT_RECORD,
	.end = record_search_end,
	.copy = record_search_copy,
	.find = record_search_find,
};

int record_get(const struct node *n, union record *ret)
{
	struct record_search s = {
		.search.ops = &record_search_ops,
		.kind = n->row->kind,
	};
	int r = search_id(n->arena, &s.search, n->item);

	if (r == 0)
		*ret = s.o;
	return r;
}

int record_check(const struct node *n)
{
	union record o;

	return record_get(n, &o);
}

uint32_t record_index(const struct node *n)
{
	return *hint_of(n->arena->life, HINT_RECORD, n->item);
}

int record_find_item(const struct node *dir, struct record_search *s,
		     const char *name, struct node *ret)
{
	int r;

	s->name = name;
	r = search_find(dir->arena, &s->search);
	if (r == 0)
		ret->item = search_keep_hint(dir->arena, &s->search);
	return r;
}

int record_next_item(const struct node *dir, struct record_search *s,
		     uint64_t *at, char name[256], struct node *ret)
{
	int r;

	s->search.at = (uint32_t)*at;
	r = search_next(dir->arena, &s->search);
	if (r < 0)
		return r;
	strcpy(name, s->o.e.name);
	ret->item = search_keep_hint(dir->arena, &s->search);
	*at = (uint64_t)s->search.at + 1;
	return 0;
}
