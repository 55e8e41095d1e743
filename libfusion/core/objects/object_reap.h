/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of an object: claiming it, and freeing all that it has. */
#ifndef FUSION_CORE_OBJECT_REAP_H
#define FUSION_CORE_OBJECT_REAP_H

#include "libfusion/core/objects/object.h"

/* Become who destroys it, and have its bit set.  0; -EBUSY a living member
 * does; -EIDRM. */
int object_claim(const struct view *v, struct thread_rec *me, struct object *o,
		 uint32_t id, uint64_t who);
/* Not any more. */
void object_unclaim(struct object *o, uint64_t who);
/* Does a member that is there claim it?  One that is not loses it. */
bool object_is_claimed(const struct view *v, struct object *o);
/* Claimed: free all that it has, and its record.  May be done again. */
int object_reap(struct view *v, struct thread_rec *me, struct object *o,
		uint32_t id);

#endif
