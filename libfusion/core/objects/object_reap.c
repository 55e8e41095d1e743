/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of an object
 *
 * Everything is taken from the record, one thing after the other, each in a
 * step that is whole; then the record goes.  Killed anywhere: the claim is a
 * dead member's, and whoever takes it over does the same again.
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

/* Is @who a member that lives, or is not recovered yet?  What it was in the
 * middle of is its recovery's until then. */
static bool is_claimer_there(const struct view *v, uint64_t who)
{
	uint32_t slot = REF_WHO_SLOT(who);

	/* Acquire: pairs with the release in life_depart(). */
	return slot && slot < members_hi(v) &&
	       load_acquire(&view_member(v, slot)->state) != MEMBER_FREE &&
	       load_relaxed(&view_member(v, slot)->id) == REF_WHO_ID(who);
}

/* Killed behind the claim: recovery sets the bit. */
int object_claim(const struct view *v, struct thread_rec *me, struct object *o,
		 uint32_t id, uint64_t who)
{
	uint64_t had = load_acquire(&o->claim);
	int r = 0;

	if (had == who || (had && is_claimer_there(v, had)))
		return -EBUSY;
	me->object.a[0] = object_index_of(v, o);
	me->object.a[1] = id;
	compiler_fence();
	if (!SEED_BUG(72))
		store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_CLAIM);
	compiler_fence();
	/* Commit.  Acquire and release: pairs with itself. */
	if (!cas_acq_rel(&o->claim, &had, who)) {
		r = -EBUSY;
	} else if ((load_acquire(&o->e.state) != ENTRY_USED ||
		    load_relaxed(&o->e.id) != id) &&
		   !SEED_BUG(94)) {
		/* The record is another's by now.  State, then id: who makes
		 * the record anew writes the id first, and then USED with a
		 * release (add_locked()), so a state of the new life comes with
		 * the new id. */
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
	cas_acq_rel(&o->claim, &who, 0ull);
}

bool object_is_claimed(const struct view *v, struct object *o)
{
	uint64_t had = load_acquire(&o->claim);

	if (had && !is_claimer_there(v, had))
		return !cas_acq_rel(&o->claim, &had, 0ull);
	return had != 0;
}

/* The first one into the thread's slot.  1: there was one. */
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
		/* Commit. */
		store_relaxed(&o->items, load_relaxed(&item->next));
		object_item_end(me);
	}
	core_unlock(v, me, &o->lock);
	return item != NULL;
}

/* What is no block, or none any more, ends a chain that somebody has scribbled
 * over: it may be a ring. */
static int reap_items(struct view *v, struct thread_rec *me, struct object *o)
{
	int r;

	while ((r = take_first_item(v, me, o)) > 0) {
		r = block_free_from(v, me, view_off(v, &me->item[1]));
		if (r < 0)
			break;
	}
	return r == -EINVAL ? 0 : r;
}

static int reap_reactor(struct view *v, struct thread_rec *me, struct object *o)
{
	struct reactor *re = object_reactor(v, o);
	int r = re ? reactor_destroy_id(v, me, re, load_relaxed(&re->e.id)) : 0;

	return r == -EIDRM ? 0 : r;
}

/* It was one that programs could find, if @was_whole.  Who waits until the pool
 * is empty is to look. */
static void tell_pool(const struct view *v, uint32_t pool, uint32_t id,
		      bool was_whole)
{
	struct object_pool *p = object_pool_at(v, pool);

	if (pool >= table_hi(v, KIND_OBJECT_POOL) ||
	    load_relaxed(&p->e.id) != id)
		return;
	if (was_whole)
		add_relaxed(&p->destroyed, 1);
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

	/* Nobody begins anything with it from now on. */
	store_release(&o->id, 0u);
	/* Drawing: the id, then what it has; who gives it something looks at
	 * the id behind that. */
	full_fence();
	r = reap_items(v, me, o);
	if (!r)
		r = reap_reactor(v, me, o);
	if (!r && load_relaxed(&o->data))
		r = block_free_from(v, me, view_off(v, &o->data));
	/* What was scribbled over is lost, not the rest. */
	ref = !r || r == -EINVAL ? object_ref(v, o) : NULL;
	if (ref)
		r = ref_destroy(v, me, ref);
	if (!r || r == -EIDRM || r == -EINVAL)
		r = table_remove(v, me, KIND_OBJECT, i, id);
	if (r < 0)
		return r;
	object_unmark(v, i);
	tell_pool(v, pool, pool_id, was_whole);
	return 0;
}
