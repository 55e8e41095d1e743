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
/* What was registered of @p, NULL nothing; it stays until duty_unpin(). */
struct registration *duty_pin(struct fusion_arena *arena,
			      struct object_pool *p);
void duty_unpin(struct fusion_arena *arena, struct registration *t);
int duty_set_describe(struct fusion_arena *arena, struct object_pool *p,
		      fusion_object_describe_fn fn, void *ctx);
/* -ENOENT there is none. */
int duty_describe_of(struct fusion_arena *arena, struct object_pool *p,
		     fusion_object_describe_fn *ret, void **ret_ctx);
/* Only the first one gets it, until it gives it back: it has not destroyed it,
 * and is willing to go on with who does. */
bool duty_begin_destroy(struct fusion_arena *arena, struct registration *t);
void duty_end_destroy(struct fusion_arena *arena, struct registration *t);

/* Is the calling thread in the destructor of @o; in one of pool @p, or further
 * down? */
bool duty_ends(const struct object *o);
bool duty_ends_one_of(const struct object_pool *p);
/* Run the destructor of @t, if @o is ACTIVE, and reap.  It is claimed by this
 * member. */
int duty_finish(struct fusion_arena *arena, struct registration *t,
		struct object *o, uint32_t id, bool zombie);
/* The same for all of a pool that is dying.  How many are left, -errno. */
int duty_finish_all(struct fusion_arena *arena, struct registration *t);

/* This member was rung: is there an object for it to destroy, a duty to take?
 */
void duty_look(struct fusion_arena *arena);
/* The process leaves: its duties are others', and no destructor runs here. */
void duty_stop(struct fusion_arena *arena);

#endif
