/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena/entries.h"

#include <errno.h>

#include "libfusion/arena/arenas.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"

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

int64_t deadline_of(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns < 0)
		return -1;
	now = clock_monotonic_ns();
	return timeout_ns < INT64_MAX - now ? now + timeout_ns : -1;
}

void poke_visitors(struct fusion_arena *arena)
{
	/* Relaxed: a hint, it looks by itself too. */
	if (load_relaxed(&arena->view.sb->visitors_waiting))
		arena_wake_daemon(arena);
}
