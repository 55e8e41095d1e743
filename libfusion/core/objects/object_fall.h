/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Falls: the bits of objects that their destroyer has to look at. */
#ifndef FUSION_CORE_OBJECT_FALL_H
#define FUSION_CORE_OBJECT_FALL_H

#include "libfusion/core/objects/object.h"

/* Set the bit of object @i, if it still has @id, and wake the member that has
 * the duty of its pool. */
void object_fall_tell(const struct view *v, uint32_t i, uint32_t id);
/* Find the first bit that is set at or after @from; -1 none. */
int64_t object_fallen(const struct view *v, uint32_t from);
/* Set the bit of object @i, and wake nobody. */
void object_mark(const struct view *v, uint32_t i);
/* Clear the bit of object @i, which its destroyer has seen to; if there is a
 * reason for it, set it again. */
void object_unmark(const struct view *v, uint32_t i);
/* Tell whether the reference of the object has fallen to 0, and stands
 * there. */
bool object_at_zero(const struct view *v, const struct object *o);

#endif
