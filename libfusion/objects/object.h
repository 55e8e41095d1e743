/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records behind the handles of objects. */
#ifndef FUSION_OBJECT_OF_PROGRAM_H
#define FUSION_OBJECT_OF_PROGRAM_H

#include "libfusion/heap/tls.h"
#include "libfusion/objects/object_private.h"

/* Return the live record at @object, and the calling thread's cache of its
 * arena; NULL and *ret_error. */
struct object *object_of(const struct fusion_object *object,
			 struct tcache **ret_cache, int *ret_error);
/* Return the reference of the live object at @object, and the cache; NULL and
 * *ret_error: -EIDRM, -ESTALE the object is being destroyed, others. */
struct ref *object_counter(const struct fusion_object *object,
			   struct tcache **ret_cache, int *ret_error);
/* Translate a reference's -EBUSY, which is locked at zero: its object is being
 * destroyed. */
static inline int as_object(int r)
{
	return r == -EBUSY ? -ESTALE : r;
}
/* Add a local count to @ref, if that is the reference of @o, whose id is @id.
 * 0, -EIDRM, -ESTALE. */
int object_up(const struct view *v, const struct object *o, uint32_t id,
	      struct ref *ref);

#endif
