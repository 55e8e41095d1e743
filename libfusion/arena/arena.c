/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program asks of the handle of an arena. */
#include <fusion/arena.h>

#include <errno.h>
#include <stddef.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/refuse.h"

FUSION_API fusion_id_t fusion_arena_id(const struct fusion_arena *arena)
{
	return arena_is_in(arena) ? arena->id : FUSION_NONE;
}

FUSION_API fusion_id_t fusion_arena_master(const struct fusion_arena *arena)
{
	/* Acquire: pairs with the release in life.c, of the member that became
	 * master. */
	return arena_is_in(arena) ? load_acquire(&arena->view.sb->master)
				  : FUSION_NONE;
}

FUSION_API enum fusion_role fusion_arena_role(const struct fusion_arena *arena)
{
	if (!arena_is_in(arena))
		return FUSION_ROLE_ANY;
	return fusion_arena_master(arena) == arena->id ? FUSION_ROLE_MASTER
						       : FUSION_ROLE_SLAVE;
}

FUSION_API const char *fusion_arena_name(const struct fusion_arena *arena)
{
	return arena_is_in(arena) ? arena->name : "";
}

FUSION_API void fusion_arena_range(const struct fusion_arena *arena,
				   void **ret_base, uint64_t *ret_span)
{
	bool in = arena_is_in(arena);

	if (ret_base)
		*ret_base = in ? arena->view.base : NULL;
	if (ret_span)
		*ret_span = in ? arena->view.geo.span : 0;
}

FUSION_API bool fusion_arena_is_shared(const struct fusion_arena *arena,
				       const void *ptr)
{
	return ptr && arena_is_in(arena) && view_contains(&arena->view, ptr);
}

FUSION_API struct fusion_arena *fusion_arena_of(const void *ptr)
{
	return ptr ? arena_of(ptr) : NULL;
}

FUSION_API int fusion_arena_set_root(struct fusion_arena *arena, void *ptr)
{
	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	if (ptr && !view_contains(&arena->view, ptr))
		return told(
			refuse(-EINVAL,
			       "root of arena '%s': %p is not into its memory: "
			       "use memory of fusion_malloc()",
			       arena->name, ptr));
	/* Release: pairs with the acquire in fusion_arena_root(). */
	store_release(&arena->view.sb->root,
		      ptr ? view_off(&arena->view, ptr) : 0);
	return 0;
}

FUSION_API void *fusion_arena_root(const struct fusion_arena *arena)
{
	/* Acquire: pairs with the release in fusion_arena_set_root(). */
	uint64_t off =
		arena_is_in(arena) ? load_acquire(&arena->view.sb->root) : 0;

	return off && off < arena->view.geo.span ? view_at(&arena->view, off)
						 : NULL;
}
