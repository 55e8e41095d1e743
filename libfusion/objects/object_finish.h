/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of an object: its destructor, and what is left to do after it. */
#ifndef FUSION_OBJECT_FINISH_H
#define FUSION_OBJECT_FINISH_H

#include "libfusion/objects/object_private.h"

/* Is the destructor of @o the innermost that the calling thread is in? */
bool object_is_ending(const struct object *o);
/* Is the calling thread in the destructor of an object of @p? */
bool object_pool_is_ending(const struct object_pool *p);
/* Claim @o for this process, if it is still of the pool of @t.  The caller read
 * the pool earlier, when another object may have had the record.  0, and
 * object_claim()'s errors. */
int object_claim_of(struct fusion_arena *arena, struct thread_rec *me,
		    const struct registration *t, struct object *o,
		    uint32_t id);
/* End @o, which this member has claimed: run the destructor of @t if @o is
 * ACTIVE, and reap.  0, -errno. */
int object_finish(struct fusion_arena *arena, struct registration *t,
		  struct object *o, uint32_t id, bool zombie);
/* End all objects of the pool of @t, which is dying.  Returns how many are
 * left, -errno. */
int object_finish_all(struct fusion_arena *arena, struct registration *t);

#endif
