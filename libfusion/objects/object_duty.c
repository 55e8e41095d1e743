/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The duty to destroy: what a member that has registered for a pool does
 *
 * A job of the dispatcher does it.  The job takes duties that no living member
 * has, then goes through the bits of fallen objects, and leaves the bits of
 * pools whose duty another member has.  What it does with an object:
 *
 *   DEINIT, and its destroyer is dead  reap
 *   claimed by a living member         leave the bit
 *   count 0                            lock it there, claim, DEINIT, destructor
 *                                      (if it was ACTIVE), reap
 *   counted again                      revived: take the bit away, look again
 *   locked by another                  leave the bit
 *
 * The watching thread (ref_watch.c) has the job run when this member is rung,
 * and now and then, so that the job looks again at the bits it has left.
 *
 * Acquires of a pool's id pair with the releases in object_pool_init() and
 * object_pool_fini(), those of its duty with the CASes in core's object_pool.c,
 * and those of an object's state and id as in object.c.
 */
#include "libfusion/objects/object_duty.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/arena/request.h"
#include "libfusion/base/callback.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_pool.h"
#include "libfusion/core/objects/object_reap.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/heap/tls.h"
#include "libfusion/objects/object_finish.h"
#include "libfusion/objects/object_pool.h"
#include "libfusion/objects/object_private.h"
#include "libfusion/objects/object_registration.h"
#include "libfusion/refs/ref_watch.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_post.h"

#define BATCH 64 /* objects before others have their turn */

/* --- Looking ---------------------------------------------------------------
 */

/* Lock the reference of @o, if its count is 0.  1: locked; 0: leave the object.
 */
static int hold_at_zero(struct view *v, struct thread_rec *me, struct object *o,
			struct ref *ref)
{
	uint32_t id = ref ? load_acquire(&ref->id) : 0;
	int r;

	/* The id is the object's own reference's: a reference that gets the
	 * record next is not touched. */
	if (!ref || object_ref(v, o) != ref)
		return 0;
	r = ref_zero_trylock_id(v, me, ref, id);
	/* Revived, or another member has it; that one sets the bit again. */
	if (r == -EBUSY || r == -EIDRM)
		object_unmark(v, object_index_of(v, o));
	return r == 0;
}

/* End @o if it is to end.  1: it is gone. */
static int examine_fallen(struct duty *d, struct thread_rec *me,
			  struct registration *t, struct object *o)
{
	struct view *v = &d->arena->view;
	uint32_t state = load_acquire(&o->state), id = load_relaxed(&o->e.id);
	struct ref *ref = NULL;

	if (state == OBJECT_NEW) {
		object_unmark(v, object_index_of(v, o));
		return 0;
	}
	if (state != OBJECT_DEINIT) {
		if (object_is_claimed(v, o))
			return 0;
		ref = object_ref(v, o);
		if (!hold_at_zero(v, me, o, ref))
			return 0;
	}
	if (object_claim_of(d->arena, me, t, o, id) < 0) {
		if (ref)
			ref_unlock(v, me, ref);
		return 0;
	}
	return object_finish(d->arena, t, o, id, false) == 0;
}

static struct object_pool *pool_of_object(const struct view *v,
					  const struct object *o)
{
	uint32_t i = load_relaxed(&o->pool);
	struct object_pool *p = object_pool_at(v, i);

	return i < table_hi(v, KIND_OBJECT_POOL) &&
			       load_acquire(&p->id) == load_relaxed(&o->pool_id)
		       ? p
		       : NULL;
}

static void undo_pin(const struct callback_args *args)
{
	registration_unpin(args->a, args->b);
}

static int look_at_object(struct duty *d, struct thread_rec *me, uint32_t i)
{
	struct view *v = &d->arena->view;
	struct object *o = object_at(v, i);
	struct object_pool *p = pool_of_object(v, o);
	struct callback c CALLBACK;
	struct registration *t;
	int r = 0;

	if (load_acquire(&o->e.state) != ENTRY_USED) {
		object_unmark(v, i);
		return 0;
	}
	/* Acquire: pairs with the CAS in object_duty_take(). */
	if (!p || load_acquire(&p->duty) != who_am_i(d->arena))
		return 0;
	t = registration_pin(d->arena, p);
	if (t) {
		callback_begin(&c, undo_pin, d->arena, t, 0);
		r = examine_fallen(d, me, t, o);
		callback_end(&c);
		registration_unpin(d->arena, t);
	}
	return r;
}

