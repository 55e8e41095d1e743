/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hash: one table, searched from where the key's hash says
 *
 *   tags[i]      FREE 0, REMOVED 1, else the key's hash: THE COMMIT
 *   entry.key    the number or pointer, or the block with the copy
 *   entry.value
 *
 * The tags stand apart, sixteen to a cache line, behind them the entries: a
 * search goes along the tags and looks at an entry only if the tag is right, so
 * nearly always once or not at all.  That is what makes a full table cheap to
 * search, and a full table is small: what a lookup takes is the misses of the
 * caches.
 *
 * Insert writes key and value, then the tag.  Remove stores REMOVED, then frees
 * the copy.  Replace stores the value.  Entries do not move but by a new table
 * (twin.h), which is made when seven eighths of the tags are not FREE, or seven
 * eighths are no key's.
 *
 * hash.busy says which entry is being changed and what the number will be, so
 * that who settles knows by the tag whether the commit was made:
 *
 *   INSERT    tag is a key's   n is what was to be
 *             else             the copy of the key is freed
 *   REMOVE    tag is a key's   nothing has happened
 *             else             the copy is freed, and a value that is the
 *                              hash's own; n is what was to be
 *   REPLACE   value != old     old is freed
 *             else             nothing has happened
 *
 * `filled` may be wrong by one after a death, and is only a reason to make a
 * new table: no walk relies on a FREE entry.
 */
#ifndef FUSION_LIBFUSION_HASH_H
#define FUSION_LIBFUSION_HASH_H

#include <fusion/hash.h>

#include "libfusion/containers/twin.h"

#define TAG_IS_FREE 0
#define TAG_IS_REMOVED 1

#define TABLE_MARK 0x74616202u
#define TABLE_BITS_MIN 3 /* 8 entries */
#define TABLE_BITS_MAX 31

/* Shared: every byte is ABI. */
struct hash_entry {
	union {
		uint64_t word;
		void *block; /* a slot, of a struct hash_key; NULL while the
			      * tag is no key's */
	} key;
	union fusion_value value;
};
static_assert(sizeof(struct hash_entry) == 16, "ABI: another kind");

/* The copy of a key. */
struct hash_key {
	uint32_t size;
	uint32_t pad;
	char bytes[]; /* and a NUL */
};
static_assert(sizeof(struct hash_key) == 8, "ABI: another kind");

struct hash_table {
	uint32_t mark;
	uint32_t bits;	 /* log2 of the number of entries */
	uint64_t n;	 /* entries with a key */
	uint64_t filled; /* hint: that are not FREE */
	uint64_t pad;
	uint32_t tags[]; /* behind them as many entries */
};
static_assert(sizeof(struct hash_table) == 32, "ABI: another kind");

/* hash.busy: op, entry + 1 */
#define BUSY_INSERT (1ull << 62)
#define BUSY_REMOVE (2ull << 62)
#define BUSY_REPLACE (3ull << 62)
#define BUSY_OP(busy) ((busy) & (3ull << 62))
#define BUSY_ENTRY(busy) ((busy) & ~(3ull << 62))

struct fusion_hash {
	struct container c;
	struct twin table;
	uint64_t seed;
	uint64_t busy;
	uint64_t then_n; /* what n will be */
	void *old;	 /* a slot, of REPLACE */
	uint32_t key_type;
	uint32_t pad;
};
static_assert(sizeof(struct fusion_hash) == 88, "ABI: another kind");

static inline bool is_key(uint32_t tag)
{
	return tag > TAG_IS_REMOVED;
}

static inline bool is_copied(const struct fusion_hash *h)
{
	return h->key_type == FUSION_KEY_STRING ||
	       h->key_type == FUSION_KEY_BYTES;
}

/* --- hash_key.c ------------------------------------------------------------
 */

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

/* --- hash_table.c ----------------------------------------------------------
 */

/* A new table of 2^@bits, and the same in it.  0, -ENOMEM. */
int table_rebuild(struct fusion_hash *h, struct fusion_arena *a, uint32_t bits);
/* As large as @n entries should find it, and some more; as they just fit. */
uint32_t table_bits_for(uint64_t n);
uint32_t table_bits_at_least(uint64_t n);
/* Make the table smaller if it is much too large. */
void table_shrink(struct fusion_hash *h, struct fusion_arena *a);

static inline uint64_t table_size(const struct hash_table *t)
{
	return 1ull << t->bits;
}

/* With tags and entries. */
static inline uint64_t table_bytes(uint32_t bits)
{
	return sizeof(struct hash_table) +
	       ((sizeof(uint32_t) + sizeof(struct hash_entry)) << bits);
}

/* The table that counts, NULL none yet.  -EIO. */
static inline int table_of(const struct fusion_hash *h,
			   const struct fusion_arena *a,
			   struct hash_table **ret)
{
	struct hash_table *t = twin_block(&h->table);

	*ret = t;
	if (UNLIKELY(!is_place(a->view.base, a->view.geo.span, t)))
		return t ? -EIO : 0;
	if (UNLIKELY(t->mark != container_mark(t, TABLE_MARK) ||
		     t->bits - TABLE_BITS_MIN >
			     TABLE_BITS_MAX - TABLE_BITS_MIN ||
		     !is_inside(a, t, table_bytes(t->bits))))
		return -EIO;
	return 0;
}

/* As many tags as may be not FREE before it moves. */
static inline uint64_t table_room(uint32_t bits)
{
	return (7ull << bits) / 8;
}

static inline struct hash_entry *table_entries(const struct hash_table *t)
{
	return (struct hash_entry *)(t->tags + table_size(t));
}

/* Where the search for a tag begins: a larger table keeps the order. */
static inline uint64_t table_home(const struct hash_table *t, uint32_t tag)
{
	return tag >> (32 - t->bits);
}

/* --- hash.c ----------------------------------------------------------------
 */

/* Finish or undo what a dead one had begun.  0, -EIO, -ENOMEM, -EMFILE. */
int hash_settle(struct fusion_hash *h, struct fusion_arena *a);
/* Remove entry @i of @t, settled.  0, -ENOMEM, -EMFILE. */
int hash_remove_at(struct fusion_hash *h, struct fusion_arena *a,
		   struct hash_table *t, uint64_t i,
		   union fusion_value *ret_old);

#endif
