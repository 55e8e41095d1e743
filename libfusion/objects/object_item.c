/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Items of an object as programs set and read them: properties, owners, access,
 * description
 *
 * A new item is made in a slot of the thread's record, so that recovery can
 * free it.  Core puts it into the object's chain, and leaves the block that it
 * replaces in the other slot (core/objects/object_item.c).
 */
#include <errno.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/arena/address.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/objects/object_item.h"
#include "libfusion/heap/slot.h"
#include "libfusion/objects/object.h"

static_assert(FUSION_OBJECT_STRING_MAX == ITEM_VALUE_MAX - 1 &&
		      FUSION_OBJECT_KEY_MAX ==
			      sizeof(((struct object_item *)0)->key) - 1,
	      "as documented");

#define PROPERTIES (1u << ITEM_STRING | 1u << ITEM_INTEGER | 1u << ITEM_POINTER)

/* An item that is to be set: what it is and has, and what it replaces. */
struct new_item {
	uint32_t kind;
	uint64_t word;
	const char *value;
	struct object_item_key old;
};

static bool good_key(const char *key)
{
	size_t n = key ? strnlen(key, FUSION_OBJECT_KEY_MAX + 1) : 0;

	return n && n <= FUSION_OBJECT_KEY_MAX;
}

static struct object_item_key property_key(const char *key)
{
	return (struct object_item_key){.kinds = PROPERTIES, .key = key};
}

/* --- Setting ---------------------------------------------------------------
 */

/* Make the block of @new in the thread's slot 0.  0, -ENOMEM. */
static int make_item(struct tcache *c, const struct new_item *new,
		     struct object_item **ret)
{
	size_t len = new->value ? strlen(new->value) + 1 : 0;
	struct object_item *item;
	int r = fusion_malloc_to(c->arena, sizeof(*item) + len,
				 (void **)&c->rec->item[0]);

	if (r < 0)
		return r;
	item = (struct object_item *)(uintptr_t)c->rec->item[0];
	memset(item, 0, sizeof(*item));
	item->kind = new->kind;
	item->len = (uint32_t)len;
	item->word = new->word;
	if (new->old.key)
		strncpy(item->key, new->old.key, FUSION_OBJECT_KEY_MAX);
	if (new->value)
		memcpy(item->value, new->value, len);
	*ret = item;
	return 0;
}

/* Free what a change of the chain has left in the thread's slots. */
static void free_slots(struct tcache *c)
{
	for (int i = 0; i < 2; i++)
		heap_free_from(c->arena, (void **)&c->rec->item[i]);
}

static int set_item(struct fusion_object *object, const struct new_item *new)
{
	struct object_item *item;
	struct object *o;
	struct tcache *c;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return r;
	r = make_item(c, new, &item);
	if (r < 0)
		return r;
	r = object_item_put(&c->arena->view, c->rec, o, item, &new->old);
	free_slots(c);
	return r;
}

static int set_property(struct fusion_object *object, const char *key,
			uint32_t kind, uint64_t word, const char *value)
{
	const struct new_item new = {
		.kind = kind,
		.word = word,
		.value = value,
		.old = property_key(key),
	};

	return set_item(object, &new);
}

static int remove_item(struct fusion_object *object,
		       const struct object_item_key *key)
{
	struct object *o;
	struct tcache *c;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return r;
	r = object_item_remove(&c->arena->view, c->rec, o, key);
	if (r == 0 || r == -ENOENT)
		free_slots(c);
	return r;
}

/* --- Getting ---------------------------------------------------------------
 */

static int read_item(struct fusion_object *object,
		     const struct object_item_key *key,
		     int (*fn)(const struct object_item *item, void *ctx),
		     void *ctx)
{
	struct object *o;
	struct tcache *c;
	int r;

	o = object_of(object, &c, &r);
	return o ? object_item_read(&c->arena->view, c->rec, o, key, fn, ctx)
		 : r;
}

static int read_property(struct fusion_object *object, const char *key,
			 int (*fn)(const struct object_item *item, void *ctx),
			 void *ctx)
{
	const struct object_item_key like = property_key(key);

	return read_item(object, &like, fn, ctx);
}

struct string_out {
	char *value;
	size_t size, *ret_needed;
};

static int copy_string(const struct object_item *item, void *ctx)
{
	const struct string_out *out = ctx;
	uint32_t len = item->len;

	if (item->kind != ITEM_STRING)
		return -EPROTOTYPE;
	if (!len || len > ITEM_VALUE_MAX)
		return -EIO;
	if (out->ret_needed)
		*out->ret_needed = len;
	if (len > out->size)
		return -EMSGSIZE;
	memcpy(out->value, item->value, len - 1);
	out->value[len - 1] = '\0';
	return 0;
}

static int copy_integer(const struct object_item *item, void *ctx)
{
	if (item->kind != ITEM_INTEGER)
		return -EPROTOTYPE;
	*(uint64_t *)ctx = item->word;
	return 0;
}

