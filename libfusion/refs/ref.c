/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* References: the public functions. */
#include <fusion/ref.h>

#include <errno.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_drop.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_lens.h"
#include "libfusion/core/refs/ref_pass.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/heap/heap_private.h"
#include "libfusion/names/entries.h"
#include "libfusion/refs/ref_rows.h"

static inline struct ref *ref_of(const struct fusion_ref *ref)
{
	return handle_entry(ref);
}

/* The slow path: another arena than the thread used last, or a new reference.
 */
static struct tcache *ref_cache_slow(const struct fusion_ref *ref,
				     int *ret_error)
{
	struct tcache *c =
		entry_cache(KIND_REF, ref, offsetof(struct ref, id), ret_error);
	struct fusion_arena *arena;

	if (!c)
		return NULL;
	arena = c->arena;
	c->ref_rows = ref_rows_of(arena);
	if (!c->ref_rows) {
		*ret_error = -ENOMEM;
		return NULL;
	}
	c->refs = view_entry(&arena->view, KIND_REF, 0);
	c->member = arena->id;
	c->refs_size = (uint64_t)table_hi(&arena->view, KIND_REF) * ENTRY_SIZE;
	*ret_error = 0;
	return c;
}

/* Return the thread's cache of the arena of @ref; NULL and *ret_error. */
static inline struct tcache *ref_cache(const struct fusion_ref *ref,
				       int *ret_error)
{
	const struct ref *r = ref_of(ref);
	struct tcache *c = tls_current;
	uint64_t at = (uintptr_t)r - (uintptr_t)c->refs;

	*ret_error = 0;
	/* Tables begin at a multiple of a record's size. */
	if (LIKELY(at < c->refs_size &&
		   handle_has_id(ref, load_relaxed(&r->id))))
		return c;
	return ref_cache_slow(ref, ret_error);
}

static inline uint32_t *hint_of(const struct tcache *c, const struct ref *r)
{
	return c->ref_rows + ((uintptr_t)r - (uintptr_t)c->refs) / ENTRY_SIZE;
}

/* Check what a program asks for when it creates or opens a reference.  0;
 * -EINVAL; -E2BIG. */
static int check_options(const struct fusion_arena *arena,
			 const struct fusion_ref_options *options,
			 struct fusion_ref *const *ret)
{
	struct fusion_ref_options o;
	int r;

	if (!arena || !ret)
		return refuse_null("ref", arena ? "ret" : "arena");
	r = options_copy(&o, sizeof(o),
			 OPTIONS_FIRST(struct fusion_ref_options, reserved),
			 options, "fusion_ref_options");
	if (r < 0)
		return r;
	if (o.reserved)
		return refuse_reserved("fusion_ref_options");
	if (o.flags)
		return refuse_flags("ref", o.flags, 0);
	return 0;
}

static int create_ref(struct fusion_arena *arena, struct thread_rec *me,
		      const char *name, const void *unused, void **ret)
{
	struct ref *ref;
	int r = ref_create(&arena->view, me, name, arena->id, &ref);

	(void)unused;
	if (r == 0)
		*ret = entry_handle(ref, load_relaxed(&ref->e.id));
	return r;
}

static int make_ref(struct fusion_arena *arena, const char *name,
		    const struct fusion_ref_options *options, bool or_find,
		    struct fusion_ref **ret)
{
	static const struct entry_maker maker = {.kind = KIND_REF,
						 .create = create_ref};
	int r = check_options(arena, options, ret);

	return r < 0 ? r
		     : entry_make(arena, name, &maker, NULL, or_find,
				  (void **)ret);
}

FUSION_API int fusion_ref_create(struct fusion_arena *arena, const char *name,
				 const struct fusion_ref_options *options,
				 struct fusion_ref **ret)
{
	return told(make_ref(arena, name, options, false, ret));
}

FUSION_API int fusion_ref_open(struct fusion_arena *arena, const char *name,
			       const struct fusion_ref_options *options,
			       struct fusion_ref **ret)
{
	return told(make_ref(arena, name, options, true, ret));
}

FUSION_API int fusion_ref_lookup(struct fusion_arena *arena, const char *name,
				 struct fusion_ref **ret)
{
	return told(entry_lookup(arena, KIND_REF, name, (void **)ret));
}

FUSION_API int fusion_ref_get(struct fusion_arena *arena, fusion_id_t id,
			      struct fusion_ref **ret)
{
	return told(entry_get(arena, KIND_REF, id, (void **)ret));
}

FUSION_API fusion_id_t fusion_ref_id(const struct fusion_ref *ref)
{
	return entry_id(KIND_REF, ref, offsetof(struct ref, id));
}

FUSION_API int fusion_ref_destroy(struct fusion_ref *ref)
{
	struct tcache *c;
	int r;

	if (!ref)
		return 0;
	c = ref_cache(ref, &r);
	if (!c)
		return told(r);
	r = ref_destroy(&c->arena->view, c->rec, ref_of(ref));
	if (r == 0)
		arena_poke(c->arena);
	return told(r);
}

/* The fast path.  Its loads depend on one another: the cache, the hint, the
 * row, its word.  The atomic operation after them waits for all, so each load
 * counts. */
static inline struct row_hint *row_hint_of(const struct ref *r)
{
	return &tls_current->row_hints[(uintptr_t)r / ENTRY_SIZE % ROW_HINTS];
}

