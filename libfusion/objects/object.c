/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects as programs make, count and destroy them
 *
 * A handle is the address of the object's record.  The record may become
 * another object's at any time, so each call reads the id, acts, and compares
 * the id again; a count that it has added keeps the record.
 *
 * Acquires of an object's id and state pair with the releases in object_init(),
 * object_made() and object_reap(), and with the CASes of the state here and in
 * object_finish().
 */
#include "libfusion/objects/object.h"

#include <fusion/object.h>

#include <errno.h>
#include <string.h>

#include <fusion/heap.h>
#include <fusion/ref.h>

#include "libfusion/arena/address.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/objects/object_reap.h"
#include "libfusion/core/refs/ref_lens.h"
#include "libfusion/core/refs/ref_pass.h"
#include "libfusion/names/entries.h"
#include "libfusion/objects/object_finish.h"
#include "libfusion/objects/object_pool.h"
#include "libfusion/objects/object_private.h"

static_assert(FUSION_OBJECT_INIT == OBJECT_INIT - 1 &&
		      FUSION_OBJECT_ACTIVE == OBJECT_ACTIVE - 1 &&
		      FUSION_OBJECT_DEINIT == OBJECT_DEINIT - 1,
	      "states, as documented");

struct object *object_of(const struct fusion_object *object,
			 struct tcache **ret_cache, int *ret_error)
{
	struct object *o = handle_entry(object);

	*ret_cache = entry_cache_live(KIND_OBJECT, object,
				      offsetof(struct object, id), ret_error);
	return *ret_cache ? o : NULL;
}

struct ref *object_counter(const struct fusion_object *object,
			   struct tcache **ret_cache, int *ret_error)
{
	struct object *o = object_of(object, ret_cache, ret_error);
	struct ref *r = o ? object_ref(&(*ret_cache)->arena->view, o) : NULL;

	if (o && !r)
		*ret_error = -EIDRM;
	/* Also if its destroyer is dead, and does not hold it at zero any more.
	 */
	if (r && load_acquire(&o->state) == OBJECT_DEINIT) {
		*ret_error = -ESTALE;
		return NULL;
	}
	return r;
}

static struct fusion_ref *counter_handle(const struct ref *ref)
{
	return entry_handle(ref, load_relaxed(&ref->id));
}

/* Count first: then neither of the records can become another object's. */
int object_up(const struct view *v, const struct object *o, uint32_t id,
	      struct ref *ref)
{
	struct fusion_ref *counter = counter_handle(ref);
	int r = as_object(fusion_ref_up(counter));

	if (r < 0)
		return r;
	if (load_acquire(&o->id) != id || object_ref(v, o) != ref)
		r = -EIDRM;
	else if (load_acquire(&o->state) == OBJECT_DEINIT)
		r = -ESTALE;
	if (r < 0)
		fusion_ref_down(counter);
	return r;
}

/* --- Making --------------------------------------------------------------- */

static int give_data(struct fusion_arena *arena, struct object *o)
{
	struct object_data *d;
	int r;

	if (!o->size)
		return 0;
	r = fusion_malloc_to(arena, sizeof(*d) + o->size, (void **)&o->data);
	if (r < 0)
		return r;
	d = (struct object_data *)(uintptr_t)o->data;
	memset(d, 0, sizeof(*d) + o->size);
	d->id = load_relaxed(&o->e.id);
	d->index = object_index_of(&arena->view, o);
	return 0;
}

/* Give the new object data and a count, if its pool is still there.  0, -EIDRM,
 * -ENOMEM. */
static int give_all(struct tcache *c, struct object *o)
{
	struct ref *ref = object_ref(&c->arena->view, o);
	int r = give_data(c->arena, o);

	if (!r)
		r = fusion_ref_up(counter_handle(ref));
	if (!r && !object_pool_is(&c->arena->view, o))
		r = -EIDRM;
	return r;
}

FUSION_API int fusion_object_create(struct fusion_object_pool *pool,
				    struct fusion_object **ret)
{
	struct object *o = NULL;
	struct object_pool *p;
	struct tcache *c;
	int r;

