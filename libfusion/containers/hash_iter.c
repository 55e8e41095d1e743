/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/refuse.h"
#include "libfusion/containers/hash.h"
#include "libfusion/containers/hash_transfer.h"

static int iter_enter(struct hash_iter *it, struct fusion_arena **ret)
{
	return it ? hash_enter(it->hash, ret)
		  : refuse_null("iteration over a hash", "it");
}

FUSION_API int fusion_hash_iter_begin(struct fusion_hash_iter *it,
				      struct fusion_hash *hash)
{
	struct fusion_arena *a;
	int r = it ? hash_enter(hash, &a)
		   : refuse_null("iteration over a hash", "it");

	if (r < 0)
		return told(r);
	*it = (struct fusion_hash_iter){0};
	hash_iter_of(it)->hash = hash;
	return told(container_leave(&hash->c, 0));
}

/* Find the table of an iteration.  0 (NULL: the hash is empty), -ESTALE, -EIO.
 */
static int table_of_iter(struct hash_iter *it, const struct fusion_arena *a,
			 struct hash_table **ret)
{
	struct fusion_hash *h = it->hash;

	if (!it->at)
		it->turns = h->table.turns;
	else if (it->turns != h->table.turns)
		return -ESTALE;
	return table_of(h, a, ret);
}

/* Get the key of @e, word by word.  A load of 16 bytes that were just stored as
 * 8, 4 and 4 bytes would wait for these stores to reach the cache. */
static inline int entry_key(const struct fusion_hash *h,
			    const struct fusion_arena *a,
			    const struct hash_entry *e, struct fusion_key *ret)
{
	uint64_t word = e->key.word;
	uint32_t size = 0;
	int r;

	if (is_copied(h)) {
		r = entry_copy(h, a, e, &word, &size);
		if (r < 0)
			return r;
	}
	if (!ret)
		return 0;
	ret->at = word;
	ret->type = h->key_type;
	ret->size = size;
	return 0;
}

static int iter_next(struct hash_iter *it, const struct fusion_arena *a,
		     struct fusion_key *ret_key, struct fusion_value *ret_value)
{
	const struct hash_entry *e;
	struct hash_table *t;
	bool moving = it->hash->c.state == CONTAINER_MOVING;
	uint64_t i = it->at;
	int r = table_of_iter(it, a, &t);

	if (r < 0 || !t)
		return r;
	if (UNLIKELY(moving))
		i = hash_next_moving(it->hash, a, t, i);
	else
		while (i < table_size(t) && !is_key(t->tags[i]))
			i++;
	if (i >= table_size(t)) {
		it->at = i;
		it->tag = TAG_IS_FREE;
		return 0;
	}
	e = &table_entries(t)[i];
	r = entry_key(it->hash, a, e, ret_key);
	if (r < 0)
		return r;
	if (ret_value)
		*ret_value = e->value;
	it->at = i + 1;
	it->tag = t->tags[i];
	if (UNLIKELY(moving) && !is_key(it->tag))
		it->tag = it->hash->then_tag;
	it->key = e->key.word;
	return 1;
}

FUSION_API int fusion_hash_next(struct fusion_hash_iter *it,
				struct fusion_key *ret_key,
				struct fusion_value *ret_value)
{
	struct hash_iter *iter = hash_iter_of(it);
	struct fusion_arena *a;
	int r = iter_enter(iter, &a);

	if (r < 0)
		return told(r);
	r = iter_next(iter, a, ret_key, ret_value);
	return told(container_leave(&iter->hash->c, r));
}

/* Does the entry that was given last still exist?  Another key's copy may have
 * got its address in the heap, but hardly with an equal tag too. */
static bool has_last(const struct hash_iter *it, const struct hash_table *t)
{
	uint64_t i = it->at - 1;

	return t && it->at && i < table_size(t) && is_key(it->tag) &&
	       t->tags[i] == it->tag && table_entries(t)[i].key.word == it->key;
}

static int remove_last(struct hash_iter *it, struct fusion_arena *a,
		       struct fusion_value *ret_old)
{
	struct hash_table *t;
	int r = hash_settle(it->hash, a);

	if (r == 0)
		r = table_of_iter(it, a, &t);
	if (r < 0)
		return r;
	if (!has_last(it, t))
		return -ENOENT;
	return hash_remove_at(it->hash, a, t, it->at - 1, ret_old);
}

FUSION_API int fusion_hash_iter_remove(struct fusion_hash_iter *it,
				       struct fusion_value *ret_old)
{
	struct hash_iter *iter = hash_iter_of(it);
	struct fusion_arena *a;
	int r = iter_enter(iter, &a);

	if (r < 0)
		return told(r);
	r = remove_last(iter, a, ret_old);
	return told(container_leave(&iter->hash->c, r));
}
