/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of objects and their pools share. */
#ifndef FUSION_OBJECT_PRIVATE_H
#define FUSION_OBJECT_PRIVATE_H

#include <fusion/object.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/objects/object.h"

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

static inline uint64_t who_am_i(const struct fusion_arena *a)
{
	return REF_WHO(a->view.slot, a->id);
}

#endif
