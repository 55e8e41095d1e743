/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/names/entries.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/refuse.h"

struct tcache *entry_cache(enum entry_kind kind, const void *handle,
			   size_t id_at, int *ret_error)
{
	struct fusion_arena *arena = handle ? arena_of(handle) : NULL;
	struct tcache *c;

	if (!arena ||
	    table_index(&arena->view, kind, handle_entry(handle)) < 0) {
		*ret_error = refuse_handle(kind_ops[kind].name, handle);
		return NULL;
	}
	if (handle_is_stale(handle, entry_word(handle, id_at))) {
		*ret_error = -EIDRM;
		return NULL;
	}
	c = tls_cache(arena);
	if (!c)
		*ret_error = -errno;
	return c;
}

int entry_created(struct fusion_arena *arena, enum entry_kind kind,
		  const char *name, int r)
{
	if (r < 0)
		return refuse_thing(arena, r, kind_ops[kind].name, name);
	arena_poke(arena);
	return 0;
}

int entry_find(struct fusion_arena *arena, enum entry_kind kind,
	       const char *name, void **ret)
{
	struct thread_rec *me = thread_rec_of(arena);
	uint32_t i, id;
	int r;

	if (!me)
		return -errno;
	r = table_find(&arena->view, me, kind, name, &i, &id);
	if (r == 0)
		*ret = entry_handle(view_entry(&arena->view, kind, i), id);
	return r;
}

static int find_one(struct fusion_arena *arena, const char *name,
		    const struct entry_maker *maker, const void *params,
		    void **ret)
{
	return maker->find ? maker->find(arena, name, params, ret)
			   : entry_find(arena, maker->kind, name, ret);
}

int entry_make(struct fusion_arena *arena, const char *name,
	       const struct entry_maker *maker, const void *params,
	       bool or_find, void **ret)
{
	const char *what = kind_ops[maker->kind].name;
	struct thread_rec *me;
	int r;

	if (or_find && !name)
		return refuse_name(-EINVAL, what, name);
	me = thread_rec_of(arena);
	if (!me)
		return -errno;
	do {
		r = or_find ? find_one(arena, name, maker, params, ret)
			    : -ENOENT;
		if (r != -ENOENT)
			break;
		r = maker->create(arena, me, name, params, ret);
		if (r == 0)
			arena_poke(arena);
	} while (or_find && r == -EEXIST);
	return r < 0 && !is_refused(r) ? refuse_thing(arena, r, what, name) : r;
}

int entry_check_get(const struct fusion_arena *arena, const char *what,
		    uint32_t id, const void *ret)
{
	if (!arena || !ret)
		return refuse_null(what, arena ? "ret" : "arena");
	return id ? 0 : refuse(-EINVAL, "%s: 0 is nothing's id", what);
}

int entry_get(struct fusion_arena *arena, enum entry_kind kind, uint32_t id,
	      void **ret)
{
	const char *what = kind_ops[kind].name;
	int r = entry_check_get(arena, what, id, ret);
	char name[16];

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "#%" PRIu32, id);
	r = entry_find(arena, kind, name, ret);
	if (r == -ENOENT)
		return refuse(r, "%s #%u: arena '%s' has none of that id", what,
			      id, arena->name);
	return r < 0 && !is_refused(r) ? refuse_thing(arena, r, what, name) : r;
}

uint32_t entry_id(enum entry_kind kind, const void *handle, size_t id_at)
{
	const struct fusion_arena *arena = handle ? arena_of(handle) : NULL;
	uint32_t id;

	if (!arena || table_index(&arena->view, kind, handle_entry(handle)) < 0)
		return 0;
	id = entry_word(handle, id_at);
	return handle_has_id(handle, id) ? id : 0;
}

int entry_lookup(struct fusion_arena *arena, enum entry_kind kind,
		 const char *name, void **ret)
{
	const char *what = kind_ops[kind].name;
	int r;

	if (!arena || !ret)
		return refuse_null(what, arena ? "ret" : "arena");
	r = entry_find(arena, kind, name, ret);
	return r < 0 && !is_refused(r) ? refuse_thing(arena, r, what, name) : r;
}
