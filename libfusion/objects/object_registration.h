/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this process has registered of object pools
 *
 * A thread pins a registration to use it without the lock.  A registration that
 * ends meanwhile is freed with its last pin.
 */
#ifndef FUSION_OBJECT_REGISTRATION_H
#define FUSION_OBJECT_REGISTRATION_H

#include "libfusion/objects/object_private.h"

/* Add the registration of @p, whose id is @id, or renew it.  If the pool has
 * gone meanwhile, the next look for duties ends the registration.  0,
 * -ENOMEM. */
int registration_add(struct duty *d, struct object_pool *p, uint32_t id,
		     fusion_object_destructor_fn destructor, void *ctx);
/* Find the link that leads to the registration of @p, or the last link.  The
 * duty's lock is held for this and the next two. */
struct registration **registration_link(struct duty *d,
					const struct object_pool *p);
/* Take the registration that @link leads to off the list. */
struct registration *registration_unlink(struct registration **link);
/* Take it off the list, and free it unless it is pinned. */
void registration_end(struct registration **link);
/* Return the registration of @p, NULL none.  It stays until
 * registration_unpin(). */
struct registration *registration_pin(struct fusion_arena *arena,
				      struct object_pool *p);
void registration_unpin(struct fusion_arena *arena, struct registration *t);
/* Begin to destroy the pool.  True for the first thread only, until that calls
 * registration_end_destroy(), because it could not destroy the pool and another
 * thread may. */
bool registration_begin_destroy(struct fusion_arena *arena,
				struct registration *t);
void registration_end_destroy(struct fusion_arena *arena,
			      struct registration *t);

#endif
