/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys: their hash, and whether two are equal. */
#ifndef FUSION_HASH_KEY_H
#define FUSION_HASH_KEY_H

#include "libfusion/containers/hash_private.h"

/* A key to search for: its bytes or word, and its tag. */
struct needle {
	uint64_t word;
	const void *bytes; /* of a string or bytes, else NULL */
	uint32_t size;
	uint32_t tag;
};

#define HASH_PRIME 0x9e3779b97f4a7c15ull

/* Prepare a string or bytes.  0; -EINVAL: not a key of this hash. */
int needle_init_bytes(struct needle *k, const struct fusion_hash *h,
		      const struct fusion_key *key);
/* Is @k the key of @e, whose tag is equal?  -EIO. */
int needle_has_bytes(const struct needle *k, const struct fusion_arena *a,
		     const struct hash_entry *e);
static inline int needle_is_at(const struct needle *k,
			       const struct fusion_arena *a,
			       const struct hash_entry *e)
{
	return LIKELY(!k->bytes) ? e->key.word == k->word
				 : needle_has_bytes(k, a, e);
}

/* Mix both halves of the product, so that each bit of @a changes all bits. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t p = (__uint128_t)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* The tag of a hash value: its upper half, which is mixed best; never FREE or
 * REMOVED. */
static inline uint32_t tag_of(uint64_t hash)
{
	uint32_t h = (uint32_t)(hash >> 32);

	return h > TAG_IS_REMOVED ? h : h + 2;
}

static inline uint32_t tag_of_word(const struct fusion_hash *h, uint64_t word)
{
	return tag_of(hash_mix(word ^ h->seed, HASH_PRIME));
}

/* Prepare a key.  0; -EINVAL: not a key of this hash. */
static inline int needle_init(struct needle *k, const struct fusion_hash *h,
			      const struct fusion_arena *a,
			      const struct fusion_key *key)
{
	if (UNLIKELY(key->type != h->key_type))
		return -EINVAL;
	if (is_copied(h))
		return needle_init_bytes(k, h, key);
	if (key->type == FUSION_KEY_POINTER &&
	    !is_inside(a, fusion_key_get_pointer(*key), 1))
		return -EINVAL;
	k->word = key->at;
	k->bytes = NULL;
	k->size = 0;
	k->tag = tag_of_word(h, k->word);
	return 0;
}

/* Get the address and size of the copied key of @e, for a caller.  0, -EIO. */
int entry_copy(const struct fusion_hash *h, const struct fusion_arena *a,
	       const struct hash_entry *e, uint64_t *ret, uint32_t *ret_size);

#endif
