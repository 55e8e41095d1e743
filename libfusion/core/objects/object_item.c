/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Items of an object: properties, owners, access rights, a description
 *
 * The items are a chain of blocks under object.lock.  A thread has two slots of
 * its own for blocks that come and go (thread_rec.item), which it fills and
 * empties without the lock.  The commit of a change is the one store of the
 * link that leads to the new block, or past the old one.
 *
 * Invariant: what is both in a slot and in the chain belongs to the chain, and
 * object_recover_locked() takes it out of the slot; what is in a slot only,
 * recovery frees.
 */
#include "libfusion/core/objects/object_item.h"

#include <errno.h>
#include <string.h>

#include "libfusion/core/file/lock.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/objects/object.h"

#define ITEMS_MAX 65536u /* bounds every walk */

/* Where the heap ends.  What lies behind is a hole in the file and must not be
 * touched. */
static uint64_t end_of_heap(const struct view *v)
{
	uint32_t hi = span_hi(v);

	return (uint64_t)(hi > v->geo.first_span ? hi : v->geo.first_span)
	       << SPAN_SHIFT;
}

struct object_item *object_item_at(const struct view *v, uint64_t addr)
{
	uint64_t off = addr - v->sb->base;

	if (!addr || off % 16 || off < v->geo.off_spans ||
	    off > end_of_heap(v) - sizeof(struct object_item))
		return NULL;
	return view_at(v, off);
}

size_t object_item_room(const struct view *v, const struct object_item *item)
{
	uint64_t end = view_off(v, item) + sizeof(struct object_item);
	uint64_t hi = end_of_heap(v), left = hi > end ? hi - end : 0;

	return left < ITEM_VALUE_MAX ? (size_t)left : ITEM_VALUE_MAX;
}

/* Compare the value.  Its length is not trusted: as many bytes are read as
 * @value has. */
static bool has_value(const struct object_item *item, const char *value)
{
	size_t len = strlen(value) + 1;

	return item->len == len && !memcmp(item->value, value, len);
}

static bool matches_key(const struct object_item *item,
			const struct object_item_key *key)
{
	return item->kind < 32 && key->kinds & 1u << item->kind &&
	       (!key->key ||
		!strncmp(item->key, key->key, sizeof(item->key))) &&
	       (!key->word || item->word == *key->word) &&
	       (!key->value || has_value(item, key->value));
}

struct object_item *object_item_find(const struct view *v, struct object *o,
				     const struct object_item_key *key,
				     uint64_t **ret_link)
{
	uint64_t *link = &o->items;
	struct object_item *item;

	for (uint32_t n = 0; n < ITEMS_MAX; n++) {
		item = object_item_at(v, load_relaxed(link));
		if (!item)
			break;
		if (matches_key(item, key)) {
			if (ret_link)
				*ret_link = link;
			return item;
		}
		link = &item->next;
	}
	return NULL;
}

static bool item_allows(const struct object_item *item, const char *path)
{
	uint32_t len = item->len;

	if (item->kind != ITEM_ACCESS || len < 2 || len > ITEM_VALUE_MAX)
		return false;
	if (item->value[len - 2] == '*')
		return !strncmp(item->value, path, len - 2);
	return has_value(item, path);
}

static bool has_item_that_allows(const struct view *v, const struct object *o,
				 const char *path)
{
	const struct object_item *item =
		object_item_at(v, load_relaxed(&o->items));

	for (uint32_t n = 0; item && n < ITEMS_MAX; n++) {
		if (item_allows(item, path))
			return true;
		item = object_item_at(v, load_relaxed(&item->next));
	}
	return false;
}

bool object_item_in(const struct view *v, const struct object *o, uint64_t addr)
{
	uint64_t at = load_relaxed(&o->items);
	const struct object_item *item;

	for (uint32_t n = 0; n < ITEMS_MAX && at != addr; n++) {
		item = object_item_at(v, at);
		if (!item)
			return false;
		at = load_relaxed(&item->next);
	}
	return at == addr;
}

/* --- Reading with the lock ------------------------------------------------ */