/* The slow path, which leaves a hint for the fast path. */
static __attribute__((noinline)) int up_slow(struct fusion_ref *ref)
{
	struct ref *r = ref_of(ref);
	struct tcache *c;
	uint32_t *hint;
	int rc;

	c = ref_cache(ref, &rc);
	if (!c)
		return rc;
	hint = hint_of(c, r);
	/* Relaxed: a hint; the row itself says which member it belongs to. */
	if (!load_relaxed(hint) ||
	    !row_up_fast(row_at(&c->arena->view, load_relaxed(hint) - 1),
			 load_relaxed(&r->id), c->member))
		rc = ref_up(&c->arena->view, c->rec, r, hint);
	if (rc == 0 && c == tls_current)
		*row_hint_of(r) = (struct row_hint){
			ROW_KEY(ref),
			row_at(&c->arena->view, load_relaxed(hint) - 1),
		};
	return rc;
}

static __attribute__((noinline)) int down_slow(struct fusion_ref *ref)
{
	struct ref *r = ref_of(ref);
	struct tcache *c;
	uint32_t *hint;
	int rc;

	c = ref_cache(ref, &rc);
	if (!c)
		return rc;
	hint = hint_of(c, r);
	if (load_relaxed(hint) &&
	    row_down_fast(row_at(&c->arena->view, load_relaxed(hint) - 1),
			  load_relaxed(&r->id), c->member))
		return 0;
	return ref_down(&c->arena->view, c->rec, r, hint);
}

FUSION_API int fusion_ref_up(struct fusion_ref *ref)
{
	const struct row_hint *h = row_hint_of(ref_of(ref));
	uint32_t id;

	if (LIKELY(h->key == ROW_KEY(ref))) {
		/* Relaxed: the row has a copy of the id, too. */
		id = load_relaxed(&ref_of(ref)->id);
		if (LIKELY(handle_has_id(ref, id) &&
			   row_up_fast(h->row, id, tls_current->member)))
			return 0;
	}
	return told(up_slow(ref));
}

FUSION_API int fusion_ref_down(struct fusion_ref *ref)
{
	const struct row_hint *h = row_hint_of(ref_of(ref));
	uint32_t id;

	if (LIKELY(h->key == ROW_KEY(ref))) {
		/* Relaxed: as in fusion_ref_up(). */
		id = load_relaxed(&ref_of(ref)->id);
		if (LIKELY(handle_has_id(ref, id) &&
			   row_down_fast(h->row, id, tls_current->member)))
			return 0;
	}
	return told(down_slow(ref));
}

/* Find the cache, then call @fn. */
static int call_on_ref(struct fusion_ref *ref,
		       int (*fn)(struct view *, struct thread_rec *,
				 struct ref *))
{
	struct tcache *c;
	int r;

	c = ref_cache(ref, &r);
	return c ? fn(&c->arena->view, c->rec, ref_of(ref)) : r;
}

FUSION_API int fusion_ref_up_global(struct fusion_ref *ref)
{
	return told(call_on_ref(ref, ref_up_global));
}

FUSION_API int fusion_ref_down_global(struct fusion_ref *ref)
{
	return told(call_on_ref(ref, ref_down_global));
}

FUSION_API int fusion_ref_zero_trylock(struct fusion_ref *ref)
{
	return told(call_on_ref(ref, ref_zero_trylock));
}

FUSION_API int fusion_ref_unlock(struct fusion_ref *ref)
{
	return told(call_on_ref(ref, ref_unlock));
}

FUSION_API int fusion_ref_catch(struct fusion_ref *ref)
{
	return told(call_on_ref(ref, ref_catch));
}

FUSION_API int fusion_ref_zero_lock(struct fusion_ref *ref, int64_t timeout_ns,
				    uint32_t flags)
{
	struct wait wait;
	struct tcache *c;
	int r;

	r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return told(r);
	c = ref_cache(ref, &r);
	if (!c)
		return told(r);
	return told(ref_zero_lock(&c->arena->view, c->rec, ref_of(ref), &wait));
}

FUSION_API int fusion_ref_throw(struct fusion_ref *ref, fusion_id_t catcher)
{
	struct tcache *c;
	int r;

	c = ref_cache(ref, &r);
	return told(c ? ref_throw(&c->arena->view, c->rec, ref_of(ref), catcher)
		      : r);
}

FUSION_API int fusion_ref_inherit(struct fusion_ref *ref,
				  struct fusion_ref *from)
{
	struct tcache *c;
	int r;

	c = ref_cache(ref, &r);
	if (!c)
		return told(r);
	if (arena_of(from) != c->arena ||
	    table_index(&c->arena->view, KIND_REF, ref_of(from)) < 0)
		return told(refuse(-EINVAL,
				   "ref: %p, to inherit from, is no reference "
				   "of arena '%s'",
				   (void *)from, c->arena->name));
	if (handle_is_stale(from, load_relaxed(&ref_of(from)->id)))
		return told(-EIDRM);
	return told(ref_inherit(&c->arena->view, c->rec, ref_of(ref),
				ref_of(from)));
}

FUSION_API int fusion_ref_stat(struct fusion_ref *ref,
			       struct fusion_ref_stat *ret, size_t size)
{
	struct fusion_ref_stat stat;
	struct ref_sum sum;
	struct tcache *c;
	int r;

	c = ref_cache(ref, &r);
	if (!c)
		return told(r);
	r = ref_stat(&c->arena->view, c->rec, ref_of(ref), &sum);
	if (r < 0)
		return told(r);
	stat = (struct fusion_ref_stat){
		.id = sum.id,
		.total = sum.total,
		.global = sum.global,
		.inherited = sum.inherited,
		.local = sum.local,
		.pending = sum.pending,
		.members = sum.members,
		.falls = sum.falls,
		.locker = sum.locker,
		.watcher = sum.watcher,
	};
	return told(
		result_give(ret, size, &stat, sizeof(stat), "fusion_ref_stat"));
}
