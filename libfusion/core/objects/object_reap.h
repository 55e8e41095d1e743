/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of an object: claiming it, and freeing what it has. */
#ifndef FUSION_CORE_OBJECT_REAP_H
#define FUSION_CORE_OBJECT_REAP_H

#include "libfusion/core/objects/object.h"

/* Claim the object for member @who, which destroys it, and set its bit.  0;
 * -EBUSY a member that is inside, or not recovered yet, has claimed it; -EIDRM
 * the object is gone. */
int object_claim(const struct view *v, struct thread_rec *me, struct object *o,
		 uint32_t id, uint64_t who);
/* Give the claim of @who up. */
void object_unclaim(struct object *o, uint64_t who);
/* Tell whether a member that is inside, or not recovered yet, has claimed it.
 * The claim of any other is cleared. */
bool object_is_claimed(const struct view *v, struct object *o);
/* Free all that a claimed object has, and its record.  May be done again.  0;
 * -ETIMEDOUT, -EIO and others: not finished. */
int object_reap(struct view *v, struct thread_rec *me, struct object *o,
		uint32_t id);

#endif
