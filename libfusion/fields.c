/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/arena.h>

#include <errno.h>

#include "libfusion/arena_private.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/field.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/limits.h"
#include "libfusion/tls.h"

FUSION_API int fusion_arena_add_field(struct fusion_arena *arena,
				      const char *name, void *ptr, size_t size,
				      const char *type)
{
	struct thread_rec *me = thread_rec_of(arena);
	int r;

	if (!me)
		return -errno;
	if (!view_contains(&arena->view, ptr) ||
	    size > arena->view.geo.span - view_off(&arena->view, ptr))
		return -EINVAL;
	r = field_add(&arena->view, me, name, (uint64_t)(uintptr_t)ptr, size,
		      type, arena->id);
	if (r < 0)
		return r;
	arena_poke(arena);
	return 0;
}

static int get(struct fusion_arena *arena, const char *name, void **ret_ptr,
	       size_t *ret_size)
{
	struct thread_rec *me = thread_rec_of(arena);
	struct field_rec f;
	int r;

	if (!me)
		return -errno;
	r = field_get(&arena->view, me, name, &f);
	if (r < 0)
		return r;
	/* Somebody scribbled over it: better no pointer than that one. */
	if (!view_contains(&arena->view, (void *)(uintptr_t)f.addr))
		return -EIO;
	*ret_ptr = (void *)(uintptr_t)f.addr;
	if (ret_size)
		*ret_size = f.size;
	return 0;
}

FUSION_API int fusion_arena_get_field(struct fusion_arena *arena,
				      const char *name, void **ret_ptr,
				      size_t *ret_size)
{
	return get(arena, name, ret_ptr, ret_size);
}

FUSION_API int fusion_arena_remove_field(struct fusion_arena *arena,
					 const char *name)
{
	struct thread_rec *me = thread_rec_of(arena);
	int r;

	if (!me)
		return -errno;
	r = field_remove(&arena->view, me, name);
	if (r < 0)
		return r;
	arena_poke(arena);
	return 0;
}

FUSION_API int fusion_arena_wait_field(struct fusion_arena *arena,
				       const char *name, int64_t timeout_ns,
				       void **ret_ptr, size_t *ret_size)
{
	int64_t until = timeout_ns < 0 ? 0 : clock_monotonic_ns() + timeout_ns;

	if (!thread_rec_of(arena))
		return -errno;
	for (;;) {
		/* Acquire: pairs with the release at the end of field_add();
		 * read before we look, so that no field is missed. */
		uint32_t seq =
			load_acquire(&arena->view.sb->tables[KIND_FIELD].seq);
		int r = get(arena, name, ret_ptr, ret_size);
		int64_t left = -1;

		if (r != -ENOENT)
			return r;
		if (timeout_ns >= 0) {
			left = until - clock_monotonic_ns();
			if (left <= 0)
				return -ETIMEDOUT;
		}
		/* Who adds it may be killed before it wakes us: look again
		 * now and then, though nobody calls. */
		if (left < 0 || left > SUSPECT_LAST_NS)
			left = SUSPECT_LAST_NS;
		r = futex_wait(&arena->view.sb->tables[KIND_FIELD].seq, seq,
			       left);
		if (r == -EINTR)
			return r;
	}
}
