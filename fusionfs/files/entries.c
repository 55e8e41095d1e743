/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/files/entries.h"

#include <errno.h>

#include "fusionfs/service/events.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/service/visitors.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/record.h"

static struct record_search entry_search(const struct node *dir)
{
	return (struct record_search){
		.search.ops = &record_search_ops,
		.kind = dir->row->kind,
	};
}

static int find_entry(const struct node *dir, const char *name,
		      struct node *ret)
{
	struct record_search s = entry_search(dir);

	return record_find_item(dir, &s, name, ret);
}

static int next_entry(const struct node *dir, uint64_t *at, char name[256],
		      struct node *ret)
{
	struct record_search s = entry_search(dir);

	return record_next_item(dir, &s, at, name, ret);
}

const struct items_ops entry_items = {
	.find = find_entry,
	.next = next_entry,
	.check = record_check,
};

struct creation {
	create_fn create;
	const char *name;
	uint32_t index;
};

static int create_entry_guarded(struct arena *a, void *arg)
{
	struct creation *c = arg;

	return c->create(&a->view, a->view.rec, c->name, &c->index);
}

int entry_create_in(const struct node *dir, const char *name,
		    enum row_type type, struct node *ret)
{
	struct creation c = {.create = dir->row->create, .name = name};
	enum row_type its = node_items_type(dir);
	int r = c.create && type == its	       ? 0
		: c.create && type == ROW_FILE ? -EISDIR
					       : -EPERM;

	if (r == 0)
		r = arena_refresh(dir->arena);
	if (r == 0)
		r = guarded(dir->arena, create_entry_guarded, &c);
	if (r < 0)
		return r;
	events_changed(dir->arena);
	return node_lookup(dir, name, ret);
}

static int remove_entry_guarded(struct arena *a, void *arg)
{
	const struct record_search *s = arg;

	/* The reactor of an object goes with the object. */
	if (s->kind == KIND_REACTOR && s->o.reactor.object)
		return -EPERM;
	return table_remove(&a->view, a->view.rec, s->kind, s->search.at,
			    s->o.e.id);
}

int entry_remove_in(const struct node *dir, const char *name)
{
	struct record_search s = entry_search(dir);
	int r = -EPERM;

	s.name = name;
	if (dir->row->removes)
		r = search_find(dir->arena, &s.search);
	if (r == 0)
		r = guarded(dir->arena, remove_entry_guarded, &s);
	if (r < 0)
		return r == -EIDRM ? -ENOENT : r;
	visitors_look(dir->arena);
	ports_look(dir->arena);
	events_changed(dir->arena);
	return 0;
}
