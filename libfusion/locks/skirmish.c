/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/skirmish.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_cond.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/heap/heap_private.h"
#include "libfusion/names/entries.h"

static_assert(FUSION_SKIRMISHES_HELD == THREAD_SKIRMISHES, "as documented");
static_assert(FUSION_SKIRMISH_ERRORCHECK == SKIRMISH_ERRORCHECK, "the same");

static inline struct skirmish *
skirmish_of(const struct fusion_skirmish *skirmish)
{
	return handle_entry(skirmish);
}

static struct fusion_skirmish *skirmish_handle(const struct skirmish *s)
{
	return entry_handle(s, load_relaxed(&s->e.id));
}

/* Say whether @s, which skirmish_of() made of a handle, is a record of the
 * arena of @c: tables begin at a multiple of a record's size. */
static inline bool is_in_table(const struct tcache *c, const struct skirmish *s)
{
	return (uintptr_t)s - (uintptr_t)c->skirmishes < c->skirmishes_size;
}

/* The slow path: another arena than the thread used last, or a new skirmish. */
static struct tcache *
skirmish_cache_slow(const struct fusion_skirmish *skirmish, int *ret_error)
{
	struct tcache *c =
		entry_cache(KIND_SKIRMISH, skirmish,
			    offsetof(struct skirmish, id), ret_error);

	if (!c)
		return NULL;
	c->skirmishes = view_entry(&c->arena->view, KIND_SKIRMISH, 0);
	c->skirmishes_size =
		(uint64_t)table_hi(&c->arena->view, KIND_SKIRMISH) * ENTRY_SIZE;
	return c;
}

/* Return the thread's cache of the arena of @skirmish; NULL and *ret_error. */
static inline struct tcache *
skirmish_cache(const struct fusion_skirmish *skirmish, int *ret_error)
{
	const struct skirmish *s = skirmish_of(skirmish);
	struct tcache *c = tls_current;

	/* Relaxed: a thing that is destroyed while it is used is the caller's
	 * fault, and costs an error later. */
	if (LIKELY(is_in_table(c, s)) &&
	    LIKELY(handle_has_id(skirmish, load_relaxed(&s->id))))
		return c;
	return skirmish_cache_slow(skirmish, ret_error);
}

static int copy_options(const struct fusion_skirmish_options *from,
			struct fusion_skirmish_options *to)
{
	int r = options_copy(
		to, sizeof(*to),
		OPTIONS_FIRST(struct fusion_skirmish_options, reserved), from,
		"fusion_skirmish_options");

	if (r < 0)
		return r;
	if (to->reserved)
		return refuse_reserved("fusion_skirmish_options");
	return to->flags & ~FUSION_SKIRMISH_ERRORCHECK
		       ? refuse_flags("skirmish", to->flags,
				      FUSION_SKIRMISH_ERRORCHECK)
		       : 0;
}

static int create_skirmish(struct fusion_arena *arena, struct thread_rec *me,
			   const char *name, const void *params, void **ret)
{
	const struct fusion_skirmish_options *o = params;
	struct skirmish *s;
	int r = skirmish_create(&arena->view, me, name, o->flags, arena->id,
				&s);

	if (r == 0)
		*ret = skirmish_handle(s);
	return r;
}

static int make_skirmish(struct fusion_arena *arena, const char *name,
			 const struct fusion_skirmish_options *options,
			 bool or_find, struct fusion_skirmish **ret)
{
	static const struct entry_maker maker = {.kind = KIND_SKIRMISH,
						 .create = create_skirmish};
	struct fusion_skirmish_options o;
	int r;

	if (!arena || !ret)
		return refuse_null("skirmish", arena ? "ret" : "arena");
	r = copy_options(options, &o);
	return r < 0 ? r
		     : entry_make(arena, name, &maker, &o, or_find,
				  (void **)ret);
}

FUSION_API int
fusion_skirmish_create(struct fusion_arena *arena, const char *name,
		       const struct fusion_skirmish_options *options,
		       struct fusion_skirmish **ret)
{
	return told(make_skirmish(arena, name, options, false, ret));
}

FUSION_API int
fusion_skirmish_open(struct fusion_arena *arena, const char *name,
		     const struct fusion_skirmish_options *options,
		     struct fusion_skirmish **ret)
{
	return told(make_skirmish(arena, name, options, true, ret));
}

