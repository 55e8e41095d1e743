/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/objects.h"

#include <errno.h>

#include "libfusion/arenas.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"

struct tcache *object_cache(enum object_kind kind, const void *p,
			    int *ret_error)
{
	struct fusion_arena *arena = p ? arena_of(p) : NULL;
	struct tcache *c;

	*ret_error = -EINVAL;
	if (!arena || table_index(&arena->view, kind, p) < 0)
		return NULL;
	c = tls_cache(arena);
	if (!c)
		*ret_error = -errno;
	return c;
}

int object_lookup(struct fusion_arena *arena, enum object_kind kind,
		  const char *name, void **ret)
{
	struct thread_rec *me;
	uint32_t i;
	int r;

	if (!ret)
		return -EINVAL;
	me = thread_rec_of(arena);
	if (!me)
		return -errno;
	r = table_get(&arena->view, me, kind, name, &i, NULL);
	if (r == 0)
		*ret = view_entry(&arena->view, kind, i);
	return r;
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
