/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys: their hash, and whether two are equal. */
#include "libfusion/containers/hash_key.h"

#include <string.h>

#define PRIME_B 0xd6e8feb86659fd93ull

static uint64_t hash_bytes(uint64_t seed, const char *p, size_t size)
{
	uint64_t h = seed ^ size * PRIME_B, w;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = hash_mix(h ^ w, HASH_PRIME);
	}
	w = 0;
	memcpy(&w, p, size);
	return hash_mix(hash_mix(h ^ w, PRIME_B), HASH_PRIME);
}

int needle_init_bytes(struct needle *k, const struct fusion_hash *h,
		      const struct fusion_key *key)
{
	const void *bytes = fusion_key_get_pointer(*key);
	size_t size = key->size;

	if (!bytes && (h->key_type == FUSION_KEY_STRING || key->size))
		return -EINVAL;
	if (h->key_type == FUSION_KEY_STRING)
		size = strlen(bytes);
	if (size >= UINT32_MAX)
		return -EINVAL;
	k->bytes = bytes ? bytes : "";
	k->size = (uint32_t)size;
	k->tag = tag_of(hash_bytes(h->seed, k->bytes, size));
	return 0;
}

/* Return the copy of a key that @e has, and its size, read once.  NULL: the
 * entry is corrupt. */
static const struct hash_key *copy_of(const struct fusion_arena *a,
				      const struct hash_entry *e,
				      uint32_t *ret_size)
{
	const struct hash_key *copy = e->key.block;

	if (!is_inside(a, copy, sizeof(*copy)) || (uintptr_t)copy % 16)
		return NULL;
	*ret_size = load_relaxed(&copy->size);
	return is_inside(a, copy->bytes, *ret_size + 1ull) ? copy : NULL;
}

int needle_has_bytes(const struct needle *k, const struct fusion_arena *a,
		     const struct hash_entry *e)
{
	uint32_t size;
	const struct hash_key *copy = copy_of(a, e, &size);

	if (!copy)
		return -EIO;
	return size == k->size && !memcmp(copy->bytes, k->bytes, size);
}

int entry_copy(const struct fusion_hash *h, const struct fusion_arena *a,
	       const struct hash_entry *e, uint64_t *ret, uint32_t *ret_size)
{
	const struct hash_key *copy;
	uint32_t size;

	copy = copy_of(a, e, &size);
	if (!copy)
		return -EIO;
	*ret = (uintptr_t)copy->bytes;
	*ret_size = h->key_type == FUSION_KEY_BYTES ? size : 0;
	return 0;
}
