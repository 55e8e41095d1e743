/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Object pools as programs make, search and destroy them
 *
 * One member at a time destroys a pool: the first that sets `dying`.  It seizes
 * the duty, ends all objects, and waits for those that others are making or
 * destroying.  Should it die, the member that has the duty next goes on.
 *
 * Acquires of a pool's id pair with the releases in object_pool_init() and
 * object_pool_fini(), those of its duty with the CASes in core's object_pool.c.
 */
#include "libfusion/objects/object_pool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_pool.h"
#include "libfusion/heap/tls.h"
#include "libfusion/names/entries.h"
#include "libfusion/objects/object.h"
#include "libfusion/objects/object_duty.h"
#include "libfusion/objects/object_finish.h"
#include "libfusion/objects/object_private.h"
#include "libfusion/objects/object_registration.h"
#include "libfusion/talk/dispatch_thread.h"

#include <fusion/ref.h>

struct object_pool *object_pool_of(const struct fusion_object_pool *pool,
				   struct tcache **ret_cache, int *ret_error)
{
	struct object_pool *p = handle_entry(pool);

	*ret_cache =
		entry_cache_live(KIND_OBJECT_POOL, pool,
				 offsetof(struct object_pool, id), ret_error);
	return *ret_cache ? p : NULL;
}

/* --- Making ---------------------------------------------------------------
 */

/* Check what a program asks for when it creates or opens a pool, and copy it to
 * *o.  0; -EINVAL; -E2BIG. */
static int copy_options(const struct fusion_arena *arena, const char *name,
			const struct fusion_object_pool_options *options,
			struct fusion_object_pool *const *ret,
			struct fusion_object_pool_options *o)
{
	int r;

	if (!arena || !ret)
		return refuse_null("object-pool", arena ? "ret" : "arena");
	r = options_copy(o, sizeof(*o),
			 OPTIONS_FIRST(struct fusion_object_pool_options, ctx),
			 options, "fusion_object_pool_options");
	if (r < 0)
		return r;
	if (o->object_size > FUSION_OBJECT_SIZE_MAX ||
	    o->message_size > UINT32_MAX)
		return refuse(-EINVAL,
			      "object-pool '%s': objects of %zu bytes with "
			      "messages of %zu: %zu and %u are the most",
			      name ? name : "(no name)", o->object_size,
			      o->message_size, (size_t)FUSION_OBJECT_SIZE_MAX,
			      UINT32_MAX);
	return 0;
}

/* Create a pool, and register this process for it. */
static int create_object_pool(struct fusion_arena *arena, struct thread_rec *me,
			      const char *name, const void *options, void **ret)
{
	const struct fusion_object_pool_options *o = options;
	const struct object_pool_params params = {
		.object_size = o->object_size,
		.message_size = o->message_size,
	};
	struct object_pool *p;
	uint32_t id;
	int r;

	/* Before anybody can find it. */
	r = duty_start(arena);
	if (!r)
		r = object_pool_create(&arena->view, me, name, &params,
				       arena->id, &p);
	if (r < 0)
		return r;
	id = load_relaxed(&p->e.id);
	r = duty_register(arena, p, id, o->destructor, o->ctx);
	if (r == 0) {
		*ret = entry_handle(p, id);
		return 0;
	}
	table_remove(&arena->view, me, KIND_OBJECT_POOL,
		     object_pool_index(&arena->view, p), id);
	arena_poke(arena);
	return r;
}

/* Find the pool called @name, and register this process for it, if it has the
 * sizes of @o.  0; -ENOENT there is none; -errno. */
static int join_object_pool(struct fusion_arena *arena, const char *name,
			    const void *options, void **ret)
{
	const struct fusion_object_pool_options *o = options;
	struct thread_rec *me = thread_rec_of(arena);
	struct object_pool was, *p;
	uint32_t i;
	int r;

	if (!me)
		return -errno;
	/* A copy, since the record may become another pool's. */
	r = table_get(&arena->view, me, KIND_OBJECT_POOL, name, &i, &was);
	if (r < 0)
		return r;
	if (was.object_size != o->object_size ||
	    was.message_size != o->message_size)
		return refuse(
			-EPROTOTYPE,
			"object-pool '%s' of arena '%s': its objects have "
			"%" PRIu64 " bytes and its messages %" PRIu64
			", but %zu and %zu were asked for: build the members "
			"from the same sources, or destroy the old pool first",
			name, arena->name, was.object_size, was.message_size,
			o->object_size, o->message_size);
	if (was.dying)
		return refuse(-EIDRM,
			      "object-pool '%s' of arena '%s': a member is "
			      "destroying it: open it again when it is gone",
			      name, arena->name);
	p = object_pool_at(&arena->view, i);
	r = duty_register(arena, p, was.e.id, o->destructor, o->ctx);
	if (r == 0)
		*ret = entry_handle(p, was.e.id);
	return r == -EIDRM ? -ENOENT : r;
}

