/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/names/entries.h"

#include <errno.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/refuse.h"

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