FUSION_API int fusion_skirmish_lookup(struct fusion_arena *arena,
				      const char *name,
				      struct fusion_skirmish **ret)
{
	return told(entry_lookup(arena, KIND_SKIRMISH, name, (void **)ret));
}

FUSION_API int fusion_skirmish_get(struct fusion_arena *arena, fusion_id_t id,
				   struct fusion_skirmish **ret)
{
	return told(entry_get(arena, KIND_SKIRMISH, id, (void **)ret));
}

FUSION_API fusion_id_t
fusion_skirmish_id(const struct fusion_skirmish *skirmish)
{
	return entry_id(KIND_SKIRMISH, skirmish, offsetof(struct skirmish, id));
}

FUSION_API int fusion_skirmish_destroy(struct fusion_skirmish *skirmish)
{
	struct tcache *c;
	int r;

	if (!skirmish)
		return 0;
	c = skirmish_cache(skirmish, &r);
	if (!c)
		return told(r);
	r = skirmish_destroy(&c->arena->view, c->rec, skirmish_of(skirmish));
	if (r < 0)
		return told(r);
	poke_visitors(c->arena);
	arena_poke(c->arena);
	return 0;
}

/* Return the index + 1 of @s, for which is_in_table() holds. */
static inline uint32_t announced_index(const struct tcache *c,
				       const struct skirmish *s)
{
	return (uint32_t)(((uintptr_t)s - (uintptr_t)c->skirmishes) /
			  ENTRY_SIZE) +
	       1;
}

/* Say whether the record @s is that of @skirmish: not destroyed, and not
 * another's. */
static inline bool is_this(const struct fusion_skirmish *skirmish,
			   const struct skirmish *s)
{
	/* Relaxed: as in skirmish_cache(). */
	uint32_t id = load_relaxed(&s->id);

	return id && handle_has_id(skirmish, id);
}

/* Not inlined, so that the fast path saves no registers. */
static __attribute__((noinline)) int
prevail_slow(struct fusion_skirmish *skirmish, struct wait *wait)
{
	struct tcache *c;
	int r;

	c = skirmish_cache(skirmish, &r);
	if (UNLIKELY(!c))
		return r;
	return skirmish_lock(&c->arena->view, c->rec, skirmish_of(skirmish),
			     wait);
}

FUSION_API int fusion_skirmish_prevail(struct fusion_skirmish *skirmish)
{
	struct tcache *c = tls_current;
	struct skirmish *s = skirmish_of(skirmish);

	if (LIKELY(is_in_table(c, s)) && LIKELY(is_this(skirmish, s)) &&
	    LIKELY(skirmish_lock_fast(c->rec, c->token, s,
				      announced_index(c, s))))
		return 0;
	return told(prevail_slow(skirmish, NULL));
}

FUSION_API int fusion_skirmish_prevail_timed(struct fusion_skirmish *skirmish,
					     int64_t timeout_ns, uint32_t flags)
{
	struct wait wait;
	int r;

	r = wait_begin(timeout_ns, flags, &wait);
	return told(r < 0 ? r : prevail_slow(skirmish, &wait));
}

FUSION_API int fusion_skirmish_swoop(struct fusion_skirmish *skirmish)
{
	struct tcache *c;
	int r;

	c = skirmish_cache(skirmish, &r);
	if (!c)
		return told(r);
	return told(
		skirmish_try(&c->arena->view, c->rec, skirmish_of(skirmish)));
}

/* Give @skirmish back, whose record another skirmish has: the thread may still
 * announce it. */
static int dismiss_stale(struct fusion_skirmish *skirmish)
{
	struct fusion_arena *arena = arena_of(skirmish);
	struct tcache *c = arena ? tls_cache(arena) : NULL;

	if (c)
		skirmish_forget(&arena->view, c->rec, skirmish_of(skirmish));
	return -EIDRM;
}

static __attribute__((noinline)) int
dismiss_slow(struct fusion_skirmish *skirmish)
{
	struct tcache *c;
	int r;

	c = skirmish_cache(skirmish, &r);
	if (UNLIKELY(!c))
		return r == -EIDRM ? dismiss_stale(skirmish) : r;
	r = skirmish_unlock(&c->arena->view, c->rec, skirmish_of(skirmish));
	if (r <= 0)
		return r;
	poke_visitors(c->arena);
	return 0;
}

