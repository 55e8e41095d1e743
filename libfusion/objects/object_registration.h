/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this process has registered of object pools
 *
 * A registration is pinned while it is in use, without the lock: one that is
 * ended meanwhile is freed with its last pin.
 */
#ifndef FUSION_OBJECT_REGISTRATION_H
#define FUSION_OBJECT_REGISTRATION_H

#include "libfusion/objects/object_private.h"

/* Add the registration of @p, or renew it.  0, -ENOMEM. */
int registration_add(struct duty *d, struct object_pool *p,
		     fusion_object_destructor_fn destructor, void *ctx);
/* Find the link that leads to the registration of @p, or the last one; the
 * lock is held for this and the next two. */
struct registration **registration_link(struct duty *d,
					const struct object_pool *p);
/* Take it off the list. */
struct registration *registration_unlink(struct registration **link);
/* The same; free it unless it is pinned. */
void registration_end(struct registration **link);
/* What was registered of @p, NULL nothing; it stays until
 * registration_unpin(). */
struct registration *registration_pin(struct fusion_arena *arena,
				      struct object_pool *p);
void registration_unpin(struct fusion_arena *arena, struct registration *t);
/* Set what describes objects of @p.  0, -ENOENT @p is not registered. */
int registration_set_describe(struct fusion_arena *arena, struct object_pool *p,
			      fusion_object_describe_fn fn, void *ctx);
/* Get it.  0, -ENOENT there is none. */
int registration_describe_of(struct fusion_arena *arena, struct object_pool *p,
			     fusion_object_describe_fn *ret, void **ret_ctx);
/* Begin to destroy the pool: true for the first thread only, until it gives
 * that back with registration_end_destroy(), as it has not destroyed the pool,
 * and another may. */
bool registration_begin_destroy(struct fusion_arena *arena,
				struct registration *t);
void registration_end_destroy(struct fusion_arena *arena,
			      struct registration *t);

#endif