/* --- The job ---------------------------------------------------------------
 */

/* Has the destroyer of the pool died, so that this member is to go on? */
static bool is_left(const struct fusion_arena *a, const struct registration *t)
{
	return !t->destroying && load_acquire(&t->pool->dying) &&
	       load_acquire(&t->pool->duty) == who_am_i(a);
}

/* Take the duties that nobody has.  Returns a pinned registration whose pool is
 * to be finished, NULL none. */
static struct registration *take_duties(struct duty *d)
{
	struct fusion_arena *a = d->arena;
	struct registration **link = &d->registrations, *found = NULL, *t;

	pthread_mutex_lock(&d->lock);
	while ((t = *link)) {
		if (load_acquire(&t->pool->id) != t->id) {
			registration_end(link);
			continue;
		}
		if (!t->destroying)
			object_duty_take(&a->view, t->pool, who_am_i(a));
		if (!found && is_left(a, t)) {
			found = t;
			found->pins++;
		}
		link = &t->next;
	}
	pthread_mutex_unlock(&d->lock);
	return found;
}

static void finish_left(struct duty *d, struct thread_rec *me)
{
	struct fusion_arena *a = d->arena;
	struct registration *t = take_duties(d);
	struct callback c CALLBACK;
	int left;

	if (!t)
		return;
	callback_begin(&c, undo_pin, a, t, 0);
	left = object_finish_all(a, t);
	callback_end(&c);
	if (left == 0) {
		table_remove(&a->view, me, KIND_OBJECT_POOL,
			     object_pool_index(&a->view, t->pool), t->id);
		arena_poke(a);
	}
	registration_unpin(a, t);
}

/* Do a part of the work.  Returns how many objects ended; *ret_more: there is
 * more to do. */
static unsigned look_at_fallen(struct duty *d, struct thread_rec *me,
			       bool *ret_more)
{
	uint32_t begin = d->at;
	unsigned done = 0;
	int64_t i = 0;

	finish_left(d, me);
	while (done < BATCH &&
	       (i = object_fallen(&d->arena->view, d->at)) >= 0) {
		d->at = (uint32_t)i + 1;
		done += look_at_object(d, me, (uint32_t)i) > 0;
	}
	if (i < 0)
		d->at = 0;
	/* Bits that were set before the begin are still to be examined. */
	*ret_more = i >= 0 || begin;
	return done;
}

/* On the dispatcher. */
static unsigned run_duty(struct dispatch_job *job)
{
	struct duty *d = (struct duty *)job;
	struct thread_rec *me = thread_rec_of(d->arena);
	bool more = false;
	unsigned done;

	done = me ? look_at_fallen(d, me, &more) : 0;
	if (more)
		dispatch_job_post(d->arena, job);
	return done;
}

unsigned duty_run(struct fusion_arena *a)
{
	struct duty *d = duty_of(a);
	struct thread_rec *me = thread_rec_of(a);
	bool more = d && me;
	unsigned done = 0;

	while (more)
		done += look_at_fallen(d, me, &more);
	return done;
}

static bool wants_duty(struct duty *d)
{
	const struct fusion_arena *a = d->arena;
	bool any = false;

	pthread_mutex_lock(&d->lock);
	for (const struct registration *t = d->registrations; t && !any;
	     t = t->next) {
		uint64_t had = load_acquire(&t->pool->duty);

		any = load_acquire(&t->pool->id) != t->id || is_left(a, t) ||
		      !had ||
		      !member_at(&a->view, REF_WHO_SLOT(had), REF_WHO_ID(had));
	}
	pthread_mutex_unlock(&d->lock);
	return any;
}

/* Post the job if there is an object to destroy or a duty to take, as this
 * member was rung. */
