/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Types that the files of objects and object pools share. */
#ifndef FUSION_OBJECT_PRIVATE_H
#define FUSION_OBJECT_PRIVATE_H

#include <fusion/object.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/talk/dispatch_post.h"

/* What this process has registered of an object pool.  Guarded by the duty's
 * lock.  Invariant: it is on the duty's list or has ended, and it is freed when
 * it has ended and `pins` is 0. */
struct registration {
	struct object_pool *pool;
	uint32_t id; /* of the pool */
	fusion_object_destructor_fn destructor;
	void *ctx;
	unsigned pins;	 /* threads that use it without the lock */
	bool ended;	 /* off the list: the last pin frees it */
	bool destroying; /* a thread destroys the pool */
	struct registration *next;
};

/* What a process keeps of its duties in an arena, made with the first
 * registration. */
struct duty {
	struct dispatch_job job; /* the first: see run_duty() */
	struct fusion_arena *arena;
	pthread_mutex_t lock; /* guards registrations */
	pthread_cond_t unpinned;
	struct registration *registrations;
	uint32_t at; /* of the job: object to examine next */
};

/* Return the process' duties in the arena; NULL none. */
static inline struct duty *duty_of(const struct fusion_arena *a)
{
	/* Acquire: pairs with the CAS in duty_make(). */
	return load_acquire(&a->duty);
}

/* Return this member, as a claim or a duty names it. */
static inline uint64_t who_am_i(const struct fusion_arena *a)
{
	return REF_WHO(a->view.slot, a->id);
}

#endif