static int make_object_pool(struct fusion_arena *arena, const char *name,
			    const struct fusion_object_pool_options *options,
			    bool or_find, struct fusion_object_pool **ret)
{
	static const struct entry_maker maker = {
		KIND_OBJECT_POOL, join_object_pool, create_object_pool};
	struct fusion_object_pool_options o;
	int r = copy_options(arena, name, options, ret, &o);

	return r < 0 ? r
		     : entry_make(arena, name, &maker, &o, or_find,
				  (void **)ret);
}

FUSION_API int
fusion_object_pool_create(struct fusion_arena *arena, const char *name,
			  const struct fusion_object_pool_options *options,
			  struct fusion_object_pool **ret)
{
	return told(make_object_pool(arena, name, options, false, ret));
}

FUSION_API int
fusion_object_pool_open(struct fusion_arena *arena, const char *name,
			const struct fusion_object_pool_options *options,
			struct fusion_object_pool **ret)
{
	return told(make_object_pool(arena, name, options, true, ret));
}

FUSION_API int fusion_object_pool_lookup(struct fusion_arena *arena,
					 const char *name,
					 struct fusion_object_pool **ret)
{
	return told(entry_lookup(arena, KIND_OBJECT_POOL, name, (void **)ret));
}

FUSION_API int fusion_object_pool_get(struct fusion_arena *arena,
				      fusion_id_t id,
				      struct fusion_object_pool **ret)
{
	return told(entry_get(arena, KIND_OBJECT_POOL, id, (void **)ret));
}

FUSION_API fusion_id_t
fusion_object_pool_id(const struct fusion_object_pool *pool)
{
	struct tcache *c;
	struct object_pool *p;
	int r;

	p = object_pool_of(pool, &c, &r);
	return p ? load_acquire(&p->id) : 0;
}

/* --- Registering ----------------------------------------------------------
 */

FUSION_API int
fusion_object_pool_register(struct fusion_object_pool *pool,
			    fusion_object_destructor_fn destructor, void *ctx)
{
	struct object_pool *p;
	struct tcache *c;
	int r;

	p = object_pool_of(pool, &c, &r);
	return told(p ? duty_register(c->arena, p, load_relaxed(&p->e.id),
				      destructor, ctx)
		      : r);
}

/* Refuse with -EPERM what only a process that has registered for @p may do. */
static int refuse_unregistered(const struct fusion_arena *arena,
			       const struct object_pool *p)
{
	return refuse(-EPERM,
		      "object-pool #%u of arena '%s': this process has not "
		      "registered for it: call fusion_object_pool_register()",
		      load_relaxed(&p->e.id), arena->name);
}

FUSION_API int fusion_object_pool_unregister(struct fusion_object_pool *pool)
{
	struct object_pool *p;
	struct tcache *c;
	int r;

	p = object_pool_of(pool, &c, &r);
	if (!p)
		return told(r);
	r = duty_unregister(c->arena, p);
	return told(r == -EPERM ? refuse_unregistered(c->arena, p) : r);
}

/* --- The end ---------------------------------------------------------------
 */

/* Wait as an object is left, which is in its destructor or is being made.  The
 * member that ends it rings. */
static void wait_for_others(struct fusion_arena *a, uint32_t *seq,
			    uint32_t seen)
{
	bool turn = dispatch_block(a);

	if (futex_wait(seq, seen, SUSPECT_FIRST_NS) == -ETIMEDOUT)
		life_sweep(&a->view);
	if (turn)
		dispatch_unblock(a);
}

static int finish_object_pool(struct fusion_arena *a, struct thread_rec *me,
			      struct registration *t)
{
	struct view *v = &a->view;
	uint32_t *seq = &view_member(v, v->slot)->ref_seq, seen;
	int left;

	for (;;) {
		/* Acquire: pairs with the release in ref_watcher_wake(); before
		 * we look. */
		seen = load_acquire(seq);
		left = object_finish_all(a, t);
		if (left < 0)
			return left;
		if (!left)
			break;
		wait_for_others(a, seq, seen);
	}
	left = table_remove(v, me, KIND_OBJECT_POOL,
			    object_pool_index(v, t->pool), t->id);
	arena_poke(a);
	/* -EIDRM: the member that has the duty was removing it, too. */
	return left == -EIDRM ? 0 : left;
}

