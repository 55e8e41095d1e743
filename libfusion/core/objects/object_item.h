/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Items of an object: properties, owners, access, description. */
#ifndef FUSION_CORE_OBJECT_ITEM_H
#define FUSION_CORE_OBJECT_ITEM_H

#include "libfusion/core/objects/object.h"

/* The first one that is such; NULL.  Under the lock.  *ret_link, which is
 * written only then, leads to it. */
struct object_item *object_item_find(const struct view *v, struct object *o,
				     const struct object_item_key *key,
				     uint64_t **ret_link);
/* Does one of those of access allow @path?  Under the lock. */
bool object_item_allows(const struct view *v, struct object *o,
			const char *path);
/* The item that members see at @addr, checked but for its value; NULL. */
struct object_item *object_item_at(const struct view *v, uint64_t addr);
/* Bytes of its value that can be there. */
size_t object_item_room(const struct view *v, const struct object_item *item);
/* Around a change of the chain of @o, under its lock: announce which. */
void object_item_begin(const struct view *v, struct thread_rec *me,
		       const struct object *o);
void object_item_end(struct thread_rec *me);
/* Is the block at @addr in the chain?  Under the lock. */
bool object_item_in(const struct view *v, const struct object *o,
		    uint64_t addr);

#endif
