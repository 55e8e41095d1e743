/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/arena.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/names/name.h"
#include "libfusion/heap/tls.h"

/* Is it the type, or the name? */
static int refuse_add(const struct fusion_arena *arena, int r, const char *name,
		      const char *type)
{
	if ((r != -EINVAL && r != -ENAMETOOLONG) || name_check_entry(name) < 0)
		return refuse_thing(arena, r, "field", name);
	if (r == -EINVAL)
		return refuse(r,
			      "field '%s': no control character may be in "
			      "the type '%s'",
			      name, type);
	return refuse(r, "field '%s': the type has %zu bytes, %d are the most",
		      name, strlen(type), FIELD_TYPE_MAX);
}

FUSION_API int fusion_arena_add_field(struct fusion_arena *arena,
				      const char *name, void *ptr, size_t size,
				      const char *type)
{
	struct thread_rec *me = thread_rec_of(arena);
	int r;

	if (!me)
		return told(-errno);
	if (!view_contains(&arena->view, ptr) ||
	    size > arena->view.geo.span - view_off(&arena->view, ptr))
		return told(refuse(
			-EINVAL,
			"field '%s': %zu bytes at %p are not in arena "
			"'%s', whose memory is %p-%p: use memory of "
			"fusion_malloc()",
			name ? name : "", size, ptr, arena->name,
			(void *)arena->view.base,
			(void *)(arena->view.base + arena->view.geo.span)));
	r = field_add(&arena->view, me, name, (uint64_t)(uintptr_t)ptr, size,
		      type, arena->id);
	if (r < 0)
		return told(refuse_add(arena, r, name, type));
	arena_poke(arena);
	return 0;
}

/* What a caller expects of a field. */
struct wanted {
	const char *name;
	size_t size;	  /* 0: any */
	const char *type; /* NULL: any */
};

static int check_field(const struct fusion_arena *arena,
		       const struct field_rec *f, const struct wanted *want)
{
	if (want->size && want->size != f->size)
		return refuse(-EPROTOTYPE,
			      "field '%s' of arena '%s': it has %" PRIu64
			      " bytes (0: unknown), and %zu are expected",
			      want->name, arena->name, f->size, want->size);
	if (want->type && strcmp(want->type, f->type) != 0)
		return refuse(-EPROTOTYPE,
			      "field '%s' of arena '%s': its type is '%s', and "
			      "'%s' is expected",
			      want->name, arena->name, f->type, want->type);
	return 0;
}

static int read_field(struct fusion_arena *arena, const struct wanted *want,
		      void **ret_ptr)
{
	struct thread_rec *me = thread_rec_of(arena);
	struct field_rec f;
	int r;

	if (!me)
		return -errno;
	r = field_get(&arena->view, me, want->name, &f);
	if (r < 0)
		return r;
	f.type[FIELD_TYPE_MAX] = '\0'; /* a member may have overwritten it */
	r = check_field(arena, &f, want);
	if (r < 0)
		return r;
	/* Somebody scribbled over it: better no pointer than that one. */
	if (!view_contains(&arena->view, (void *)(uintptr_t)f.addr))
		return refuse(-EIO,
			      "field '%s': its pointer 0x%" PRIx64
			      " does not point into arena '%s': a member "
			      "has overwritten it",
			      want->name, f.addr, arena->name);
	*ret_ptr = (void *)(uintptr_t)f.addr;
	return 0;
}

static int refuse_get(const struct fusion_arena *arena, int r, const char *name)
{
	return is_refused(r) ? r : refuse_thing(arena, r, "field", name);
}

FUSION_API int fusion_arena_get_field(struct fusion_arena *arena,
				      const char *name, size_t size,
				      const char *type, void **ret_ptr)
{
	const struct wanted want = {name, size, type};
	int r;

	if (!ret_ptr)
		return told(refuse_null("field", "ret_ptr"));
	r = read_field(arena, &want, ret_ptr);
	return told(r < 0 ? refuse_get(arena, r, name) : r);
}

FUSION_API int fusion_arena_remove_field(struct fusion_arena *arena,
					 const char *name)
{
	struct thread_rec *me = thread_rec_of(arena);
	int r;

	if (!me)
		return told(-errno);
	r = field_remove(&arena->view, me, name);
	if (r < 0)
		return told(refuse_thing(arena, r, "field", name));
	arena_poke(arena);
	return 0;
}

static int refuse_wait(const struct fusion_arena *arena, int r,
		       const char *name)
{
	return refuse(r,
		      "field '%s': nobody has added it to arena '%s' yet: "
		      "%s",
		      name, arena->name, error_meaning(r));
}

FUSION_API int fusion_arena_wait_field(struct fusion_arena *arena,
				       const char *name, int64_t timeout_ns,
				       size_t size, const char *type,
				       void **ret_ptr)
{
	const struct wanted want = {name, size, type};
	int64_t deadline;
	int r;

	if (!ret_ptr)
		return told(refuse_null("field", "ret_ptr"));
	if (!thread_rec_of(arena))
		return told(-errno);
	r = deadline_begin(timeout_ns, &deadline);
	if (r < 0)
		return told(r);
	for (;;) {
		/* Acquire: pairs with the release at the end of field_add();
		 * read before we look, so that no field is missed. */
		uint32_t seq =
			load_acquire(&arena->view.sb->tables[KIND_FIELD].seq);
		int64_t nap;

		r = read_field(arena, &want, ret_ptr);
		if (r >= 0)
			return told(r);
		if (r != -ENOENT)
			return told(refuse_get(arena, r, name));
		/* The process that adds the field may be killed before it
		 * wakes us: look again now and then, though nobody calls. */
		nap = deadline_nap(deadline, SUSPECT_LAST_NS);
		if (!nap)
			return told(refuse_wait(arena, -ETIMEDOUT, name));
		r = futex_wait(&arena->view.sb->tables[KIND_FIELD].seq, seq,
			       nap);
		if (r == -EINTR)
			return told(refuse_wait(arena, r, name));
	}
}
