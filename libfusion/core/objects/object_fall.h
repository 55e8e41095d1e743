/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Falls: which objects their destroyer has to look at. */
#ifndef FUSION_CORE_OBJECT_FALL_H
#define FUSION_CORE_OBJECT_FALL_H

#include "libfusion/core/objects/object.h"

/* Object @i, if it has @id still, is to be looked at. */
void object_fall_tell(const struct view *v, uint32_t i, uint32_t id);
/* The first bit that is set at or after @from; -1 none. */
int64_t object_fallen(const struct view *v, uint32_t from);
/* Only the bit. */
void object_mark(const struct view *v, uint32_t i);
/* It has been looked at: take the bit away, unless there is a reason again. */
void object_unmark(const struct view *v, uint32_t i);
/* Is nobody counted, who once was? */
bool object_at_zero(const struct view *v, const struct object *o);

#endif
