/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys: their hash, and whether two are equal. */
#ifndef FUSION_HASH_KEY_H
#define FUSION_HASH_KEY_H

#include "libfusion/containers/hash_private.h"

/* What is looked for: the key's bytes or word, and the tag that it has. */
struct needle {
	uint64_t word;
	const void *bytes; /* of what is copied, else NULL */
	uint32_t size;
	uint32_t tag;
};

#define HASH_PRIME 0x9e3779b97f4a7c15ull

/* 0; -EINVAL they are no key of the hash. */
int needle_init_bytes(struct needle *k, const struct fusion_hash *h,
		      const struct fusion_key *key);
/* Are they the key of @e, which has the same tag?  -EIO. */
int needle_has_bytes(const struct needle *k, const struct fusion_arena *a,
		     const struct hash_entry *e);
static inline int needle_is_at(const struct needle *k,
			       const struct fusion_arena *a,
			       const struct hash_entry *e)
{
	return LIKELY(!k->bytes) ? e->key.word == k->word
				 : needle_has_bytes(k, a, e);
}

/* Both halves of the product: every bit of @a moves every bit. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t p = (__uint128_t)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* The upper half, as the best; not FREE, not REMOVED. */
static inline uint32_t tag_of(uint64_t hash)
{
	uint32_t h = (uint32_t)(hash >> 32);

	return h > TAG_IS_REMOVED ? h : h + 2;
}

static inline uint32_t tag_of_word(const struct fusion_hash *h, uint64_t word)
{
	return tag_of(hash_mix(word ^ h->seed, HASH_PRIME));
}

/* 0; -EINVAL this is no key of the hash. */
static inline int needle_init(struct needle *k, const struct fusion_hash *h,
			      const struct fusion_arena *a,
			      const struct fusion_key *key)
{
	if (UNLIKELY(key->type != h->key_type))
		return -EINVAL;
	if (is_copied(h))
		return needle_init_bytes(k, h, key);
	if (key->type == FUSION_KEY_POINTER && !is_inside(a, key->at.bytes, 1))
		return -EINVAL;
	k->word = key->at.word;
	k->bytes = NULL;
	k->size = 0;
	k->tag = tag_of_word(h, k->word);
	return 0;
}

/* The key of @e, a copy, as a caller gets it: address and size.  0, -EIO. */
int entry_copy(const struct fusion_hash *h, const struct fusion_arena *a,
	       const struct hash_entry *e, uint64_t *ret, uint32_t *ret_size);

#endif
