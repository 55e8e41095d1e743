/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools of objects, and the duty to destroy what is in them. */
#ifndef FUSION_CORE_OBJECT_POOL_H
#define FUSION_CORE_OBJECT_POOL_H

#include "libfusion/core/objects/object.h"

int object_pool_create(struct view *v, struct thread_rec *me, const char *name,
		       const struct object_pool_params *params,
		       uint32_t creator, struct object_pool **ret);
/* Have the duty if nobody has it.  True: @who has it now. */
bool object_duty_take(const struct view *v, struct object_pool *p,
		      uint64_t who);
/* Have it, whoever had it. */
void object_duty_seize(struct object_pool *p, uint64_t who);
/* Not any more; all members are rung. */
void object_duty_leave(struct view *v, struct object_pool *p, uint64_t who);
/* Objects that are of it; looks at all records. */
uint32_t object_pool_count(const struct view *v, uint32_t pool, uint32_t id);

void object_pool_init(struct view *v, void *rec, const void *arg);
void object_pool_fini(struct view *v, void *rec);

#endif