/* Has another member, which lives, begun to destroy the pool before us? */
static bool is_anothers(const struct fusion_arena *a, struct object_pool *p)
{
	uint32_t none = 0;
	uint64_t had;

	/* Commit.  Acquire and release: a member that makes an object reads
	 * `dying` after its own commit; the drawing is at object_pool_is(). */
	if (cas_acq_rel(&p->dying, &none, 1u))
		return false;
	had = load_acquire(&p->duty);
	return had != who_am_i(a) &&
	       member_at(&a->view, REF_WHO_SLOT(had), REF_WHO_ID(had));
}

static void undo_destroy(const struct callback_args *args)
{
	registration_end_destroy(args->a, args->b);
	registration_unpin(args->a, args->b);
}

/* A destructor that does not return leaves the rest for the next attempt. */
static int finish_guarded(struct fusion_arena *a, struct thread_rec *me,
			  struct registration *t)
{
	struct callback c CALLBACK;
	int r;

	callback_begin(&c, undo_destroy, a, t, 0);
	r = finish_object_pool(a, me, t);
	callback_end(&c);
	return r;
}

FUSION_API int fusion_object_pool_destroy(struct fusion_object_pool *pool)
{
	struct object_pool *p;
	struct registration *t;
	struct tcache *c;
	int r;

	if (!pool)
		return 0;
	p = object_pool_of(pool, &c, &r);
	if (!p)
		return told(r);
	callback_check();
	if (object_pool_is_ending(p))
		return told(-EDEADLK);
	t = registration_pin(c->arena, p);
	if (!t)
		return told(refuse_unregistered(c->arena, p));
	if (!registration_begin_destroy(c->arena, t)) {
		registration_unpin(c->arena, t);
		return told(-EIDRM);
	}
	if (is_anothers(c->arena, p)) {
		r = -EIDRM;
	} else {
		/* A full fence, too: `dying` is seen before we look at the
		 * objects; the drawing is at object_pool_is(). */
		object_duty_seize(p, who_am_i(c->arena));
		r = finish_guarded(c->arena, c->rec, t);
	}
	/* Should the other member be killed, this one goes on. */
	if (r < 0)
		registration_end_destroy(c->arena, t);
	registration_unpin(c->arena, t);
	return told(r);
}

/* --- Looking -------------------------------------------------------------- */

static void undo_show(const struct callback_args *args)
{
	fusion_ref_down(args->a);
}

static bool is_of_arena(const struct callback_args *args, const void *arena)
{
	const struct fusion_arena *a = arena;

	return view_contains(&a->view, args->a);
}

bool objects_are_shown_here(const struct fusion_arena *arena)
{
	return callback_is_inside(undo_show, is_of_arena, arena);
}

static bool show_object(struct fusion_object *object, struct fusion_ref *ref,
			fusion_object_enum_fn fn, void *ctx)
{
	struct callback c CALLBACK;
	bool more;

	callback_begin(&c, undo_show, ref, NULL, 0);
	more = fn(object, ctx);
	callback_end(&c);
	return more;
}

/* Show @o to @fn with a count, if it is of pool @index, which has @pool_id.  1:
 * go on; 0 stop; -errno. */
static int show_counted(struct view *v, struct object *o, uint32_t index,
			uint32_t pool_id, fusion_object_enum_fn fn, void *ctx)
{
	uint32_t id = load_acquire(&o->id);
	struct ref *ref = object_ref(v, o);
	struct fusion_ref *counter;
	bool more;
	int r;

	if (!ref || !object_is_there(o) || object_at_zero(v, o))
		return 1;
	r = object_up(v, o, id, ref);
	if (r < 0)
		return r == -EIDRM || r == -ESTALE ? 1 : r;
	/* Another object may have got the record before we counted. */
	counter = entry_handle(ref, load_relaxed(&ref->id));
	more = !object_is_of(o, index, pool_id) ||
	       show_object(entry_handle(o, id), counter, fn, ctx);
	fusion_ref_down(counter);
	return more;
}

FUSION_API int fusion_object_pool_enum(struct fusion_object_pool *pool,
				       fusion_object_enum_fn fn, void *ctx)
{
	struct object_pool *p;
	struct tcache *c;
	struct view *v;
	uint32_t hi, index, id;
	int r;

	if (!fn)
		return told(refuse_null("object-pool", "fn"));
	p = object_pool_of(pool, &c, &r);
	if (!p)
		return told(r);
	v = &c->arena->view;
	index = object_pool_index(v, p);
	id = load_relaxed(&p->e.id);
	hi = table_hi(v, KIND_OBJECT);
	r = 1;
	for (uint32_t i = 0; i < hi && r > 0; i++)
		if (object_is_of(object_at(v, i), index, id))
			r = show_counted(v, object_at(v, i), index, id, fn,
					 ctx);
	return told(r < 0 ? r : 0);
}

