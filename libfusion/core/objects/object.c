/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/objects/object.h"

#include <string.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/talk/reactor.h"

/* The lock is not touched: who was turned away may still hold it. */
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
	/* Before the commit of the record: recovery compares its id. */
	store_relaxed(&m->me->object.op, (uint32_t)OBJECT_OP_MAKE);
	compiler_fence();
	/* Release: pairs with the acquires of who uses the handle. */
	store_release(&o->id, load_relaxed(&o->e.id));
}

void object_fini(struct view *v, void *rec)
{
	(void)v;
	store_release(&((struct object *)rec)->id, 0u);
}

/* There may be a million. */
bool object_is_quiet(const void *rec)
{
	(void)rec;
	return true;
}

void object_has_ref(const struct view *v, uint32_t i, uint32_t ref)
{
	/* Release: pairs with the acquire in object_ref(). */
	store_release(&object_at(v, i)->ref, ref);
}

struct ref *object_ref(const struct view *v, const struct object *o)
{
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

/* Reactor @i - 1, if it is that of the object. */
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

/* Commit: the record.  From then on recovery reaps it. */
int object_make(struct view *v, struct thread_rec *me, struct object_pool *pool,
		uint32_t creator, struct object **ret)
{
	struct object_make m = {
		.me = me,
		.pool = (uint32_t)(pool - object_pool_at(v, 0)),
		.pool_id = load_acquire(&pool->id),
		.size = pool->object_size,
	};
	struct object *o;
	uint32_t i;
	int r;

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

	/* Drawing: the record, then the pool's end; who ends it stores that and
	 * then looks at all records. */
	full_fence();
	return load_acquire(&p->id) == o->pool_id && !load_acquire(&p->dying);
}

void object_made(struct thread_rec *me, struct object *o)
{
	/* Release: who finds it INIT finds what it has. */
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

/* Have the object name @mine, unless it names one that is its own.  Which it
 * names.  What it names besides has gone before it, or never was its. */
static struct reactor *name_reactor(const struct view *v, struct object *o,
				    struct reactor *mine)
{
	uint32_t i = (uint32_t)table_index(v, KIND_REACTOR, mine) + 1;
	uint32_t was = load_acquire(&o->reactor);
	struct reactor *re;

	/* Release: who finds it finds it whole. */
	while (!(re = own_reactor(v, o, was)))
		if (cas_acq_rel(&o->reactor, &was, i))
			return mine;
	return re;
}

/* Commit: object.reactor.  Killed before: recovery finds a reactor that no
 * object names, and destroys it. */
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
	struct reactor *mine, *re;
	int r;

	*ret = object_reactor(v, o);
	if (*ret)
		return 0;
	r = reactor_create(v, me, NULL, &params, creator, &mine);
	if (r < 0)
		goto out;
	its_id = load_relaxed(&mine->e.id);
	re = name_reactor(v, o, mine);
	/* Drawing with object_reap(): it sees ours, or we its id. */
	full_fence();
	if (load_acquire(&o->id) != id)
		r = -EIDRM;
	if (re != mine || r < 0)
		reactor_destroy_id(v, me, mine, its_id);
	*ret = re;
out:
	compiler_fence();
	store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_NONE);
	return r;
}
