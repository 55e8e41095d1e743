/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making an object, its reference and its reactor
 *
 * Invariant: what a dead maker leaves is found.  Its thread_rec.object says
 * MAKE until the object is INIT, or REACTOR until the object names the reactor
 * or the reactor is gone.  Recovery reaps an object that still is NEW, and
 * destroys a reactor that its object does not name.
 */
#include "libfusion/core/objects/object.h"

#include <string.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/talk/reactor.h"

/* The lock is left alone: a thread that was turned away from the last object
 * may still hold it. */
void object_init(struct view *v, void *rec, const void *arg)
{
	const struct object_make *m = arg;
	struct object *o = rec;

	store_relaxed(&o->state, (uint32_t)OBJECT_NEW);
	o->pool = m->pool;
	o->pool_id = m->pool_id;
	o->size = m->size;
	store_relaxed(&o->ref, 0);
	store_relaxed(&o->reactor, 0);
	store_relaxed(&o->data, 0);
	store_relaxed(&o->claim, 0);
	store_relaxed(&o->items, 0);
	memset(o->pad, 0, sizeof(o->pad));
	m->me->object.a[0] = object_index_of(v, o);
	m->me->object.a[1] = load_relaxed(&o->e.id);
	compiler_fence();
	/* Before the commit of the record: recovery compares the id, so it
	 * finds only this object. */
	store_relaxed(&m->me->object.op, (uint32_t)OBJECT_OP_MAKE);
	compiler_fence();
	/* Release: pairs with the acquire of id in object_is_there().  A thread
	 * that sees the id must see the record new. */
	store_release(&o->id, load_relaxed(&o->e.id));
}

void object_fini(struct view *v, void *rec)
{
	(void)v;
	/* Release: as in object_reap(), which has done it already. */
	store_release(&((struct object *)rec)->id, 0u);
}

/* No event says that an object comes or goes: there may be a million of
 * them. */
bool object_is_quiet(const void *rec)
{
	(void)rec;
	return true;
}

void object_has_ref(const struct view *v, uint32_t i, uint32_t ref)
{
	/* Release: pairs with the acquire in object_ref().  A thread that finds
	 * the index must see the reference. */
	store_release(&object_at(v, i)->ref, ref);
}

struct ref *object_ref(const struct view *v, const struct object *o)
{
	/* Acquire: pairs with the release in object_has_ref().  The reference
	 * is read behind its state, which comes with its release in
	 * table_add(). */
	uint32_t i = load_acquire(&o->ref);
	struct ref *r;

	if (!i || i > table_hi(v, KIND_REF))
		return NULL;
	r = ref_at(v, i - 1);
	return load_acquire(&r->e.state) == ENTRY_USED &&
			       load_relaxed(&r->object) ==
				       object_index_of(v, o) + 1 &&
			       load_relaxed(&r->object_id) ==
				       load_relaxed(&o->e.id)
		       ? r
		       : NULL;
}

/* Find reactor @i - 1, if it names the object back.  Acquire: pairs with the
 * release of the state in table_add(); what the reactor says of its object is
 * read behind it. */
static struct reactor *own_reactor(const struct view *v, const struct object *o,
				   uint32_t i)
{
	struct reactor *re;

	if (!i || i > table_hi(v, KIND_REACTOR))
		return NULL;
	re = view_entry(v, KIND_REACTOR, i - 1);
	return load_acquire(&re->e.state) == ENTRY_USED &&
			       load_relaxed(&re->object) ==
				       object_index_of(v, o) + 1 &&
			       load_relaxed(&re->object_id) ==
				       load_relaxed(&o->e.id)
		       ? re
		       : NULL;
}

struct reactor *object_reactor(const struct view *v, const struct object *o)
{
	/* Acquire: pairs with the CAS in name_reactor(). */
	return own_reactor(v, o, load_acquire(&o->reactor));
}

