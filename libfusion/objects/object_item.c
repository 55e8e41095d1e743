/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties, owners, access and description of an object. */
#include <errno.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/objects/object_item.h"
#include "libfusion/objects/object_private.h"

static_assert(FUSION_OBJECT_STRING_MAX == ITEM_VALUE_MAX - 1 &&
		      FUSION_OBJECT_KEY_MAX ==
			      sizeof(((struct object_item *)0)->key) - 1,
	      "as documented");

#define PROPERTIES (1u << ITEM_STRING | 1u << ITEM_INTEGER | 1u << ITEM_POINTER)

/* What is looked for or set: of @kinds those with this key, word, value. */
struct item {
	uint32_t kind;
	uint32_t kinds; /* that it takes the place of */
	const char *key;
	uint64_t word;
	const char *value;
	bool by_word, by_value; /* part of what it is found by */
};

static bool good_key(const char *key)
{
	size_t n = key ? strnlen(key, FUSION_OBJECT_KEY_MAX + 1) : 0;

	return n && n <= FUSION_OBJECT_KEY_MAX;
}

static struct object_item *find(const struct view *v, struct object *o,
				const struct item *like, uint64_t **ret_link)
{
	struct object_item_key key = {
		.kinds = like->kinds,
		.key = like->key,
		.word = like->by_word ? &like->word : NULL,
		.value = like->by_value ? like->value : NULL,
	};

	return object_item_find(v, o, &key, ret_link);
}

/* --- Setting ---------------------------------------------------------------
 */

/* The new one, in a slot of the thread's; recovery frees it there. */
static int make(struct tcache *c, const struct item *like,
		struct object_item **ret)
{
	size_t len = like->value ? strlen(like->value) + 1 : 0;
	struct object_item *item;
	int r = fusion_malloc_to(c->arena, sizeof(*item) + len,
				 (void **)&c->rec->item[0]);

	if (r < 0)
		return r;
	item = (struct object_item *)(uintptr_t)c->rec->item[0];
	memset(item, 0, sizeof(*item));
	item->kind = like->kind;
	item->len = (uint32_t)len;
	item->word = like->word;
	if (like->key)
		strncpy(item->key, like->key, FUSION_OBJECT_KEY_MAX);
	if (like->value)
		memcpy(item->value, like->value, len);
	*ret = item;
	return 0;
}

/* Under the lock.  Commit: the store of the link. */
static void put(struct tcache *c, struct object *o, struct object_item *item,
		const struct item *like)
{
	const struct view *v = &c->arena->view;
	uint64_t *link = &o->items;
	struct object_item *old = find(v, o, like, &link);

	object_item_begin(v, c->rec, o);
	if (old)
		store_relaxed(&c->rec->item[1], load_relaxed(link));
	store_relaxed(&item->next,
		      old ? load_relaxed(&old->next) : load_relaxed(link));
	compiler_fence();
	/* Release: who walks without the lock (the daemon) finds it whole. */
	store_release(link, (uint64_t)(uintptr_t)item);
	compiler_fence();
	store_relaxed(&c->rec->item[0], 0ull);
	object_item_end(c->rec);
}

static int drop_slots(struct tcache *c)
{
	for (int i = 0; i < 2; i++)
		fusion_free_from(c->arena, (void **)&c->rec->item[i]);
	return 0;
}

static int set(struct fusion_object *object, const struct item *like)
{
	struct object_item *item;
	struct object *o;
	struct tcache *c;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return r;
	r = make(c, like, &item);
	if (r < 0)
		return r;
	r = core_lock(&c->arena->view, c->rec, &o->lock);
	if (r == 0) {
		if (load_acquire(&o->id))
			put(c, o, item, like);
		else
			r = -EIDRM;
		core_unlock(&c->arena->view, c->rec, &o->lock);
	}
	drop_slots(c);
	return r;
}

static int take_out(struct fusion_object *object, const struct item *like)
{
	struct object_item *old;
	struct object *o;
	struct tcache *c;
	uint64_t *link;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return r;
	r = core_lock(&c->arena->view, c->rec, &o->lock);
	if (r < 0)
		return r;
	old = find(&c->arena->view, o, like, &link);
	if (old) {
		object_item_begin(&c->arena->view, c->rec, o);
		store_relaxed(&c->rec->item[1], load_relaxed(link));
		compiler_fence();
		/* Commit. */
		store_release(link, load_relaxed(&old->next));
		object_item_end(c->rec);
	}
	core_unlock(&c->arena->view, c->rec, &o->lock);
	drop_slots(c);
	return old ? 0 : -ENOENT;
}

/* --- Getting ---------------------------------------------------------------
 */

/* What to do with the item; under the lock. */
typedef int (*item_fn)(const struct object_item *item, void *ctx);

static int get(struct fusion_object *object, const struct item *like,
	       item_fn fn, void *ctx)
{
	const struct object_item *item;
	struct object *o;
	struct tcache *c;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return r;
	r = core_lock(&c->arena->view, c->rec, &o->lock);
	if (r < 0)
		return r;
	item = find(&c->arena->view, o, like, NULL);
	r = item ? fn(item, ctx) : -ENOENT;
	core_unlock(&c->arena->view, c->rec, &o->lock);
	return r;
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

static int found(const struct object_item *item, void *ctx)
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
	struct item like = {
		.kind = ITEM_STRING,
		.kinds = PROPERTIES,
		.key = key,
		.value = value,
	};

	if (!good_key(key) || !value)
		return told(-EINVAL);
	if (strlen(value) > FUSION_OBJECT_STRING_MAX)
		return told(-EMSGSIZE);
	return told(set(object, &like));
}