static int copy_pointer(const struct object_item *item, void *ctx)
{
	if (item->kind != ITEM_POINTER)
		return -EPROTOTYPE;
	*(void **)ctx = (void *)(uintptr_t)item->word;
	return 0;
}

static int item_is_there(const struct object_item *item, void *ctx)
{
	(void)item;
	(void)ctx;
	return 0;
}

/* --- Properties ------------------------------------------------------------
 */

FUSION_API int fusion_object_set_string(struct fusion_object *object,
					const char *key, const char *value)
{
	if (!good_key(key) || !value)
		return told(-EINVAL);
	if (strlen(value) > FUSION_OBJECT_STRING_MAX)
		return told(-EMSGSIZE);
	return told(set_property(object, key, ITEM_STRING, 0, value));
}

FUSION_API int fusion_object_set_integer(struct fusion_object *object,
					 const char *key, int64_t value)
{
	if (!good_key(key))
		return told(-EINVAL);
	return told(
		set_property(object, key, ITEM_INTEGER, (uint64_t)value, NULL));
}

FUSION_API int fusion_object_set_pointer(struct fusion_object *object,
					 const char *key, void *value)
{
	if (!good_key(key) || (value && arena_of(value) != arena_of(object)))
		return told(-EINVAL);
	return told(set_property(object, key, ITEM_POINTER, (uintptr_t)value,
				 NULL));
}

FUSION_API int fusion_object_get_string(struct fusion_object *object,
					const char *key, char *value,
					size_t size, size_t *ret_needed)
{
	struct string_out out = {value, size, ret_needed};

	if (!good_key(key) || (!value && size))
		return told(-EINVAL);
	return told(read_property(object, key, copy_string, &out));
}

FUSION_API int fusion_object_get_integer(struct fusion_object *object,
					 const char *key, int64_t *ret)
{
	if (!good_key(key) || !ret)
		return told(-EINVAL);
	return told(read_property(object, key, copy_integer, ret));
}

FUSION_API int fusion_object_get_pointer(struct fusion_object *object,
					 const char *key, void **ret)
{
	if (!good_key(key) || !ret)
		return told(-EINVAL);
	return told(read_property(object, key, copy_pointer, ret));
}

FUSION_API int fusion_object_remove_property(struct fusion_object *object,
					     const char *key)
{
	const struct object_item_key like = property_key(key);

	return told(good_key(key) ? remove_item(object, &like) : -EINVAL);
}

/* --- Owners, access --------------------------------------------------------
 */

FUSION_API int fusion_object_add_owner(struct fusion_object *object,
				       fusion_id_t member)
{
	const uint64_t word = member;
	const struct new_item new = {
		.kind = ITEM_OWNER,
		.word = word,
		.old = {.kinds = 1u << ITEM_OWNER, .word = &word},
	};

	if (member == FUSION_NONE)
		return told(refuse(-ESRCH,
				   "object: FUSION_NONE (0) is the id of no "
				   "member: give a member's id"));
	return told(set_item(object, &new));
}

FUSION_API int fusion_object_check_owner(struct fusion_object *object,
					 fusion_id_t member, bool if_unowned)
{
	const uint64_t word = member;
	struct object_item_key key = {
		.kinds = 1u << ITEM_OWNER,
		.word = &word,
	};
	int r = read_item(object, &key, item_is_there, NULL);

	if (r != -ENOENT || !if_unowned)
		return told(r);
	key.word = NULL;
	r = read_item(object, &key, item_is_there, NULL);
	return told(r == -ENOENT ? 0 : -ENOENT);
}

FUSION_API int fusion_object_add_access(struct fusion_object *object,
					const char *path)
{
	const struct new_item new = {
		.kind = ITEM_ACCESS,
		.value = path,
		.old = {.kinds = 1u << ITEM_ACCESS, .value = path},
	};

	if (!path || !*path)
		return told(-EINVAL);
	if (strlen(path) > FUSION_OBJECT_STRING_MAX)
		return told(-EMSGSIZE);
	return told(set_item(object, &new));
}

FUSION_API int fusion_object_has_access(struct fusion_object *object,
					const char *path)
{
	struct object *o;
	struct tcache *c;
	int r;

	if (!path)
		return told(-EINVAL);
	o = object_of(object, &c, &r);
	return told(o ? object_item_allows(&c->arena->view, c->rec, o, path)
		      : r);
}

/* --- Description -----------------------------------------------------------
 */

FUSION_API int fusion_object_set_description(struct fusion_object *object,
					     const char *text)
{
	const struct new_item new = {
		.kind = ITEM_DESCRIPTION,
		.value = text,
		.old = {.kinds = 1u << ITEM_DESCRIPTION},
	};

	if (!text)
		return told(-EINVAL);
	if (strlen(text) > FUSION_OBJECT_STRING_MAX)
		return told(-EMSGSIZE);
	return told(set_item(object, &new));
}
