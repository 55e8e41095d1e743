/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of objects and their pools share. */
#ifndef FUSION_OBJECT_PRIVATE_H
#define FUSION_OBJECT_PRIVATE_H

#include <fusion/object.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/talk/dispatch_post.h"

/* What this process registered of a pool.  Guarded by the duty's lock. */
struct registration {
	struct object_pool *pool;
	uint32_t id; /* of the pool */
	fusion_object_destructor_fn destructor;
	void *ctx;
	fusion_object_describe_fn describe;
	void *describe_ctx;
	unsigned pins; /* as many use it */
	bool ended;    /* not registered any more: the last one frees it */
	bool destroying;
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
	uint32_t at; /* of the job: object to look at next */
};

/* The process' duties in the arena, NULL none. */
static inline struct duty *duty_of(const struct fusion_arena *a)
{
	/* Acquire: pairs with the CAS in duty_make(). */
	return load_acquire(&a->duty);
}

static inline uint64_t who_am_i(const struct fusion_arena *a)
{
	return REF_WHO(a->view.slot, a->id);
}

#endif
