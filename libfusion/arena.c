/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arenas of this process, and what is asked of a handle. */
#include <fusion/arena.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "libfusion/arenas.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/life.h"
#include "libfusion/place.h"

pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
struct fusion_arena *arenas;

/* Lock-free: a handle is unlinked only when no other thread uses it. */
struct fusion_arena *arena_of(const void *p)
{
	struct fusion_arena *a = load_acquire(&arenas);

	while (a && !view_contains(&a->view, p))
		a = load_acquire(&a->next);
	return a;
}

void arena_poke(struct fusion_arena *arena)
{
	/* Relaxed: a hint; the daemon looks by itself when it is opened. */
	if (load_relaxed(&arena->view.sb->event_watchers))
		place_ioctl(arena->dirfd, FUSION_IOC_POKE, NULL);
}

FUSION_API fusion_id_t fusion_arena_id(const struct fusion_arena *arena)
{
	return arena->id;
}

FUSION_API fusion_id_t fusion_arena_master(const struct fusion_arena *arena)
{
	/* Acquire: pairs with the release of who became master. */
	return load_acquire(&arena->view.sb->master);
}

FUSION_API const char *fusion_arena_name(const struct fusion_arena *arena)
{
	return arena->name;
}

FUSION_API void fusion_arena_range(const struct fusion_arena *arena,
				   void **ret_base, uint64_t *ret_span)
{
	if (ret_base)
		*ret_base = arena->view.base;
	if (ret_span)
		*ret_span = arena->view.geo.span;
}

FUSION_API bool fusion_arena_is_shared(const struct fusion_arena *arena,
				       const void *ptr)
{
	return ptr && view_contains(&arena->view, ptr);
}

FUSION_API struct fusion_arena *fusion_arena_of(const void *ptr)
{
	return ptr ? arena_of(ptr) : NULL;
}

FUSION_API int fusion_arena_set_root(struct fusion_arena *arena, void *ptr)
{
	if (ptr && !view_contains(&arena->view, ptr))
		return -EINVAL;
	store_release(&arena->view.sb->root,
		      ptr ? view_off(&arena->view, ptr) : 0);
	return 0;
}

FUSION_API void *fusion_arena_root(const struct fusion_arena *arena)
{
	uint64_t off = load_acquire(&arena->view.sb->root);

	return off ? view_at(&arena->view, off) : NULL;
}