static void duty_look(struct fusion_arena *a)
{
	struct duty *d = duty_of(a);

	if (d && (object_fallen(&a->view, 0) >= 0 || wants_duty(d)))
		dispatch_job_post(a, &d->job);
}

/* --- Registering -----------------------------------------------------------
 */

static void free_duty(struct dispatch_job *job)
{
	struct duty *d = (struct duty *)job;

	while (d->registrations)
		registration_end(&d->registrations);
	pthread_cond_destroy(&d->unpinned);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int duty_make(struct fusion_arena *a, struct duty **ret)
{
	struct duty *d = duty_of(a), *none = NULL;

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return -ENOMEM;
		d->job.run = run_duty;
		d->job.end = free_duty;
		d->arena = a;
		pthread_mutex_init(&d->lock, NULL);
		pthread_cond_init(&d->unpinned, NULL);
		/* Acquire and release: pairs with the acquire in duty_of(). */
		if (!cas_acq_rel(&a->duty, &none, d)) {
			free_duty(&d->job);
			d = none;
		}
	}
	*ret = d;
	return 0;
}

static int add_to_duty(struct fusion_arena *a, struct object_pool *p,
		       uint32_t id, fusion_object_destructor_fn destructor,
		       void *ctx)
{
	struct duty *d = NULL;
	int r = duty_make(a, &d);

	if (!r)
		r = registration_add(d, p, id, destructor, ctx);
	if (r < 0)
		return r;
	object_duty_take(&a->view, p, who_am_i(a));
	if (load_acquire(&p->id) == id)
		return 0;
	/* The duty may be that of the pool which has the record now.  If this
	 * process has registered for that pool, it takes the duty again. */
	object_duty_leave(&a->view, p, who_am_i(a));
	return -EIDRM;
}

int duty_add(struct fusion_arena *a, struct object_pool *p,
	     fusion_object_destructor_fn destructor, void *ctx)
{
	return add_to_duty(a, p, load_acquire(&p->id), destructor, ctx);
}

int duty_start(struct fusion_arena *a)
{
	int r = dispatch_start(a);

	return r ? r : watch_start(a, duty_look);
}

int duty_register(struct fusion_arena *a, struct object_pool *p, uint32_t id,
		  fusion_object_destructor_fn destructor, void *ctx)
{
	int r = duty_start(a);

	if (!r)
		r = add_to_duty(a, p, id, destructor, ctx);
	if (r == 0)
		dispatch_job_post(a, &duty_of(a)->job);
	return r;
}

int duty_unregister(struct fusion_arena *a, struct object_pool *p)
{
	struct duty *d = duty_of(a);
	struct registration **link, *t;

	if (!d)
		return -EPERM;
	pthread_mutex_lock(&d->lock);
	link = registration_link(d, p);
	t = *link;
	if (t) {
		t->pins++;
		registration_unlink(link);
		/* Destructors of the pool end before another member gets the
		 * duty.  A destructor cannot wait for itself, nor can a handler
		 * that may have to end before a destructor. */
		while (t->pins > 1 && !dispatch_is_mine(a) &&
		       !object_pool_is_ending(p))
			cond_wait(&d->unpinned, &d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	if (!t)
		return -EPERM;
	registration_unpin(a, t);
	object_duty_leave(&a->view, p, who_am_i(a));
	return 0;
}

void duty_stop(struct fusion_arena *a)
{
	struct duty *d = duty_of(a);
	struct object_pool *p;

	if (!d)
		return;
	for (;;) {
		pthread_mutex_lock(&d->lock);
		p = d->registrations ? d->registrations->pool : NULL;
		if (p && load_acquire(&p->id) != d->registrations->id) {
			registration_end(&d->registrations);
			pthread_mutex_unlock(&d->lock);
			continue;
		}
		pthread_mutex_unlock(&d->lock);
		if (!p)
			break;
		duty_unregister(a, p);
	}
	if (load_acquire(&a->dispatcher))
		dispatch_job_end(a, &d->job);
	else
		free_duty(&d->job);
	/* Release: pairs with the acquire in duty_of(). */
	store_release(&a->duty, (struct duty *)NULL);
}
