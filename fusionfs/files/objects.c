/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/files/objects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fusionfs/base/hint.h"
#include "fusionfs/files/show.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/service/visitors.h"
#include "libfusion/core/names/table_lens.h"

/* An item is the id of what is there, all of it, so that a file that stays open
 * never shows the next one at the same place. */
static uint32_t *hint(const struct node *n)
{
	return hint_of(n->arena->life, HINT_OBJECT, n->item);
}

uint32_t object_item(const struct node *dir, uint32_t index, uint32_t id)
{
	*hint_of(dir->arena->life, HINT_OBJECT, id) = index;
	return id;
}

uint32_t object_index(const struct node *n)
{
	return *hint(n);
}

struct find {
	enum entry_kind kind;
	const char *name;
	uint32_t index;
	union record o;
};

static int copy_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	int r = table_copy(&a->view, f->kind, f->index, &f->o);

	/* An object's is said with the object. */
	if (r == 0 && f->kind == KIND_REF && f->o.ref.object)
		r = -ENOENT;
	return r;
}

static int find_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	int r = table_lookup(&a->view, f->kind, f->name, &f->index);

	return r < 0 ? r : copy_guarded(a, f);
}

static int find_object(const struct node *dir, const char *name,
		       struct node *ret)
{
	struct find f = {.kind = dir->row->kind, .name = name};
	int r = guarded(dir->arena, find_guarded, &f);

	if (r == 0)
		ret->item = object_item(dir, f.index, f.o.e.id);
	return r;
}

/* The next used record at or after f->index. */
static int next_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	uint32_t hi = table_hi(&a->view, f->kind);

	for (; f->index < hi; f->index++)
		if (copy_guarded(a, f) == 0)
			return 0;
	return -ENOENT;
}

static int next_entry(const struct node *dir, uint64_t *at, char name[256],
		      struct node *ret)
{
	struct find f = {.kind = dir->row->kind, .index = (uint32_t)*at};
	int r = guarded(dir->arena, next_guarded, &f);

	if (r < 0)
		return r;
	strcpy(name, f.o.e.name);
	ret->item = object_item(dir, f.index, f.o.e.id);
	*at = (uint64_t)f.index + 1;
	return 0;
}

/* As each can be looked up by its id. */
static int find_by_id(const struct node *n, struct find *f)
{
	char name[16];
	int r;

	snprintf(name, sizeof(name), "#%u", n->item);
	f->name = name;
	r = guarded(n->arena, find_guarded, f);
	f->name = NULL;
	return r;
}

int object_get(const struct node *n, union record *ret)
{
	struct find f = {.kind = n->row->kind, .index = *hint(n)};
	int r = guarded(n->arena, copy_guarded, &f);

	if (r == -ENOENT || (r == 0 && f.o.e.id != n->item))
		r = find_by_id(n, &f);
	if (r == 0 && f.o.e.id != n->item)
		r = -ENOENT;
	if (r < 0)
		return r;
	*hint(n) = f.index;
	*ret = f.o;
	return 0;
}

int object_items_check(const struct node *n)
{
	union record o;

	return object_get(n, &o);
}

struct make {
	create_fn create;
	const char *name;
	uint32_t index;
};

static int create_guarded(struct arena *a, void *arg)
{
	struct make *m = arg;

	return m->create(&a->view, a->view.rec, m->name, &m->index);
}

int object_create(const struct node *dir, const char *name, enum row_type type,
		  struct node *ret)
{
	struct make m = {.create = dir->row->create, .name = name};
	enum row_type its = node_items_type(dir);
	int r = m.create && type == its	       ? 0
		: m.create && type == ROW_FILE ? -EISDIR
					       : -EPERM;

	if (r == 0)
		r = arena_refresh(dir->arena);

	if (r == 0)
		r = guarded(dir->arena, create_guarded, &m);
	if (r < 0)
		return r;
	events_changed(dir->arena);
	return node_lookup(dir, name, ret);
}

static int remove_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;

	/* An object's goes with the object. */
	if (f->kind == KIND_REACTOR && f->o.reactor.object)
		return -EPERM;
	return table_remove(&a->view, a->view.rec, f->kind, f->index,
			    f->o.e.id);
}

int object_remove(const struct node *dir, const char *name)
{
	struct find f = {.kind = dir->row->kind, .name = name};
	int r = dir->row->removes ? guarded(dir->arena, find_guarded, &f)
				  : -EPERM;

	if (r == 0)
		r = guarded(dir->arena, remove_guarded, &f);
	if (r < 0)
		return r == -EIDRM ? -ENOENT : r;
	visitors_look(dir->arena);
	ports_look(dir->arena);
	events_changed(dir->arena);
	return 0;
}

const struct items_ops object_items = {
	.find = find_object,
	.next = next_entry,
	.check = object_items_check,
};