FUSION_API int fusion_object_pool_count(struct fusion_object_pool *pool,
					uint64_t *ret)
{
	struct object_pool *p;
	struct tcache *c;
	int r;

	if (!ret)
		return told(refuse_null("object-pool", "ret"));
	p = object_pool_of(pool, &c, &r);
	if (!p)
		return told(r);
	*ret = object_pool_count(&c->arena->view,
				 object_pool_index(&c->arena->view, p),
				 load_relaxed(&p->e.id));
	return 0;
}

static fusion_id_t duty_of_pool(const struct view *v,
				const struct object_pool *p)
{
	uint64_t who = load_acquire(&p->duty);

	return who && member_at(v, REF_WHO_SLOT(who), REF_WHO_ID(who))
		       ? REF_WHO_ID(who)
		       : 0;
}

FUSION_API fusion_id_t
fusion_object_pool_duty(const struct fusion_object_pool *pool)
{
	struct object_pool *p;
	struct tcache *c;
	int r;

	p = object_pool_of(pool, &c, &r);
	return p ? duty_of_pool(&c->arena->view, p) : 0;
}

FUSION_API int fusion_object_pool_stat(struct fusion_object_pool *pool,
				       struct fusion_object_pool_stat *ret,
				       size_t size)
{
	struct fusion_object_pool_stat stat;
	struct object_pool *p;
	struct tcache *c;
	int r;

	p = object_pool_of(pool, &c, &r);
	if (!p)
		return told(r);
	/* Relaxed: statistics. */
	stat = (struct fusion_object_pool_stat){
		.id = load_acquire(&p->id),
		.duty = duty_of_pool(&c->arena->view, p),
		.creator = p->e.creator,
		.dying = !!load_relaxed(&p->dying),
		.object_size = p->object_size,
		.message_size = p->message_size,
		.created = load_relaxed(&p->made),
		.destroyed = load_relaxed(&p->destroyed),
	};
	/* Another pool may have got the record meanwhile. */
	if (!handle_has_id(pool, stat.id) || !stat.id ||
	    load_acquire(&p->id) != stat.id)
		return told(-EIDRM);
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_object_pool_stat"));
}

/* Find the record of object @id in @pool, without a count.  0, -ENOENT, -EIDRM,
 * -EINVAL. */
static int find_object(struct fusion_object_pool *pool, fusion_id_t id,
		       struct tcache **ret_cache, struct object **ret)
{
	struct object_pool *p;
	uint32_t i, found;
	char name[16];
	int r;

	p = object_pool_of(pool, ret_cache, &r);
	if (!p)
		return r;
	if (!id)
		return refuse(-EINVAL, "object: no object has the id 0");
	snprintf(name, sizeof(name), "#%u", id);
	r = table_find(&(*ret_cache)->arena->view, (*ret_cache)->rec,
		       KIND_OBJECT, name, &i, &found);
	if (r < 0)
		return r;
	*ret = object_at(&(*ret_cache)->arena->view, i);
	return object_is_there(*ret) && load_acquire(&(*ret)->id) == id &&
			       object_is_of(
				       *ret,
				       object_pool_index(
					       &(*ret_cache)->arena->view, p),
				       load_relaxed(&p->e.id))
		       ? 0
		       : -ENOENT;
}

FUSION_API int fusion_object_lookup(struct fusion_object_pool *pool,
				    fusion_id_t id, struct fusion_object **ret)
{
	struct object *o = NULL;
	struct tcache *c;
	int r;

	if (!ret)
		return told(refuse_null("object-pool", "ret"));
	r = find_object(pool, id, &c, &o);
	if (r == 0)
		*ret = entry_handle(o, id);
	return told(r);
}

FUSION_API int fusion_object_get(struct fusion_object_pool *pool,
				 fusion_id_t id, struct fusion_object **ret)
{
	struct object *o = NULL;
	struct ref *ref;
	struct tcache *c;
	int r;

	if (!ret)
		return told(refuse_null("object-pool", "ret"));
	r = find_object(pool, id, &c, &o);
	if (r < 0)
		return told(r);
	ref = object_ref(&c->arena->view, o);
	if (load_acquire(&o->state) == OBJECT_DEINIT ||
	    object_at_zero(&c->arena->view, o))
		return told(-ESTALE);
	r = ref ? object_up(&c->arena->view, o, id, ref) : -EIDRM;
	if (r == 0)
		*ret = entry_handle(o, id);
	return told(r == -EIDRM ? -ENOENT : r);
}
