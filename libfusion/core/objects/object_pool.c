/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools, and the duty to destroy what is in them
 *
 * The duty is one word.  Who leaves or dies with it rings everybody: those who
 * registered try to take it, and one succeeds.
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
	store_release(&p->id, load_relaxed(&p->e.id));
}

void object_pool_fini(struct view *v, void *rec)
{
	(void)v;
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
	uint64_t had = load_acquire(&p->duty);

	if (had == who)
		return true;
	/* Of a member that is not there any more: whose recovery has not come
	 * to it yet. */
	if (had && member_at(v, REF_WHO_SLOT(had), REF_WHO_ID(had)))
		return false;
	/* Acquire and release: who takes it sees what the last one did. */
	if (!cas_acq_rel(&p->duty, &had, who))
		return false;
	/* The drawing is in object_fall_tell(): the new owner's name must be
	 * seen before it looks at the bits. */
	full_fence();
	return true;
}

void object_duty_seize(struct object_pool *p, uint64_t who)
{
	uint64_t had = load_acquire(&p->duty);

	while (!cas_acq_rel(&p->duty, &had, who))
		;
	full_fence(); /* as in object_duty_take() */
}

void object_duty_leave(struct view *v, struct object_pool *p, uint64_t who)
{
	/* Commit. */
	if (cas_acq_rel(&p->duty, &who, 0))
		ref_watchers_wake(v);
}

uint32_t object_pool_count(const struct view *v, uint32_t pool, uint32_t id)
{
	uint32_t hi = table_hi(v, KIND_OBJECT), n = 0;

	for (uint32_t i = 0; i < hi; i++) {
		const struct object *o = object_at(v, i);

		n += load_acquire(&o->e.state) == ENTRY_USED &&
		     load_relaxed(&o->pool) == pool &&
		     load_relaxed(&o->pool_id) == id;
	}
	return n;
}
