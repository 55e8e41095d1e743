/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_OBJECT_DUTY_H
#define FUSION_OBJECT_DUTY_H

#include "libfusion/objects/object_private.h"

/* Who runs destructors, and who looks at what has fallen.  0, -errno. */
int duty_start(struct fusion_arena *arena);
/* Register, or register anew, and look at what has fallen.  0, -errno. */
int duty_register(struct fusion_arena *arena, struct object_pool *p,
		  fusion_object_destructor_fn destructor, void *ctx);
/* The same without threads: who registers so calls duty_run(). */
int duty_add(struct fusion_arena *arena, struct object_pool *p,
	     fusion_object_destructor_fn destructor, void *ctx);
/* All that there is to do now.  How many have ended. */
unsigned duty_run(struct fusion_arena *arena);
/* -ENOENT. */
int duty_unregister(struct fusion_arena *arena, struct object_pool *p);
/* This member was rung: is there an object for it to destroy, a duty to take?
 */
void duty_look(struct fusion_arena *arena);
/* The process leaves: its duties are others', and no destructor runs here. */
void duty_stop(struct fusion_arena *arena);

#endif
