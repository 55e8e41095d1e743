/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of an object
 *
 * The member that has claimed an object stores DEINIT, runs the destructor, and
 * reaps the object.  A destructor may reap the object itself
 * (fusion_object_destroy()), or not return: the object ends all the same.
 *
 * Acquires of an object's state pair with the releases named in object.c, those
 * of its entry's state with the release in table_add_locked().
 */
#include "libfusion/objects/object_finish.h"

#include <errno.h>

#include "libfusion/base/callback.h"
#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_reap.h"
#include "libfusion/heap/tls.h"
#include "libfusion/objects/object_pool.h"

/* The destructors that run on this thread, the innermost first. */
struct ending {
	const struct object *object;
	const struct object_pool *pool;
	struct ending *outer;
};
static _Thread_local struct ending *ending;

bool object_is_ending(const struct object *o)
{
	return ending && ending->object == o;
}

bool object_pool_is_ending(const struct object_pool *p)
{
	const struct ending *e = ending;

	while (e && e->pool != p)
		e = e->outer;
	return e;
}

/* Reap @o after its destructor, unless that did it.  0, -errno. */
static int reap_if_there(struct fusion_arena *a, struct object *o, uint32_t id)
{
	struct thread_rec *me = thread_rec_of(a);

	if (load_acquire(&o->e.state) != ENTRY_USED ||
	    load_relaxed(&o->e.id) != id)
		return 0;
	return me ? object_reap(&a->view, me, o, id) : -errno;
}

/* A destructor did not return: the object ends all the same. */
static void undo_destructor(const struct callback_args *args)
{
	ending = args->more;
	reap_if_there(args->a, args->b, (uint32_t)args->n);
}

static void call_destructor(struct fusion_arena *a, struct registration *t,
			    struct object *o, uint32_t id, bool zombie)
{
	struct duty *d = duty_of(a);
	struct ending its = {o, t->pool, ending};
	fusion_object_destructor_fn fn;
	struct callback c CALLBACK;
	void *ctx;

	pthread_mutex_lock(&d->lock);
	fn = t->destructor;
	ctx = t->ctx;
	pthread_mutex_unlock(&d->lock);
	if (!fn)
		return;
	callback_begin(&c, undo_destructor, a, o, id);
	callback_keep(&c, its.outer, 0);
	ending = &its;
	fn(entry_handle(o, id), zombie, ctx);
	ending = its.outer;
	callback_end(&c);
}

int object_finish(struct fusion_arena *a, struct registration *t,
		  struct object *o, uint32_t id, bool zombie)
{
	uint32_t is = load_acquire(&o->state);

	if (!thread_rec_of(a))
		return -errno;
	/* Commit: from now on the destructor counts as begun.  Release: pairs
	 * with the acquires of the state in object.c. */
	while ((is == OBJECT_INIT || is == OBJECT_ACTIVE) &&
	       !cas_acq_rel(&o->state, &is, (uint32_t)OBJECT_DEINIT))
		;
	if (is == OBJECT_ACTIVE)
		call_destructor(a, t, o, id, zombie);
	return reap_if_there(a, o, id);
}

int object_claim_of(struct fusion_arena *a, struct thread_rec *me,
		    const struct registration *t, struct object *o, uint32_t id)
{
	uint32_t pool = object_pool_index(&a->view, t->pool);
	int r = object_claim(&a->view, me, o, id, who_am_i(a));

	if (r < 0 || object_is_of(o, pool, t->id))
		return r;
	object_unclaim(o, who_am_i(a));
	return -EIDRM;
}

/* End one object of a dying pool.  1: it is gone.  A NEW object is left to its
 * maker, or to the recovery of that. */
static int finish_one(struct fusion_arena *a, struct thread_rec *me,
		      struct registration *t, struct object *o)
{
	struct view *v = &a->view;
	uint32_t id = load_relaxed(&o->e.id);
	int r;

	if (load_acquire(&o->state) == OBJECT_NEW)
		return 0;
	r = object_claim_of(a, me, t, o, id);
	if (r < 0)
		return r == -EIDRM;
	r = object_finish(a, t, o, id, !object_at_zero(v, o));
	return r < 0 ? r : 1;
}

int object_finish_all(struct fusion_arena *a, struct registration *t)
{
	struct view *v = &a->view;
	uint32_t hi = table_hi(v, KIND_OBJECT);
	uint32_t pool = object_pool_index(v, t->pool);
	struct thread_rec *me = thread_rec_of(a);
	int left = 0, r;

	if (!me)
		return -errno;
	for (uint32_t i = 0; i < hi; i++) {
		struct object *o = object_at(v, i);

		/* Acquire: pairs with the release in table_add_locked(). */
		if (load_acquire(&o->e.state) != ENTRY_USED ||
		    !object_is_of(o, pool, t->id))
			continue;
		r = finish_one(a, me, t, o);
		if (r < 0)
			return r;
		left += !r;
	}
	return left;
}
