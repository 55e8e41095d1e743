/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/names/entries.h"

#include <errno.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/names/table_parts.h"

struct tcache *entry_cache(enum entry_kind kind, const void *p, int *ret_error)
{
	struct fusion_arena *arena = p ? arena_of(p) : NULL;
	struct tcache *c;

	if (!arena || table_index(&arena->view, kind, p) < 0) {
		*ret_error = refuse_handle(kind_ops[kind].name, p);
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

int entry_opened(struct fusion_arena *arena, enum entry_kind kind,
		 const char *name, int r)
{
	return r == -EEXIST ? 0 : entry_created(arena, kind, name, r);
}

int entry_find(struct fusion_arena *arena, enum entry_kind kind,
	       const char *name, void **ret)
{
	struct thread_rec *me = thread_rec_of(arena);
	uint32_t i;
	int r;

	if (!me)
		return -errno;
	r = table_get(&arena->view, me, kind, name, &i, NULL);
	if (r == 0)
		*ret = view_entry(&arena->view, kind, i);
	return r;
}

int entry_get(struct fusion_arena *arena, enum entry_kind kind, uint32_t id,
	      void **ret)
{
	const char *what = kind_ops[kind].name;
	uint32_t i;

	if (!arena || !ret)
		return refuse_null(what, arena ? "ret" : "arena");
	if (!id)
		return refuse(-EINVAL, "%s: 0 is nothing's id", what);
	if (!thread_rec_of(arena))
		return -errno;
	if (table_find_id(&arena->view, kind, id, &i) < 0)
		return refuse(-ENOENT, "%s #%u: arena '%s' has none of that id",
			      what, id, arena->name);
	*ret = view_entry(&arena->view, kind, i);
	return 0;
}

uint32_t entry_id(enum entry_kind kind, const void *p, size_t id_at)
{
	const struct fusion_arena *arena = p ? arena_of(p) : NULL;

	if (!arena || table_index(&arena->view, kind, p) < 0)
		return 0;
	/* Acquire: pairs with the releases in the init() and fini() of the
	 * kind. */
	return load_acquire((const uint32_t *)((const char *)p + id_at));
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
