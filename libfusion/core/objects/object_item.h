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
/* The item that members see at @addr, checked but for its value; NULL. */
struct object_item *object_item_at(const struct view *v, uint64_t addr);
/* Bytes of its value that can be there. */
size_t object_item_room(const struct view *v, const struct object_item *item);
/* Announce a change of the chain of @o, under its lock, and end it. */
void object_item_begin(const struct view *v, struct thread_rec *me,
		       const struct object *o);
void object_item_end(struct thread_rec *me);
/* Is the block at @addr in the chain?  Under the lock. */
bool object_item_in(const struct view *v, const struct object *o,
		    uint64_t addr);

/* --- Each of these takes the lock of @o ----------------------------------- */

/* Call @fn for the first item that matches @key, with the lock.  What @fn
 * returned; -ENOENT there is none; core_lock()'s errors. */
int object_item_read(struct view *v, struct thread_rec *me, struct object *o,
		     const struct object_item_key *key,
		     int (*fn)(const struct object_item *item, void *ctx),
		     void *ctx);
/* Put @item, the block in me->item[0], into the chain of @o, in the place of
 * the first one that matches @old.  Then that one's block is in me->item[1],
 * for the caller to free.  0; -EIDRM: @item is in its slot still; core_lock()'s
 * errors. */
int object_item_put(struct view *v, struct thread_rec *me, struct object *o,
		    struct object_item *item,
		    const struct object_item_key *old);
/* Take the first item that matches @key out of the chain; then its block is in
 * me->item[1], for the caller to free.  0; -ENOENT; core_lock()'s errors. */
int object_item_remove(struct view *v, struct thread_rec *me, struct object *o,
		       const struct object_item_key *key);
/* Does an access item allow @path?  0; -EACCES; core_lock()'s errors. */
int object_item_allows(struct view *v, struct thread_rec *me, struct object *o,
		       const char *path);

#endif