	if (!ret)
		return told(refuse_null("object", "ret"));
	p = object_pool_of(pool, &c, &r);
	if (!p)
		return told(r);
	r = object_make(&c->arena->view, c->rec, p, c->arena->id, &o);
	if (!o)
		return told(r);
	if (!r)
		r = give_all(c, o);
	if (r < 0) {
		/* It is NEW, so only this thread uses it. */
		object_reap(&c->arena->view, c->rec, o, load_relaxed(&o->e.id));
		store_relaxed(&c->rec->object.op, (uint32_t)OBJECT_OP_NONE);
		return told(r);
	}
	object_made(c->rec, o);
	add_relaxed(&p->made, 1);
	*ret = entry_handle(o, load_relaxed(&o->e.id));
	return 0;
}

FUSION_API int fusion_object_activate(struct fusion_object *object)
{
	uint32_t is = OBJECT_INIT;
	struct tcache *c;
	struct object *o;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	/* Release: pairs with the acquires of the state, as a member that
	 * finds the object ACTIVE must find its data. */
	if (!cas_release(&o->state, &is, (uint32_t)OBJECT_ACTIVE))
		return told(-EBUSY);
	fusion_object_describe(object);
	return 0;
}

/* Destroy an object in INIT, unless another member destroys it.  0, -EBUSY,
 * -EIDRM. */
static int destroy_init(struct tcache *c, struct object *o, uint32_t id)
{
	uint64_t who = who_am_i(c->arena);
	uint32_t is = OBJECT_INIT;
	int r = object_claim(&c->arena->view, c->rec, o, id, who);

	if (r < 0)
		return r;
	if (!cas_acq_rel(&o->state, &is, (uint32_t)OBJECT_DEINIT)) {
		object_unclaim(o, who);
		return -EBUSY;
	}
	return object_reap(&c->arena->view, c->rec, o, id);
}

FUSION_API int fusion_object_destroy(struct fusion_object *object)
{
	struct tcache *c;
	struct object *o;
	uint32_t id;
	int r;

	if (!object)
		return 0;
	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	id = load_relaxed(&o->e.id);
	switch (load_acquire(&o->state)) {
	case OBJECT_INIT:
		return told(destroy_init(c, o, id));
	case OBJECT_DEINIT:
		if (object_is_ending(o))
			return told(
				object_reap(&c->arena->view, c->rec, o, id));
		return told(-EBUSY);
	default:
		return told(-EBUSY);
	}
}

/* --- What it is ----------------------------------------------------------- */

/* Return the live record at @object; NULL. */
static const struct object *record_of(const struct fusion_object *object)
{
	struct tcache *c;
	int r;

	return object_of(object, &c, &r);
}

FUSION_API void *fusion_object_data(const struct fusion_object *object)
{
	const struct object *o = record_of(object);
	uint64_t at = o ? load_acquire(&o->data) : 0;

	return at ? (char *)(uintptr_t)at + sizeof(struct object_data) : NULL;
}

FUSION_API size_t fusion_object_data_size(const struct fusion_object *object)
{
	const struct object *o = record_of(object);

	return o ? (size_t)o->size : 0;
}

/* May a block of the heap begin at @p, so that it can be read? */
static bool is_in_heap(const struct view *v, const void *p)
{
	uint64_t span = ((uintptr_t)p - (uintptr_t)v->base) >> SPAN_SHIFT;
	unsigned kind;

	if (span < v->geo.first_span || span >= span_hi(v))
		return false;
	kind = WORD_KIND(load_relaxed(span_word(v, (uint32_t)span)));
	return kind == SPAN_SLAB || kind == SPAN_HEAD;
}

FUSION_API struct fusion_object *fusion_object_of(const void *data)
{
	struct fusion_arena *a = data ? arena_of(data) : NULL;
	const struct object_data *d = data;
	struct object *o;

	if (!a || (uintptr_t)data % 16)
		return NULL;
	d--;
	if (!is_in_heap(&a->view, d) ||
	    d->index >= table_hi(&a->view, KIND_OBJECT))
		return NULL;
	o = object_at(&a->view, d->index);
	return load_acquire(&o->id) == d->id &&
			       load_relaxed(&o->data) == (uintptr_t)d
		       ? entry_handle(o, d->id)
		       : NULL;
}

