/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools, and the duty to destroy their objects
 *
 * The duty is one word, so one member at most has it.  A member that leaves it,
 * or the recovery of one that died, wakes everybody: the members that
 * registered try to take it, and one succeeds.
 *
 * Invariant: an object that has fallen is seen by the member with the duty.
 * The taker of a duty stores its name, and then looks at the bits; the drawing
 * is at object_fall_tell().
 */
#include "libfusion/core/objects/object_pool.h"

#include <limits.h>
#include <string.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/refs/ref_zero.h"

void object_pool_init(struct view *v, void *rec, const void *arg)
{
	const struct object_pool_params *params = arg;
	struct object_pool *p = rec;

	(void)v;
	memset(&p->e + 1, 0, sizeof(*p) - sizeof(p->e));
	p->object_size = params->object_size;
	p->message_size = params->message_size;
	/* Release: pairs with the acquire of id in object_make().  A thread
	 * that sees the id must see the sizes. */
	store_release(&p->id, load_relaxed(&p->e.id));
}

void object_pool_fini(struct view *v, void *rec)
{
	(void)v;
	/* Release: pairs with the acquires of id; nobody begins anything with
	 * the pool from now on. */
	store_release(&((struct object_pool *)rec)->id, 0u);
}

int object_pool_create(struct view *v, struct thread_rec *me, const char *name,
		       const struct object_pool_params *params,
		       uint32_t creator, struct object_pool **ret)
{
	uint32_t i;
	int r = table_add(v, me, KIND_OBJECT_POOL, name, creator, params, &i);

	if (r == 0)
		*ret = object_pool_at(v, i);
	return r;
}

bool object_duty_take(const struct view *v, struct object_pool *p, uint64_t who)
{
	/* Acquire: pairs with the CAS below. */
	uint64_t owner = load_acquire(&p->duty);

	if (owner == who)
		return true;
	/* A member that is not inside any more does not count: its recovery has
	 * not come to this pool yet. */
	if (owner && member_at(v, REF_WHO_SLOT(owner), REF_WHO_ID(owner)))
		return false;
	/* Acquire and release: pairs with itself and with object_duty_leave().
	 * The member that takes the duty sees what the last one did with it. */
	if (!cas_acq_rel(&p->duty, &owner, who))
		return false;
	/* The drawing is at object_fall_tell(): the name of the new owner must
	 * be seen before it looks at the bits. */
	full_fence();
	return true;
}

void object_duty_seize(struct object_pool *p, uint64_t who)
{
	/* Acquire and release: as in object_duty_take(). */
	uint64_t owner = load_acquire(&p->duty);

	while (!cas_acq_rel(&p->duty, &owner, who))
		;
	full_fence(); /* as in object_duty_take() */
}

void object_duty_leave(struct view *v, struct object_pool *p, uint64_t who)
{
	/* Commit.  Release: pairs with the acquire in object_duty_take(). */
	if (cas_acq_rel(&p->duty, &who, 0))
		ref_watchers_wake(v);
}

uint32_t object_pool_count(const struct view *v, uint32_t pool, uint32_t id)
{
	uint32_t hi = table_hi(v, KIND_OBJECT), n = 0;

	for (uint32_t i = 0; i < hi; i++) {
		const struct object *o = object_at(v, i);

		/* Acquire: pairs with the release of the state in table_add();
		 * the pool is read behind it. */
		n += load_acquire(&o->e.state) == ENTRY_USED &&
		     load_relaxed(&o->pool) == pool &&
		     load_relaxed(&o->pool_id) == id;
	}
	return n;
}
