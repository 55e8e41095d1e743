/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Items of an object: properties, owners, access, description. */
#ifndef FUSION_CORE_OBJECT_ITEM_H
#define FUSION_CORE_OBJECT_ITEM_H

#include "libfusion/core/objects/object.h"

/* Find the first item that matches @key; NULL.  Under the lock.  *ret_link,
 * which is written only if there is one, leads to it. */
struct object_item *object_item_find(const struct view *v, struct object *o,
				     const struct object_item_key *key,
				     uint64_t **ret_link);
/* Find the item that members see at @addr.  NULL: no item can be there.  Its
 * value is not checked, see object_item_room(). */
struct object_item *object_item_at(const struct view *v, uint64_t addr);
/* Tell how many bytes of the value can be read without leaving the heap. */
size_t object_item_room(const struct view *v, const struct object_item *item);
/* Begin and end a change of the chain of @o, under its lock: in between it is
 * announced. */
void object_item_begin(const struct view *v, struct thread_rec *me,
		       const struct object *o);
void object_item_end(struct thread_rec *me);
/* Tell whether the block at @addr is in the chain.  Under the lock. */
bool object_item_in(const struct view *v, const struct object *o,
		    uint64_t addr);

/* --- Each of these takes the lock of @o ----------------------------------- */

/* Call @fn for the first item that matches @key, with the lock.  Returns what
 * @fn returned; -ENOENT no item matches; or the errors of core_lock(). */
int object_item_read(struct view *v, struct thread_rec *me, struct object *o,
		     const struct object_item_key *key,
		     int (*fn)(const struct object_item *item, void *ctx),
		     void *ctx);
/*
 * Put @item, the block in me->item[0], into the chain of @o, in the place of
 * the first item that matches @old.  The block of that one is in me->item[1]
 * then, and the caller frees it.
 *
 *   0
 *   -EIDRM  the object is being reaped; @item is still in its slot
 *   others as core_lock()
 */
int object_item_put(struct view *v, struct thread_rec *me, struct object *o,
		    struct object_item *item,
		    const struct object_item_key *old);
/*
 * Take the first item that matches @key out of the chain.  Its block is in
 * me->item[1] then, and the caller frees it.
 *
 *   0
 *   -ENOENT  no item matches
 *   others as core_lock()
 */
int object_item_remove(struct view *v, struct thread_rec *me, struct object *o,
		       const struct object_item_key *key);
/* Check whether an access item allows @path.  0; -EACCES none does; or the
 * errors of core_lock(). */
int object_item_allows(struct view *v, struct thread_rec *me, struct object *o,
		       const char *path);

#endif
