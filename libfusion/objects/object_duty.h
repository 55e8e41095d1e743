/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The duty to destroy objects, as a member does it. */
#ifndef FUSION_OBJECT_DUTY_H
#define FUSION_OBJECT_DUTY_H

#include "libfusion/objects/object_private.h"

/* Start the dispatcher, which runs destructors, and the thread that looks for
 * fallen objects.  0, -errno. */
int duty_start(struct fusion_arena *arena);
/* Register pool @p, whose id is @id, or renew its registration, and look for
 * fallen objects.  0; -EIDRM the pool has gone meanwhile; -errno. */
int duty_register(struct fusion_arena *arena, struct object_pool *p,
		  uint32_t id, fusion_object_destructor_fn destructor,
		  void *ctx);
/* Register pool @p without threads: the caller calls duty_run() itself.  0,
 * -EIDRM the pool has gone meanwhile, -ENOMEM. */
int duty_add(struct fusion_arena *arena, struct object_pool *p,
	     fusion_object_destructor_fn destructor, void *ctx);
/* Do all that there is to do now.  Returns how many objects ended. */
unsigned duty_run(struct fusion_arena *arena);
/* End the registration of @p, and leave its duty to others.  0; -EPERM this
 * process has not registered for @p. */
int duty_unregister(struct fusion_arena *arena, struct object_pool *p);
/* Leave all duties to others, as the process leaves.  No destructor runs here
 * when this returns. */
void duty_stop(struct fusion_arena *arena);

#endif
