/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of an object: its destructor, and what is left to do after it. */
#ifndef FUSION_OBJECT_FINISH_H
#define FUSION_OBJECT_FINISH_H

#include "libfusion/objects/object_private.h"

/* Is the calling thread in the destructor of @o; in one of pool @p, or further
 * down? */
bool object_is_ending(const struct object *o);
bool object_pool_is_ending(const struct object_pool *p);
/* Claim @o for this process, if it is of the pool of @t still: whose pool it is
 * was seen before, of another object perhaps, which had the record then.
 * object_claim()'s errors. */
int object_claim_of(struct fusion_arena *arena, struct thread_rec *me,
		    const struct registration *t, struct object *o,
		    uint32_t id);
/* Run the destructor of @t, if @o is ACTIVE, and reap.  It is claimed by this
 * member. */
int object_finish(struct fusion_arena *arena, struct registration *t,
		  struct object *o, uint32_t id, bool zombie);
/* The same for all of a pool that is dying.  How many are left, -errno. */
int object_finish_all(struct fusion_arena *arena, struct registration *t);

#endif