/* Commit: the record.  From then on recovery reaps the object. */
int object_make(struct view *v, struct thread_rec *me, struct object_pool *pool,
		uint32_t creator, struct object **ret)
{
	struct object_make m = {
		.me = me,
		.pool = (uint32_t)(pool - object_pool_at(v, 0)),
		/* Acquire: pairs with the release in object_pool_init(). */
		.pool_id = load_acquire(&pool->id),
		.size = pool->object_size,
	};
	struct object *o;
	uint32_t i;
	int r;

	/* Acquire: a first look; object_pool_is() looks again behind a
	 * fence. */
	if (!m.pool_id || load_acquire(&pool->dying))
		return -EIDRM;
	r = table_add(v, me, KIND_OBJECT, NULL, creator, &m, &i);
	if (r < 0) {
		store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_NONE);
		return r;
	}
	o = object_at(v, i);
	*ret = o;
	return ref_create_for(v, me, creator, i, load_relaxed(&o->e.id));
}

bool object_pool_is(const struct view *v, const struct object *o)
{
	const struct object_pool *p = object_pool_at(v, o->pool);

	/*
	 *   the thread that makes an object    the thread that ends the pool
	 *   the record is in the table         pool.dying = 1
	 *   fence                              fence
	 *   is the pool there, not dying?      an object there? wait for it
	 */
	full_fence();
	return load_acquire(&p->id) == o->pool_id && !load_acquire(&p->dying);
}

void object_made(struct thread_rec *me, struct object *o)
{
	/* Commit.  Release: pairs with the acquire in object_is_there().  A
	 * program that finds the object INIT must see its data and its
	 * count. */
	store_release(&o->state, (uint32_t)OBJECT_INIT);
	compiler_fence();
	store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_NONE);
}

/* --- Its reactor ---------------------------------------------------------- */

void object_announce_reactor(const struct view *v, struct thread_rec *me,
			     const struct reactor *re)
{
	me->object.a[0] = re->object - 1;
	me->object.a[1] = re->object_id;
	me->object.a[2] = (uint64_t)table_index(v, KIND_REACTOR, re) + 1;
	me->object.a[3] = load_relaxed(&re->e.id);
	compiler_fence();
	store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_REACTOR);
	compiler_fence();
}

/* Have the object name @made, unless it names a reactor that names it back.
 * Returns the reactor that the object names then.  Any other that it named has
 * gone before, or never was its own. */
static struct reactor *name_reactor(const struct view *v, struct object *o,
				    struct reactor *made)
{
	uint32_t i = (uint32_t)table_index(v, KIND_REACTOR, made) + 1;
	/* Acquire: pairs with the CAS below. */
	uint32_t was = load_acquire(&o->reactor);
	struct reactor *re;

	/* Release: pairs with the acquire in object_reactor().  A thread that
	 * finds the index must see the reactor whole. */
	while (!(re = own_reactor(v, o, was)))
		if (cas_acq_rel(&o->reactor, &was, i))
			return made;
	return re;
}

/* Commit: the store of object.reactor.  Killed before it: recovery finds a
 * reactor that no object names, and destroys it. */
int object_reactor_make(struct view *v, struct thread_rec *me, struct object *o,
			uint32_t creator, struct reactor **ret)
{
	uint32_t id = load_relaxed(&o->e.id), its_id;
	struct reactor_params params = {
		.message_size =
			(uint32_t)object_pool_at(v, o->pool)->message_size,
		.cells = REACTOR_CELLS,
		.listeners = REACTOR_LISTENERS,
		.maker = me,
		.object = object_index_of(v, o),
		.object_id = id,
	};
	struct reactor *made, *re;
	int r;

	*ret = object_reactor(v, o);
	if (*ret)
		return 0;
	r = reactor_create(v, me, NULL, &params, creator, &made);
	if (r < 0)
		goto out;
	its_id = load_relaxed(&made->e.id);
	re = name_reactor(v, o, made);
	/* The drawing is at object_reap(): either it sees the reactor, or we
	 * see that the id is 0. */
	full_fence();
	if (load_acquire(&o->id) != id)
		r = -EIDRM;
	if (re != made || r < 0)
		reactor_destroy_id(v, me, made, its_id);
	*ret = re;
out:
	compiler_fence();
	store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_NONE);
	return r;
}