FUSION_API int fusion_skirmish_dismiss(struct fusion_skirmish *skirmish)
{
	struct tcache *c = tls_current;
	struct skirmish *s = skirmish_of(skirmish);

	if (LIKELY(is_in_table(c, s)) &&
	    LIKELY(!handle_is_stale(skirmish, load_relaxed(&s->id))) &&
	    LIKELY(skirmish_unlock_fast(c->rec, c->token, s,
					announced_index(c, s))))
		return 0;
	return told(dismiss_slow(skirmish));
}

FUSION_API int fusion_skirmish_consistent(struct fusion_skirmish *skirmish)
{
	struct tcache *c;
	int r;

	c = skirmish_cache(skirmish, &r);
	if (!c)
		return told(r);
	return told(skirmish_consistent(c->rec, skirmish_of(skirmish)));
}

/* The plain names of the founding verbs. */
FUSION_API int fusion_skirmish_lock(struct fusion_skirmish *skirmish)
	__attribute__((alias("fusion_skirmish_prevail")));
FUSION_API int fusion_skirmish_lock_timed(struct fusion_skirmish *skirmish,
					  int64_t timeout_ns, uint32_t flags)
	__attribute__((alias("fusion_skirmish_prevail_timed")));
FUSION_API int fusion_skirmish_trylock(struct fusion_skirmish *skirmish)
	__attribute__((alias("fusion_skirmish_swoop")));
FUSION_API int fusion_skirmish_unlock(struct fusion_skirmish *skirmish)
	__attribute__((alias("fusion_skirmish_dismiss")));

/* --- Mending ---------------------------------------------------------------
 */

/* mend() was left without returning.  The mark stays for the next owner. */
static void undo_mend(const struct callback_args *args)
{
	dismiss_slow(args->a);
}

/* Run @mend with the lock held.  0, or the error that the caller gets. */
static int run_mend(struct fusion_skirmish *skirmish,
		    fusion_skirmish_mend_fn mend, void *ctx, const char *path)
{
	struct callback c CALLBACK;
	uint32_t serial = refuse_serial();
	int r;

	callback_begin(&c, undo_mend, skirmish, NULL, 0);
	r = mend(skirmish, ctx);
	callback_end(&c);
	if (r >= 0)
		return 0;
	refuse_callback(r, serial, path, "mend");
	/* To the caller, -EOWNERDEAD would say that it has the lock. */
	return r == -EOWNERDEAD
		       ? refuse(-ENOTRECOVERABLE,
				"arena '%s': mend(), a function of this "
				"program, returned -EOWNERDEAD: the data is "
				"not repaired",
				path)
		       : r;
}

/* The caller holds @skirmish, and was told of a death. */
static int mend_or_dismiss(struct fusion_skirmish *skirmish,
			   fusion_skirmish_mend_fn mend, void *ctx)
{
	struct tcache *c;
	int r;

	c = skirmish_cache(skirmish, &r);
	if (!c)
		return r;
	r = run_mend(skirmish, mend, ctx, c->arena->path);
	if (r == 0)
		r = skirmish_consistent(c->rec, skirmish_of(skirmish));
	/* mend() may have said so itself. */
	if (r == 0 || r == -EALREADY)
		return 0;
	dismiss_slow(skirmish);
	return r;
}

FUSION_API int fusion_skirmish_prevail_mend(struct fusion_skirmish *skirmish,
					    fusion_skirmish_mend_fn mend,
					    void *ctx)
{
	int r;

	if (!mend)
		return told(refuse_null("skirmish", "mend"));
	callback_check();
	r = prevail_slow(skirmish, NULL);
	return told(r == -EOWNERDEAD ? mend_or_dismiss(skirmish, mend, ctx)
				     : r);
}

/* --- Looking ---------------------------------------------------------------
 */

