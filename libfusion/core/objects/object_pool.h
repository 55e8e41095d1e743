/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools of objects, and the duty to destroy their objects. */
#ifndef FUSION_CORE_OBJECT_POOL_H
#define FUSION_CORE_OBJECT_POOL_H

#include "libfusion/core/objects/object.h"

/* Create a pool called @name. 0 and *ret, or the errors of table_add(). */
int object_pool_create(struct view *v, struct thread_rec *me, const char *name,
		       const struct object_pool_params *params,
		       uint32_t creator, struct object_pool **ret);
/* Take the duty of a pool, if no living member has it.  True: @who has it
 * now. */
bool object_duty_take(const struct view *v, struct object_pool *p,
		      uint64_t who);
/* Take the duty, whichever member has it. */
void object_duty_seize(struct object_pool *p, uint64_t who);
/* Leave the duty, if @who has it, and wake all members that watch. */
void object_duty_leave(struct view *v, struct object_pool *p, uint64_t who);
/* Count the objects of a pool.  Reads all records. */
uint32_t object_pool_count(const struct view *v, uint32_t pool, uint32_t id);

/* Rows of kinds.c. */
void object_pool_init(struct view *v, void *rec, const void *arg);
void object_pool_fini(struct view *v, void *rec);

#endif
