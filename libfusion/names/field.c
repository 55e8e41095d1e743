/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/field.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/names/name.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/tls.h"

/* --- Finding ---------------------------------------------------------------
 */

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
		      void **ret)
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
	*ret = (void *)(uintptr_t)f.addr;
	return 0;
}

static int refuse_get(const struct fusion_arena *arena, int r, const char *name)
{
	return is_refused(r) ? r : refuse_thing(arena, r, "field", name);
}

FUSION_API int fusion_field_lookup(struct fusion_arena *arena, const char *name,
				   size_t size, const char *type, void **ret)
{
	const struct wanted want = {name, size, type};
	int r;

	if (!ret)
		return told(refuse_null("field", "ret"));
	r = read_field(arena, &want, ret);
	return told(r < 0 ? refuse_get(arena, r, name) : r);
}

static int refuse_wait(const struct fusion_arena *arena, int r,
		       const char *name)
{
	return refuse(r,
		      "field '%s': nobody has created it in arena '%s' yet: "
		      "%s",
		      name, arena->name, error_meaning(r));
}

FUSION_API int fusion_field_wait(struct fusion_arena *arena, const char *name,
				 size_t size, const char *type,
				 int64_t timeout_ns, uint32_t flags, void **ret)
{
	const struct wanted want = {name, size, type};
	struct wait wait;
	int r;

	if (!ret)
		return told(refuse_null("field", "ret"));
	if (!thread_rec_of(arena))
		return told(-errno);
	r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return told(r);
	for (;;) {
		/* Acquire: pairs with the release at the end of field_add();
		 * read before we look, so that no field is missed. */
		uint32_t seq =
			load_acquire(&arena->view.sb->tables[KIND_FIELD].seq);
		int64_t nap;

		r = read_field(arena, &want, ret);
		if (r >= 0)
			return told(r);
		if (r != -ENOENT)
			return told(refuse_get(arena, r, name));
		/* The process that creates the field may be killed before it
		 * wakes us: look again now and then, though nobody calls. */
		nap = wait_nap(&wait, SUSPECT_LAST_NS);
		if (!nap)
			return told(
				refuse_wait(arena, wait_error(&wait), name));
		wait_slept(&wait,
			   futex_wait(&arena->view.sb->tables[KIND_FIELD].seq,
				      seq, nap));
	}
}

/* --- Creating --------------------------------------------------------------
 */

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

/* What a call creates a field of. */
struct creation {
	struct fusion_arena *arena;
	const char *name;
	const struct fusion_field_options *o;
	void *data;
	void *block; /* `data`, if the call has allocated it */
	bool ready;  /* `data` is initialised */
};

static int refuse_outside(const struct creation *c)
{
	return refuse(-EINVAL,
		      "field '%s': %zu bytes at %p are not in arena '%s', "
		      "whose memory is %p-%p: use memory of fusion_malloc()",
		      c->name, c->o->data_size, c->o->data, c->arena->name,
		      (void *)c->arena->view.base,
		      (void *)(c->arena->view.base + c->arena->view.geo.span));
}

static bool is_in_arena(const struct view *v, const void *p, size_t size)
{
	return view_contains(v, p) && size <= v->geo.span - view_off(v, p);
}

/* Find or allocate the data. */
static int get_data(struct creation *c)
{
	size_t size = c->o->data_size;

	c->data = c->o->data;
	if (c->data)
		return is_in_arena(&c->arena->view, c->data, size)
			       ? 0
			       : refuse_outside(c);
	c->block = heap_alloc_zeroed(c->arena, size);
	c->data = c->block;
	return c->block ? 0 : refuse_memory(c->arena, -errno, size);
}

/* initialize() was left without returning: nobody knows the block. */
static void undo_initialize(const struct callback_args *args)
{
	fusion_free(args->a);
}

static int run_initialize(struct creation *c)
{
	uint32_t serial = refuse_serial();
	struct callback frame CALLBACK;
	int r;

	callback_begin(&frame, undo_initialize, c->block, NULL, 0);
	r = c->o->initialize(c->data, c->o->ctx);
	callback_end(&frame);
	/* The process may be a child that initialize() has forked. */
	if (!thread_rec_of(c->arena))
		return -errno;
	return r < 0 ? refuse_callback(r, serial, c->arena->path, "initialize")
		     : 0;
}

