/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash from its creation to its end, and its size. */
#include <fusion/hash.h>

#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/containers/hash.h"
#include "libfusion/containers/hash_table.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/heap/free.h"

#define FLAGS                                             \
	(FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS | \
	 FUSION_CONTAINER_AUTOFREE | FUSION_CONTAINER_BYTES)

static void init_hash(struct container *c, const struct container_make *make)
{
	struct fusion_hash *h = (struct fusion_hash *)c;

	h->key_type = make->keys;
	/* A seed for each hash: keys that collide in one do not in the next. */
	h->seed = (uint64_t)clock_monotonic_ns() ^ (uintptr_t)h << 20;
}

/* Read the options of a program. */
static int read_options(const struct fusion_hash_options *options,
			struct container_make *ret)
{
	struct fusion_hash_options o;
	int r = options_copy(&o, sizeof(o),
			     OPTIONS_FIRST(struct fusion_hash_options, flags),
			     options, "fusion_hash_options");

	if (r < 0)
		return r;
	if (o.keys > FUSION_KEY_BYTES)
		return refuse(-EINVAL,
			      "hash: %u is not a type of keys: see enum "
			      "fusion_key_type",
			      o.keys);
	if (o.flags & ~FLAGS)
		return refuse_flags("hash", o.flags, FLAGS);
	if (o.flags & FUSION_CONTAINER_WORDS &&
	    o.flags & FUSION_CONTAINER_AUTOFREE)
		return refuse(-EINVAL,
			      "hash: FUSION_CONTAINER_AUTOFREE is for values "
			      "that are pointers, not with "
			      "FUSION_CONTAINER_WORDS");
	if (o.flags & FUSION_CONTAINER_BYTES &&
	    o.flags & (FUSION_CONTAINER_WORDS | FUSION_CONTAINER_AUTOFREE))
		return refuse(
			-EINVAL,
			"hash: FUSION_CONTAINER_BYTES is for values that "
			"the hash copies, not with FUSION_CONTAINER_WORDS "
			"or FUSION_CONTAINER_AUTOFREE");
	*ret = (struct container_make){
		.kind = CONTAINER_HASH,
		.flags = o.flags,
		.keys = o.keys ? o.keys : FUSION_KEY_STRING,
		.size = sizeof(struct fusion_hash),
		.init = init_hash,
	};
	return 0;
}

FUSION_API int fusion_hash_create(struct fusion_arena *arena, const char *name,
				  const struct fusion_hash_options *options,
				  struct fusion_hash **ret)
{
	struct container_make make;
	int r = ret ? read_options(options, &make) : refuse_null("hash", "ret");

	return told(r < 0 ? r : container_create(arena, name, &make, ret));
}

FUSION_API int fusion_hash_open(struct fusion_arena *arena, const char *name,
				const struct fusion_hash_options *options,
				struct fusion_hash **ret)
{
	struct container_make make;
	int r = ret ? read_options(options, &make) : refuse_null("hash", "ret");

	return told(r < 0 ? r : container_open(arena, name, &make, ret));
}

FUSION_API int fusion_hash_lookup(struct fusion_arena *arena, const char *name,
				  struct fusion_hash **ret)
{
	return told(container_lookup(arena, name, CONTAINER_HASH, ret));
}

FUSION_API int fusion_hash_get(struct fusion_arena *arena, fusion_id_t id,
			       struct fusion_hash **ret)
{
	return told(container_get(arena, id, CONTAINER_HASH, ret));
}

FUSION_API fusion_id_t fusion_hash_id(const struct fusion_hash *hash)
{
	return container_id((const struct container *)hash, CONTAINER_HASH);
}

/* Free the keys and values of a table that no thread uses any more. */
static void free_entries(struct fusion_hash *h, struct fusion_arena *a,
			 struct hash_table *t)
{
	for (uint64_t i = 0; i < table_size(t); i++) {
		struct hash_entry *e = &table_entries(t)[i];

		if (!is_key(t->tags[i]))
			continue;
		if (is_copied(h))
			slot_drop(a, &e->key.block);
		if (owns_values(h))
			slot_drop(a, &e->own);
	}
}

