/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields/ */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fusionfs/show.h"
#include "libfusion/core/field.h"

/* An item is an index and low bits of the id of the field that is there, so
 * that a file that stays open never shows the next one at the index. */
#define INDEX_BITS 20
#define INDEX_MASK ((1u << INDEX_BITS) - 1)

static uint32_t make_item(uint32_t index, uint32_t id)
{
	return index | id << INDEX_BITS;
}

struct find {
	const char *name;
	uint32_t index;
	struct field_rec f;
};

static int find_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	int r = table_lookup(&a->view, KIND_FIELD, f->name, &f->index);

	return r < 0 ? r : field_copy(&a->view, f->index, &f->f);
}

static int find_field(const struct node *dir, const char *name,
		      struct node *ret)
{
	struct find f = {.name = name};
	int r = guarded(dir->arena, find_guarded, &f);

	if (r == 0)
		ret->item = make_item(f.index, f.f.e.id);
	return r;
}

/* The next used entry at or after f->index. */
static int next_guarded(struct arena *a, void *arg)
{
	uint32_t hi = view_hi(&a->view.sb->tables[KIND_FIELD].hi,
			      a->view.geo.max_fields);
	struct find *f = arg;

	for (; f->index < hi; f->index++)
		if (field_copy(&a->view, f->index, &f->f) == 0)
			return 0;
	return -ENOENT;
}

static int next_field(const struct node *dir, uint64_t *at, char name[256],
		      struct node *ret)
{
	struct find f = {.index = (uint32_t)*at};
	int r = guarded(dir->arena, next_guarded, &f);

	if (r < 0)
		return r;
	strcpy(name, f.f.e.name);
	ret->item = make_item(f.index, f.f.e.id);
	*at = (uint64_t)f.index + 1;
	return 0;
}

static int copy_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;

	return field_copy(&a->view, f->index, &f->f);
}

static int get(const struct node *n, struct find *f)
{
	int r;

	f->index = n->item & INDEX_MASK;
	r = guarded(n->arena, copy_guarded, f);
	if (r == 0 && make_item(f->index, f->f.e.id) != n->item)
		r = -ENOENT;
	return r;
}

static int check_field(const struct node *n)
{
	struct find f;

	return get(n, &f);
}

const struct items_ops field_items = {
	.find = find_field,
	.next = next_field,
	.check = check_field,
};

int field_show(const struct node *n, struct text *t)
{
	struct find f;
	int r = get(n, &f);

	if (r < 0)
		return r;
	text_add(t, "0x%" PRIx64, f.f.addr);
	if (f.f.type[0] || f.f.size)
		text_add(t, " %s %" PRIu64, f.f.type[0] ? f.f.type : "-",
			 f.f.size);
	text_add(t, "\n");
	return 0;
}