static int prepare(struct creation *c)
{
	int r = get_data(c);

	if (r == 0 && c->o->initialize)
		r = run_initialize(c);
	c->ready = r == 0;
	return r;
}

/* The commit point is that of field_add(): a thread that finds the field under
 * the lock of the table sees what initialize() has written. */
static int publish(struct creation *c)
{
	struct thread_rec *me = thread_rec_of(c->arena);
	int r;

	if (!me)
		return -errno;
	r = field_add(&c->arena->view, me, c->name,
		      (uint64_t)(uintptr_t)c->data, c->o->data_size, c->o->type,
		      c->arena->id);
	if (r < 0)
		return r;
	c->block = NULL;
	arena_poke(c->arena);
	return 0;
}

/* -EEXIST: there is a field, which will not do; so initialize() does not run in
 * vain. */
static int ask_name(struct creation *c)
{
	struct thread_rec *me = thread_rec_of(c->arena);
	struct field_rec f;
	int r = me ? field_get(&c->arena->view, me, c->name, &f) : -errno;

	return r == 0 ? -EEXIST : r;
}

/* If another thread creates the field first, the call looks again.  It keeps
 * its data, for the case that the other field is removed meanwhile.  An -EEXIST
 * of initialize() is an error like any other. */
static int find_or_create(struct creation *c, bool or_find, void **ret)
{
	const struct wanted want = {c->name, c->o->data_size, c->o->type};
	int r;

	do {
		r = or_find ? read_field(c->arena, &want, ret) : ask_name(c);
		if (r != -ENOENT)
			return r;
		r = c->ready ? 0 : prepare(c);
		if (r < 0)
			return r;
		r = publish(c);
	} while (or_find && r == -EEXIST);
	if (r == 0)
		*ret = c->data;
	return r;
}

/* Read the options of a program. */
static int read_options(const struct fusion_field_options *options,
			struct fusion_field_options *ret)
{
	int r;

	if (!options)
		return refuse_null("field", "options");
	r = options_copy(ret, sizeof(*ret),
			 OPTIONS_FIRST(struct fusion_field_options, ctx),
			 options, "fusion_field_options");
	if (r < 0)
		return r;
	if (ret->reserved)
		return refuse_reserved("fusion_field_options");
	if (ret->flags)
		return refuse_flags("field", ret->flags, 0);
	return 0;
}

static int make_field(struct fusion_arena *arena, const char *name,
		      const struct fusion_field_options *options, bool or_find,
		      void **ret)
{
	struct fusion_field_options o;
	struct creation c = {.arena = arena, .name = name, .o = &o};
	void *data = NULL;
	int r = read_options(options, &o);

	if (r < 0)
		return r;
	if (!thread_rec_of(arena))
		return -errno;
	r = field_check(name, o.type);
	if (r < 0)
		return refuse_add(arena, r, name, o.type);
	if (!o.data && !o.data_size)
		return refuse(-EINVAL,
			      "field '%s': it has no data: set data_size, or "
			      "data",
			      name);
	r = find_or_create(&c, or_find, &data);
	fusion_free(c.block);
	if (r < 0)
		return is_refused(r) ? r
				     : refuse_thing(arena, r, "field", name);
	if (ret)
		*ret = data;
	return 0;
}

FUSION_API int fusion_field_create(struct fusion_arena *arena, const char *name,
				   const struct fusion_field_options *options,
				   void **ret)
{
	return told(make_field(arena, name, options, false, ret));
}

FUSION_API int fusion_field_open(struct fusion_arena *arena, const char *name,
				 const struct fusion_field_options *options,
				 void **ret)
{
	return told(make_field(arena, name, options, true, ret));
}

/* --- Removing --------------------------------------------------------------
 */

FUSION_API int fusion_field_remove(struct fusion_arena *arena, const char *name)
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
