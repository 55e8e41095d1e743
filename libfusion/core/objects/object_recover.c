/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery of objects
 *
 * What a dead thread may have been doing:
 *
 *   making an object    the object is reaped if it still is NEW
 *   making its reactor  the reactor is destroyed if the object does not name it
 *   claiming an object  the bit of the object is set again
 *   changing items      what is in the chain stays, the other blocks are freed
 *
 * Each step is idempotent, and the announcement is cleared last.
 *
 * A claim in the name of a dead member needs no recovery: it is void once that
 * member is recovered, and the set bit leads the next destroyer to the object.
 */
#include "libfusion/core/objects/object_recover.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_item.h"
#include "libfusion/core/objects/object_pool.h"
#include "libfusion/core/objects/object_reap.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/core/talk/reactor.h"

/* A block that is in the chain belongs to the chain: take it out of the slot of
 * the thread, so that it is not freed. */
static void settle_item_slots(const struct view *v, struct object *o,
			      struct thread_rec *t)
{
	for (int i = 0; i < 2; i++) {
		uint64_t addr = load_relaxed(&t->item[i]);

		if (addr && object_item_in(v, o, addr) && !SEED_BUG(73))
			store_relaxed(&t->item[i], 0);
	}
}

void object_recover_locked(struct view *v, struct thread_rec *t)
{
	if (t->object.op != OBJECT_OP_ITEM)
		return;
	if (t->object.a[0] < table_hi(v, KIND_OBJECT))
		settle_item_slots(v, object_at(v, (uint32_t)t->object.a[0]), t);
	compiler_fence();
	store_relaxed(&t->object.op, (uint32_t)OBJECT_OP_NONE);
}

/* Tell whether the announced object is in the table and still NEW: only its
 * dead maker knew it. */
static bool is_half_made(const struct view *v, const struct intent *in)
{
	const struct object *o = object_at(v, (uint32_t)in->a[0]);

	return in->a[0] < table_hi(v, KIND_OBJECT) &&
	       load_relaxed(&o->e.state) == ENTRY_USED &&
	       load_relaxed(&o->e.id) == in->a[1] &&
	       load_relaxed(&o->state) == OBJECT_NEW;
}

/* Destroy the announced reactor, unless its object lives and names it. */
static int recover_reactor(struct view *v, struct thread_rec *me,
			   const struct intent *in)
{
	uint32_t i = (uint32_t)in->a[2], id = (uint32_t)in->a[3];
	struct reactor *re;
	int r;

	if (in->a[0] >= table_hi(v, KIND_OBJECT) || !i ||
	    i > table_hi(v, KIND_REACTOR))
		return 0;
	re = view_entry(v, KIND_REACTOR, i - 1);
	if (load_relaxed(&re->e.state) != ENTRY_USED ||
	    load_relaxed(&re->e.id) != id ||
	    (object_reactor(v, object_at(v, (uint32_t)in->a[0])) == re &&
	     load_relaxed(&object_at(v, (uint32_t)in->a[0])->id)))
		return 0;
	r = reactor_destroy_id(v, me, re, id);
	return r == -EIDRM ? 0 : r;
}

static int recover_op(struct view *v, struct thread_rec *me,
		      const struct intent *in)
{
	switch (in->op) {
	case OBJECT_OP_MAKE:
		return is_half_made(v, in) && !SEED_BUG(71)
			       ? object_reap(v, me,
					     object_at(v, (uint32_t)in->a[0]),
					     (uint32_t)in->a[1])
			       : 0;
	case OBJECT_OP_REACTOR:
		return recover_reactor(v, me, in);
	case OBJECT_OP_CLAIM:
		if (in->a[0] < table_hi(v, KIND_OBJECT))
			object_fall_tell(v, (uint32_t)in->a[0],
					 (uint32_t)in->a[1]);
		return 0;
	default:
		return 0;
	}
}

int object_recover(struct view *v, struct thread_rec *t)
{
	struct intent in = t->object;
	struct thread_rec *me;
	int r;

	if (!object_announces(t))
		return 0;
	r = life_rec_get(v, &me);
	if (r < 0)
		return r;
	r = recover_op(v, me, &in);
	for (int i = 0; i < 2 && r != -ETIMEDOUT; i++)
		if (load_relaxed(&t->item[i]))
			r = block_free_from(v, me, view_off(v, &t->item[i]));
	/* Without patience the announcement stays, and the next recoverer goes
	 * on. */
	if (r == -ETIMEDOUT)
		return r;
	store_relaxed(&t->object.op, (uint32_t)OBJECT_OP_NONE);
	return 0;
}

/* Acquire: pairs with the release of the state in table_add(). */
void object_recover_member(struct view *v, uint32_t slot)
{
	uint64_t who = REF_WHO(slot, load_relaxed(&view_member(v, slot)->id));
	uint32_t hi = table_hi(v, KIND_OBJECT_POOL);

	for (uint32_t i = 0; i < hi; i++) {
		struct object_pool *p = object_pool_at(v, i);

		if (load_acquire(&p->e.state) == ENTRY_USED)
			object_duty_leave(v, p, who);
	}
}

/* Killed before it: a member that has a duty looks by itself, now and then.
 * Acquire of the duty: pairs with the CAS in object_duty_take(). */
void object_duties_wake(const struct view *v)
{
	uint32_t hi = table_hi(v, KIND_OBJECT_POOL);

	if (object_fallen(v, 0) < 0)
		return;
	for (uint32_t i = 0; i < hi; i++) {
		const struct object_pool *p = object_pool_at(v, i);

		if (load_acquire(&p->e.state) == ENTRY_USED)
			ref_watcher_wake(v,
					 REF_WHO_SLOT(load_acquire(&p->duty)));
	}
}

bool object_announces(const struct thread_rec *t)
{
	return load_relaxed(&t->object.op) || load_relaxed(&t->item[0]) ||
	       load_relaxed(&t->item[1]);
}

/* --- The checker ---------------------------------------------------------- */

static unsigned check_object(struct view *v, uint32_t i, const char **ret)
{
	struct object *o = object_at(v, i);
	uint32_t pool = load_relaxed(&o->pool), state = load_relaxed(&o->state);

	*ret = NULL;
	if (state > OBJECT_DEINIT)
		*ret = "object: unknown state";
	else if (pool >= table_hi(v, KIND_OBJECT_POOL))
		*ret = "object: of no pool";
	else if (load_relaxed(&o->lock.word))
		*ret = "object: its lock is held";
	else if ((state == OBJECT_INIT || state == OBJECT_ACTIVE) &&
		 !load_relaxed(&o->claim) && !object_ref(v, o))
		*ret = "object: without a reference";
	else if (state == OBJECT_NEW)
		*ret = "object: half made";
	else if ((load_relaxed(&o->claim) || object_at_zero(v, o)) &&
		 object_fallen(v, i) != i)
		*ret = "object: fallen, and nobody is told";
	return *ret != NULL;
}

unsigned object_check(struct view *v, check_report_fn report, void *ctx)
{
	struct checker c = {.report = report, .ctx = ctx};
	uint32_t hi = table_hi(v, KIND_OBJECT);
	const char *what;

	for (uint32_t i = 0; i < hi; i++)
		if (load_relaxed(&object_at(v, i)->e.state) == ENTRY_USED &&
		    check_object(v, i, &what))
			check_fault(&c, "%s", what);
	return c.faults;
}
