/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_OBJECT_OF_PROGRAM_H
#define FUSION_OBJECT_OF_PROGRAM_H

#include "libfusion/heap/tls.h"
#include "libfusion/objects/object_private.h"

/* The live record at @object and the calling thread's part of its arena; NULL
 * and *ret_error. */
struct object *object_of(const struct fusion_object *object,
			 struct tcache **ret_cache, int *ret_error);
/* The same, and its reference. */
struct ref *object_counter(const struct fusion_object *object,
			   struct tcache **ret_cache, int *ret_error);
/* What a reference says that is locked at zero: its object is destroyed. */
static inline int as_object(int r)
{
	return r == -EAGAIN ? -EOWNERDEAD : r;
}
/* A local reference more of @ref, if it is that of @o, which has @id. */
int object_up(const struct view *v, const struct object *o, uint32_t id,
	      struct ref *ref);

#endif