FUSION_API fusion_id_t fusion_object_id(const struct fusion_object *object)
{
	const struct object *o = record_of(object);

	return o ? load_relaxed(&o->e.id) : 0;
}

FUSION_API int fusion_object_state(const struct fusion_object *object)
{
	const struct object *o;
	struct tcache *c;
	uint32_t state;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	state = load_acquire(&o->state);
	return told(state >= OBJECT_INIT && state <= OBJECT_DEINIT
			    ? (int)state - OBJECT_INIT
			    : FUSION_OBJECT_INIT);
}

FUSION_API int fusion_object_pool_of(const struct fusion_object *object,
				     struct fusion_object_pool **ret)
{
	struct object_pool *p;
	const struct object *o;
	struct tcache *c;
	int r;

	if (!ret)
		return told(refuse_null("object", "ret"));
	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	p = object_pool_at(&c->arena->view, o->pool);
	if (load_acquire(&p->id) != o->pool_id)
		return told(-EIDRM);
	*ret = entry_handle(p, o->pool_id);
	return 0;
}

/* --- Counting ------------------------------------------------------------- */

FUSION_API int fusion_object_ref(struct fusion_object *object)
{
	struct object *o = handle_entry(object);
	struct tcache *c;
	struct ref *ref;
	uint32_t id;
	int r;

	ref = object_counter(object, &c, &r);
	if (!ref)
		return told(r);
	id = load_relaxed(&o->e.id);
	return told(object_up(&c->arena->view, o, id, ref));
}

/* Call @fn for the reference of @object. */
static int with_counter(const struct fusion_object *object,
			int (*fn)(struct fusion_ref *ref))
{
	struct tcache *c;
	struct ref *ref;
	int r;

	ref = object_counter(object, &c, &r);
	return ref ? fn(counter_handle(ref)) : r;
}

/* Only what the counter answers is translated. */
static int counter_down(struct fusion_ref *ref)
{
	return as_object(fusion_ref_down(ref));
}

FUSION_API int fusion_object_unref(struct fusion_object *object)
{
	return told(with_counter(object, counter_down));
}

FUSION_API int fusion_object_globalize(struct fusion_object *object)
{
	struct tcache *c;
	struct ref *ref;
	int r;

	ref = object_counter(object, &c, &r);
	return told(ref ? as_object(ref_globalize(&c->arena->view, c->rec, ref))
			: r);
}

FUSION_API int fusion_object_inherit(struct fusion_object *object,
				     struct fusion_object *from)
{
	struct ref *ref, *other;
	struct tcache *c, *c2;
	int r;

	ref = object_counter(object, &c, &r);
	other = ref ? object_counter(from, &c2, &r) : NULL;
	return told(other ? as_object(fusion_ref_inherit(counter_handle(ref),
							 counter_handle(other)))
			  : r);
}

FUSION_API int fusion_object_throw(struct fusion_object *object,
				   fusion_id_t member)
{
	struct tcache *c;
	struct ref *ref;
	int r;

	ref = object_counter(object, &c, &r);
	return told(
		ref ? as_object(fusion_ref_throw(counter_handle(ref), member))
		    : r);
}

FUSION_API int fusion_object_catch(struct fusion_object *object)
{
	return told(with_counter(object, fusion_ref_catch));
}

FUSION_API int fusion_object_stat(struct fusion_object *object,
				  struct fusion_object_stat *ret, size_t size)
{
	struct fusion_object_stat stat;
	struct ref_sum sum;
	struct object *o;
	struct tcache *c;
	struct ref *ref;
	int state, r;

	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	ref = object_ref(&c->arena->view, o);
	if (!ref)
		return told(-EIDRM);
	r = ref_stat(&c->arena->view, c->rec, ref, &sum);
	state = fusion_object_state(object);
	if (r < 0 || state < 0)
		return told(r < 0 ? r : state);
	stat = (struct fusion_object_stat){
		.id = load_relaxed(&o->e.id),
		.state = (uint32_t)state,
		.creator = o->e.creator,
		.size = o->size,
		.total = sum.total,
		.global = sum.global,
		.local = sum.local,
		.members = sum.members,
	};
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_object_stat"));
}
