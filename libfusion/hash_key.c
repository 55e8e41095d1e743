/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys: their hash, and whether two are the same. */
#include <string.h>

#include "libfusion/hash.h"

#define PRIME_A 0x9e3779b97f4a7c15ull
#define PRIME_B 0xd6e8feb86659fd93ull

/* Both halves of the product: every bit of @a moves every bit. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t p = (__uint128_t)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t hash_word(uint64_t seed, uint64_t word)
{
	return mix(word ^ seed, PRIME_A);
}

static uint64_t hash_bytes(uint64_t seed, const char *p, size_t size)
{
	uint64_t h = seed ^ size * PRIME_B, w;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = mix(h ^ w, PRIME_A);
	}
	w = 0;
	memcpy(&w, p, size);
	return mix(mix(h ^ w, PRIME_B), PRIME_A);
}

/* The upper half, as the best; not FREE, not REMOVED. */
static uint64_t tag_of(uint64_t hash, uint32_t size)
{
	uint32_t h = (uint32_t)(hash >> 32);

	return (uint64_t)size << 32 | (h > TAG_IS_REMOVED ? h : h + 2);
}

static int bytes_init(struct needle *k, const struct fusion_hash *h,
		      const struct fusion_key *key)
{
	size_t size = key->size;

	if (!key->at.bytes && (h->key_type == FUSION_KEY_STRING || key->size))
		return -EINVAL;
	if (h->key_type == FUSION_KEY_STRING)
		size = strlen(key->at.bytes);
	if (size >= UINT32_MAX)
		return -EINVAL;
	k->bytes = key->at.bytes ? key->at.bytes : "";
	k->size = (uint32_t)size;
	k->tag = tag_of(hash_bytes(h->seed, k->bytes, size), k->size);
	return 0;
}

int needle_init(struct needle *k, const struct fusion_hash *h,
		const struct fusion_arena *a, const struct fusion_key *key)
{
	if (key->type != h->key_type)
		return -EINVAL;
	if (is_copied(h))
		return bytes_init(k, h, key);
	if (key->type == FUSION_KEY_POINTER && !is_inside(a, key->at.bytes, 1))
		return -EINVAL;
	k->word = key->at.word;
	k->size = 0;
	k->tag = tag_of(hash_word(h->seed, k->word), 0);
	return 0;
}

int needle_is_at(const struct needle *k, const struct fusion_hash *h,
		 const struct fusion_arena *a, const struct hash_entry *e)
{
	if (!is_copied(h))
		return e->key.word == k->word;
	if (!is_inside(a, e->key.block, k->size))
		return -EIO;
	return !memcmp(e->key.block, k->bytes, k->size);
}

int entry_key(const struct fusion_hash *h, const struct fusion_arena *a,
	      const struct hash_entry *e, struct fusion_key *ret)
{
	uint32_t size = (uint32_t)(e->tag >> 32);

	if (is_copied(h) && !is_inside(a, e->key.block, size + 1ull))
		return -EIO;
	ret->type = h->key_type;
	ret->size = h->key_type == FUSION_KEY_BYTES ? size : 0;
	ret->at.word = e->key.word;
	return 0;
}