int object_item_read(struct view *v, struct thread_rec *me, struct object *o,
		     const struct object_item_key *key,
		     int (*fn)(const struct object_item *item, void *ctx),
		     void *ctx)
{
	const struct object_item *item;
	int r = core_lock(v, me, &o->lock);

	if (r < 0)
		return r;
	item = object_item_find(v, o, key, NULL);
	r = item ? fn(item, ctx) : -ENOENT;
	core_unlock(v, me, &o->lock);
	return r;
}

int object_item_allows(struct view *v, struct thread_rec *me, struct object *o,
		       const char *path)
{
	bool may;
	int r = core_lock(v, me, &o->lock);

	if (r < 0)
		return r;
	may = has_item_that_allows(v, o, path);
	core_unlock(v, me, &o->lock);
	return may ? 0 : -EACCES;
}

/* --- Changing the chain --------------------------------------------------- */

/* Announce a change of the chain of @o.  Killed from here to object_item_end():
 * object_recover_locked() compares chain and slots, whether or not the commit
 * was made. */
void object_item_begin(const struct view *v, struct thread_rec *me,
		       const struct object *o)
{
	me->object.a[0] = object_index_of(v, o);
	compiler_fence();
	store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_ITEM);
	compiler_fence();
}

void object_item_end(struct thread_rec *me)
{
	compiler_fence();
	store_relaxed(&me->object.op, (uint32_t)OBJECT_OP_NONE);
	compiler_fence();
}

/* The lock is held.  Commit: the store of the link.  Killed before it: the
 * chain has the old item, recovery strikes that out of its slot, and frees the
 * new one.  Killed after it: the chain has the new item, and recovery frees the
 * old one. */
static void link_item(const struct view *v, struct thread_rec *me,
		      struct object *o, struct object_item *item,
		      const struct object_item_key *key)
{
	uint64_t *link = &o->items;
	struct object_item *old = object_item_find(v, o, key, &link);

	object_item_begin(v, me, o);
	if (old)
		store_relaxed(&me->item[1], load_relaxed(link));
	store_relaxed(&item->next,
		      old ? load_relaxed(&old->next) : load_relaxed(link));
	compiler_fence();
	/* Commit.  Release: the daemon walks the chain without the lock
	 * (add_items()), by the address that it reads here.  It must see the
	 * item whole. */
	store_release(link, (uint64_t)(uintptr_t)item);
	compiler_fence();
	store_relaxed(&me->item[0], 0ull);
	object_item_end(me);
}

int object_item_put(struct view *v, struct thread_rec *me, struct object *o,
		    struct object_item *item, const struct object_item_key *old)
{
	int r = core_lock(v, me, &o->lock);

	if (r < 0)
		return r;
	/* Acquire: pairs with the release in object_reap().  An item that is
	 * put before that is found by reap_items(), under this lock. */
	if (load_acquire(&o->id))
		link_item(v, me, o, item, old);
	else
		r = -EIDRM;
	core_unlock(v, me, &o->lock);
	return r;
}

/* The lock is held.  Commit: the store of the link.  Killed before it: recovery
 * strikes the item out of the slot.  Killed after it: recovery frees it. */
static void unlink_item(const struct view *v, struct thread_rec *me,
			struct object *o, const struct object_item *old,
			uint64_t *link)
{
	object_item_begin(v, me, o);
	store_relaxed(&me->item[1], load_relaxed(link));
	compiler_fence();
	/* Commit.  Release: as in link_item(); nothing new is published. */
	store_release(link, load_relaxed(&old->next));
	object_item_end(me);
}

int object_item_remove(struct view *v, struct thread_rec *me, struct object *o,
		       const struct object_item_key *key)
{
	const struct object_item *old;
	uint64_t *link;
	int r = core_lock(v, me, &o->lock);

	if (r < 0)
		return r;
	old = object_item_find(v, o, key, &link);
	if (old)
		unlink_item(v, me, o, old, link);
	core_unlock(v, me, &o->lock);
	return old ? 0 : -ENOENT;
}