FUSION_API int fusion_object_set_integer(struct fusion_object *object,
					 const char *key, int64_t value)
{
	struct item like = {
		.kind = ITEM_INTEGER,
		.kinds = PROPERTIES,
		.key = key,
		.word = (uint64_t)value,
	};

	return told(good_key(key) ? set(object, &like) : -EINVAL);
}

FUSION_API int fusion_object_set_pointer(struct fusion_object *object,
					 const char *key, void *value)
{
	struct item like = {
		.kind = ITEM_POINTER,
		.kinds = PROPERTIES,
		.key = key,
		.word = (uintptr_t)value,
	};

	if (!good_key(key) || (value && arena_of(value) != arena_of(object)))
		return told(-EINVAL);
	return told(set(object, &like));
}

FUSION_API int fusion_object_get_string(struct fusion_object *object,
					const char *key, char *value,
					size_t size, size_t *ret_needed)
{
	struct item like = {.kinds = PROPERTIES, .key = key};
	struct string_out out = {value, size, ret_needed};

	if (!good_key(key) || (!value && size))
		return told(-EINVAL);
	return told(get(object, &like, copy_string, &out));
}

FUSION_API int fusion_object_get_integer(struct fusion_object *object,
					 const char *key, int64_t *ret)
{
	struct item like = {.kinds = PROPERTIES, .key = key};

	if (!good_key(key) || !ret)
		return told(-EINVAL);
	return told(get(object, &like, copy_integer, ret));
}

FUSION_API int fusion_object_get_pointer(struct fusion_object *object,
					 const char *key, void **ret)
{
	struct item like = {.kinds = PROPERTIES, .key = key};

	if (!good_key(key) || !ret)
		return told(-EINVAL);
	return told(get(object, &like, copy_pointer, ret));
}

FUSION_API int fusion_object_remove_property(struct fusion_object *object,
					     const char *key)
{
	struct item like = {.kinds = PROPERTIES, .key = key};

	return told(good_key(key) ? take_out(object, &like) : -EINVAL);
}

/* --- Owners, access --------------------------------------------------------
 */

FUSION_API int fusion_object_add_owner(struct fusion_object *object,
				       fusion_id_t member)
{
	struct item like = {
		.kind = ITEM_OWNER,
		.kinds = 1u << ITEM_OWNER,
		.word = member,
		.by_word = true,
	};

	return told(member ? set(object, &like) : -EINVAL);
}

FUSION_API int fusion_object_check_owner(struct fusion_object *object,
					 fusion_id_t member, bool if_unowned)
{
	struct item like = {
		.kinds = 1u << ITEM_OWNER,
		.word = member,
		.by_word = true,
	};
	int r = get(object, &like, found, NULL);

	like.by_word = false;
	if (r == -ENOENT && if_unowned)
		return told(get(object, &like, found, NULL) == -ENOENT
				    ? 0
				    : -ENOENT);
	return told(r);
}

FUSION_API int fusion_object_add_access(struct fusion_object *object,
					const char *path)
{
	struct item like = {
		.kind = ITEM_ACCESS,
		.kinds = 1u << ITEM_ACCESS,
		.value = path,
		.by_value = true,
	};

	if (!path || !*path)
		return told(-EINVAL);
	if (strlen(path) > FUSION_OBJECT_STRING_MAX)
		return told(-EMSGSIZE);
	return told(set(object, &like));
}

FUSION_API int fusion_object_has_access(struct fusion_object *object,
					const char *path)
{
	struct object *o;
	struct tcache *c;
	bool may;
	int r;

	if (!path)
		return told(-EINVAL);
	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	r = core_lock(&c->arena->view, c->rec, &o->lock);
	if (r < 0)
		return told(r);
	may = object_item_allows(&c->arena->view, o, path);
	core_unlock(&c->arena->view, c->rec, &o->lock);
	return told(may ? 0 : -EACCES);
}

/* --- Description -----------------------------------------------------------
 */

FUSION_API int fusion_object_set_description(struct fusion_object *object,
					     const char *text)
{
	struct item like = {
		.kind = ITEM_DESCRIPTION,
		.kinds = 1u << ITEM_DESCRIPTION,
		.value = text,
	};

	if (!text)
		return told(-EINVAL);
	if (strlen(text) > FUSION_OBJECT_STRING_MAX)
		return told(-EMSGSIZE);
	return told(set(object, &like));
}

FUSION_API int fusion_object_describe(struct fusion_object *object)
{
	char text[FUSION_OBJECT_STRING_MAX + 1] = "";
	fusion_object_describe_fn fn = NULL;
	struct object *o;
	struct tcache *c;
	void *ctx = NULL;
	int r;

	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	if (duty_describe_of(c->arena, object_pool_at(&c->arena->view, o->pool),
			     &fn, &ctx) < 0)
		return told(-ENOENT);
	fn(object, text, sizeof(text), ctx);
	text[sizeof(text) - 1] = '\0';
	return told(fusion_object_set_description(object, text));
}
