/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of an object
 *
 * All that the object has is taken from its record, one thing after the other,
 * each in a step that is whole; then the record goes.  Killed anywhere: the
 * claim is that of a dead member, and the next claimer does the same steps
 * again.
 *
 * Invariant: once id is 0, nothing is given to the object any more.  A thread
 * that gives it something looks at the id behind a fence, and takes its gift
 * back.
 */
#include "libfusion/core/objects/object_reap.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_item.h"
#include "libfusion/core/refs/ref_drop.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/core/talk/reactor.h"

/* Tell whether the member @who lives, or is not recovered yet.  Until then,
 * what it was in the middle of belongs to its recovery. */
static bool is_claimer_there(const struct view *v, uint64_t who)
{
	uint32_t slot = REF_WHO_SLOT(who);

	/* Acquire: pairs with the release in life_depart().  A slot that is
	 * seen free is recovered. */
	return slot && slot < members_hi(v) &&
	       load_acquire(&view_member(v, slot)->state) != MEMBER_FREE &&
	       load_relaxed(&view_member(v, slot)->id) == REF_WHO_ID(who);
}

/* Commit: the CAS.  Killed behind it: recovery sets the bit. */
int object_claim(const struct view *v, struct thread_rec *me, struct object *o,
		 uint32_t id, uint64_t who)
{
	/* Acquire: pairs with the CAS below: what the last claimer did is
	 * seen. */
	uint64_t claimer = load_acquire(&o->claim);
	int r = 0;

	if (claimer == who || (claimer && is_claimer_there(v, claimer)))
		return -EBUSY;
	me->object.a[0] = object_index_of(v, o);
	me->object.a[1] = id;
	compiler_fence();
	if (!SEED_BUG(72))
		store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_CLAIM);
	compiler_fence();
	/* Commit.  Acquire and release: pairs with itself and with
	 * object_unclaim().  The claimer sees how far the last one came. */
	if (!cas_acq_rel(&o->claim, &claimer, who)) {
		r = -EBUSY;
	} else if ((load_acquire(&o->e.state) != ENTRY_USED ||
		    load_relaxed(&o->e.id) != id) &&
		   !SEED_BUG(94)) {
		/* The record is another object's by now.  The state is read
		 * before the id: the maker of that object writes the id first,
		 * and then USED with a release (table_add_locked()), so a state
		 * of the new life comes with the new id. */
		object_unclaim(o, who);
		r = -EIDRM;
	} else {
		object_mark(v, me->object.a[0]);
	}
	compiler_fence();
	store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_NONE);
	return r;
}

void object_unclaim(struct object *o, uint64_t who)
{
	/* Release: pairs with the CAS in object_claim(). */
	cas_acq_rel(&o->claim, &who, 0ull);
}

bool object_is_claimed(const struct view *v, struct object *o)
{
	/* Acquire: pairs with the CAS in object_claim(). */
	uint64_t claimer = load_acquire(&o->claim);

	if (claimer && !is_claimer_there(v, claimer))
		return !cas_acq_rel(&o->claim, &claimer, 0ull);
	return claimer != 0;
}

/* Take the first item out of the chain, into the slot of the thread. 1: there
 * was one.  Commit: the store of items. */
static int take_first_item(struct view *v, struct thread_rec *me,
			   struct object *o)
{
	struct object_item *item;
	int r = core_lock(v, me, &o->lock);

	if (r < 0)
		return r;
	item = object_item_at(v, load_relaxed(&o->items));
	if (item) {
		object_item_begin(v, me, o);
		store_relaxed(&me->item[1], load_relaxed(&o->items));
		compiler_fence();
		/* Commit.  Relaxed: nothing is published by it.  Members read
		 * the chain with the lock; the daemon reads it without, and
		 * checks what it reads. */
		store_relaxed(&o->items, load_relaxed(&item->next));
		object_item_end(me);
	}
	core_unlock(v, me, &o->lock);
	return item != NULL;
}

/* Free all items.  What is no block, or not any more, ends a chain that
 * somebody has scribbled over: it may lead in a ring.  First goes the item that
 * @me had taken out before, and had no patience to free. */
static int reap_items(struct view *v, struct thread_rec *me, struct object *o)
{
	int r;

	do
		r = block_free_from(v, me, view_off(v, &me->item[1]));
	while (!r && (r = take_first_item(v, me, o)) > 0);
	return r == -EINVAL ? 0 : r;
}

static int reap_reactor(struct view *v, struct thread_rec *me, struct object *o)
{
	struct reactor *re = object_reactor(v, o);
	int r = re ? reactor_destroy_id(v, me, re, load_relaxed(&re->e.id)) : 0;

	return r == -EIDRM ? 0 : r;
}

/* Tell the pool that an object is gone; @was_whole: programs could find it.  If
 * the pool is dying, its destroyer waits until the pool is empty. */
static void tell_object_pool(const struct view *v, uint32_t pool, uint32_t id,
			     bool was_whole)
{
	struct object_pool *p = object_pool_at(v, pool);

	if (pool >= table_hi(v, KIND_OBJECT_POOL) ||
	    load_relaxed(&p->e.id) != id)
		return;
	if (was_whole)
		add_relaxed(&p->destroyed, 1);
	/* Acquire of the duty: pairs with the CAS in object_duty_take(). */
	if (load_acquire(&p->dying))
		ref_watcher_wake(v, REF_WHO_SLOT(load_acquire(&p->duty)));
}

int object_reap(struct view *v, struct thread_rec *me, struct object *o,
		uint32_t id)
{
	uint32_t i = object_index_of(v, o), pool = load_relaxed(&o->pool);
	uint32_t pool_id = load_relaxed(&o->pool_id);
	bool was_whole = load_relaxed(&o->state) != OBJECT_NEW;
	struct ref *ref;
	int r;

	/* Release: pairs with the acquires of id.  Nobody begins anything with
	 * the object from now on. */
	store_release(&o->id, 0u);
	/*
	 *   the thread that reaps           the thread that gives it a reactor
	 *   object.id = 0                   object.reactor = index + 1
	 *   fence                           fence
	 *   items, reactor, data? free      is the id 0? destroy the reactor
	 */
	full_fence();
	r = reap_items(v, me, o);
	if (!r)
		r = reap_reactor(v, me, o);
	if (!r && load_relaxed(&o->data))
		r = block_free_from(v, me, view_off(v, &o->data));
	/* What was scribbled over is lost, but not the rest. */
	ref = !r || r == -EINVAL ? object_ref(v, o) : NULL;
	if (ref)
		r = ref_destroy(v, me, ref);
	if (!r || r == -EIDRM || r == -EINVAL)
		r = table_remove(v, me, KIND_OBJECT, i, id);
	if (r < 0)
		return r;
	object_unmark(v, i);
	tell_object_pool(v, pool, pool_id, was_whole);
	return 0;
}