FUSION_API int fusion_hash_destroy(struct fusion_hash *hash)
{
	struct fusion_arena *a;
	struct hash_table *t;
	int r;

	if (!hash)
		return 0;
	r = container_doom((struct container *)hash, CONTAINER_HASH, &a);
	if (r < 0)
		return told(r);
	/* Keys and values of a corrupt hash leak. */
	if (hash_settle(hash, a) == 0 && table_of(hash, a, &t) == 0 && t)
		free_entries(hash, a, t);
	slot_drop(a, &hash->table.block[0]);
	slot_drop(a, &hash->table.block[1]);
	return told(container_free(&hash->c, a));
}

/* How many keys the table can have before the entries move. */
static uint64_t room_of(const struct hash_table *t)
{
	int64_t free = t ? (int64_t)(table_room(t->bits) - t->filled) : 0;

	return t ? t->n + (uint64_t)(free > 0 ? free : 0) : 0;
}

FUSION_API int fusion_hash_count(struct fusion_hash *hash, uint64_t *ret)
{
	struct fusion_arena *a;
	struct hash_table *t;
	int r = ret ? hash_enter(hash, &a) : refuse_null("hash", "ret");

	if (r < 0)
		return told(r);
	r = table_of(hash, a, &t);
	if (r == 0)
		*ret = t ? hash_count(hash, a, t) : 0;
	return told(container_leave(&hash->c, r));
}

FUSION_API int fusion_hash_stat(struct fusion_hash *hash,
				struct fusion_hash_stat *ret, size_t size)
{
	struct fusion_hash_stat stat = {0};
	struct hash_table *t = NULL;
	struct fusion_arena *a;
	int r = hash_enter(hash, &a);

	if (r < 0)
		return told(r);
	r = table_of(hash, a, &t);
	if (r < 0)
		return told(container_leave(&hash->c, r));
	stat.id = hash->c.link.id;
	stat.flags = hash->c.flags;
	stat.keys = hash->key_type;
	stat.bytes = heap_usable_size(a, hash);
	if (t) {
		stat.count = hash_count(hash, a, t);
		stat.capacity = room_of(t);
		stat.buckets = table_size(t);
		stat.bytes += heap_usable_size(a, t);
	}
	r = result_give(ret, size, &stat, sizeof(stat), "fusion_hash_stat");
	return told(container_leave(&hash->c, r));
}

FUSION_API int fusion_hash_reserve(struct fusion_hash *hash, uint64_t n)
{
	struct fusion_arena *a;
	struct hash_table *t;
	int r = hash_enter(hash, &a);

	if (r < 0)
		return told(r);
	r = n > 1ull << 30 ? -EINVAL : hash_settle(hash, a);
	if (r == 0)
		r = table_of(hash, a, &t);
	if (r == 0 && n > room_of(t))
		r = table_rebuild(hash, a, table_bits_at_least(n));
	return told(container_leave(&hash->c, r));
}

static int hash_shrink(struct fusion_hash *h, struct fusion_arena *a)
{
	struct hash_table *t = NULL;
	uint32_t bits;
	int r = hash_settle(h, a);

	if (r == 0)
		r = table_of(h, a, &t);
	if (r < 0 || !t)
		return r;
	bits = table_bits_at_least(t->n);
	return bits < t->bits ? table_rebuild(h, a, bits) : 0;
}

FUSION_API int fusion_hash_shrink(struct fusion_hash *hash)
{
	struct fusion_arena *a;
	int r = hash_enter(hash, &a);

	if (r < 0)
		return told(r);
	return told(container_leave(&hash->c, hash_shrink(hash, a)));
}

FUSION_API int fusion_hash_lock(struct fusion_hash *hash)
{
	return told(container_lock((struct container *)hash, CONTAINER_HASH));
}

FUSION_API int fusion_hash_unlock(struct fusion_hash *hash)
{
	return told(container_unlock((struct container *)hash, CONTAINER_HASH));
}