FUSION_API int fusion_skirmish_lock_count(struct fusion_skirmish *skirmish,
					  uint64_t *ret)
{
	const struct skirmish *s = skirmish_of(skirmish);
	struct tcache *c;
	int r;

	if (!ret)
		return told(refuse_null("skirmish", "ret"));
	c = skirmish_cache(skirmish, &r);
	if (!c)
		return told(r);
	/* Acquire: pairs with the release in skirmish_fini(). */
	if (!load_acquire(&s->id))
		return told(-EIDRM);
	*ret = skirmish_levels(&c->arena->view, c->rec, s);
	return 0;
}

FUSION_API int fusion_skirmish_stat(struct fusion_skirmish *skirmish,
				    struct fusion_skirmish_stat *ret,
				    size_t size)
{
	const struct skirmish *s = skirmish_of(skirmish);
	struct fusion_skirmish_stat stat = {.id = 0};
	const struct thread_rec *owner;
	struct tcache *c;
	uint64_t w;
	int r;

	c = skirmish_cache(skirmish, &r);
	if (!c)
		return told(r);
	/* Acquire, both: the id pairs with the release in skirmish_fini(), the
	 * word with that in skirmish_give(), which comes after the last level
	 * of the owner before. */
	stat.id = load_acquire(&s->id);
	if (!stat.id)
		return told(-EIDRM);
	w = load_acquire(&s->word);
	owner = thread_by_token(&c->arena->view, SKIRMISH_OWNER(w));
	if (SKIRMISH_OWNER(w)) {
		stat.owner =
			owner ? thread_member_id(&c->arena->view, owner) : 0;
		/* Relaxed: a look at what its owner may be changing. */
		stat.levels = (uint64_t)load_relaxed(&s->depth) + 1;
		stat.mine = owner == c->rec;
	}
	stat.died = w & SKIRMISH_DIED;
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_skirmish_stat"));
}

FUSION_API int fusion_skirmish_wait(struct fusion_skirmish *skirmish,
				    int64_t timeout_ns, uint32_t flags)
{
	struct tcache *c;
	struct wait wait;
	int r;

	r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return told(r);
	c = skirmish_cache(skirmish, &r);
	if (!c)
		return told(r);
	return told(skirmish_wait(&c->arena->view, c->rec,
				  skirmish_of(skirmish), &wait));
}

FUSION_API int fusion_skirmish_notify(struct fusion_skirmish *skirmish,
				      bool all)
{
	struct tcache *c;
	int r;

	c = skirmish_cache(skirmish, &r);
	if (!c)
		return told(r);
	return told(skirmish_notify(&c->arena->view, c->rec,
				    skirmish_of(skirmish), all));
}

/* --- Several ---------------------------------------------------------------
 */

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *)a,
		  y = (uintptr_t) * (void *const *)b;

	return x < y ? -1 : x > y;
}

/* Unlock the first @n skirmishes that prevail_all() has locked. */
static void back_out(struct fusion_skirmish **list, size_t n)
{
	struct tcache *c;
	int r;

	while (n-- > 0) {
		c = skirmish_cache(list[n], &r);
		if (c)
			skirmish_unlock(&c->arena->view, c->rec,
					skirmish_of(list[n]));
	}
}

static int prevail_all(struct fusion_skirmish **list, size_t n)
{
	int died = 0;

	for (size_t i = 0; i < n; i++) {
		int r = prevail_slow(list[i], NULL);

		if (r == -EOWNERDEAD) {
			died = r;
		} else if (r < 0) {
			back_out(list, i);
			return r;
		}
	}
	return died;
}

FUSION_API int
fusion_skirmish_prevail_multi(struct fusion_skirmish *const *list, size_t n)
{
	struct fusion_skirmish *few[32], **sorted = few;
	int r;

	if (!n)
		return 0;
	if (!list)
		return told(-EINVAL);
	if (n > 32)
		sorted = calloc(n, sizeof(*sorted));
	if (!sorted)
		return told(-ENOMEM);
	memcpy(sorted, list, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_address);
	r = prevail_all(sorted, n);
	if (sorted != few)
		free(sorted);
	return told(r);
}

FUSION_API int
fusion_skirmish_dismiss_multi(struct fusion_skirmish *const *list, size_t n)
{
	int r = 0;

	if (n && !list)
		return told(-EINVAL);
	while (n-- > 0) {
		int one = fusion_skirmish_dismiss(list[n]);

		if (one < 0)
			r = one;
	}
	return told(r);
}
