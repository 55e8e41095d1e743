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
#ifndef FUSION_HASH_PRIVATE_H
#define FUSION_HASH_PRIVATE_H

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

static inline bool owns_values(const struct fusion_hash *h)
{
	return h->c.flags & FUSION_CONTAINER_AUTOFREE;
}

/* Begin a call: container_enter(). */
static inline int hash_enter(struct fusion_hash *h, struct fusion_arena **ret)
{
	return container_enter((struct container *)h, CONTAINER_HASH, ret);
}

#endif
