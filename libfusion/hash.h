/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hash: one table of entries, searched from where the key's hash says
 *
 *   entry.tag   FREE 0, REMOVED 1, else the key's hash and size: THE COMMIT
 *   entry.key   the number or pointer, or the block with the copy
 *
 * Insert writes key and value, then the tag.  Remove stores REMOVED, then frees
 * the copy.  Replace stores the value.  Entries do not move but by a new table
 * (twin.h), which is made when three quarters of the entries are not FREE, or
 * seven eighths have no key.
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

#include "libfusion/twin.h"

#define TAG_IS_FREE 0
#define TAG_IS_REMOVED 1

#define TABLE_BITS_MIN 3 /* 8 entries */
#define TABLE_BITS_MAX 31

/* Shared: every byte is ABI. */
struct hash_entry {
	uint64_t tag; /* hash, size << 32 */
	union {
		uint64_t word;
		void *block; /* a slot; NULL while the tag is no key's */
	} key;
	union fusion_value value;
};
static_assert(sizeof(struct hash_entry) == 24, "ABI: another kind");

struct hash_table {
	uint32_t mark;
	uint32_t bits;	 /* log2 of the number of entries */
	uint64_t n;	 /* entries with a key */
	uint64_t filled; /* hint: that are not FREE */
	uint64_t pad;
	struct hash_entry entries[];
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

static inline bool is_key(uint64_t tag)
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
	uint64_t tag;
	uint64_t word;
	const void *bytes;
	uint32_t size; /* of what is copied */
};

/* 0; -EINVAL this is no key of the hash. */
int needle_init(struct needle *k, const struct fusion_hash *h,
		const struct fusion_arena *a, const struct fusion_key *key);
/* Is it the key of @e, which has the same tag?  -EIO. */
int needle_is_at(const struct needle *k, const struct fusion_hash *h,
		 const struct fusion_arena *a, const struct hash_entry *e);
/* The key of @e as a caller gets it.  0, -EIO. */
int entry_key(const struct fusion_hash *h, const struct fusion_arena *a,
	      const struct hash_entry *e, struct fusion_key *ret);

/* --- hash_table.c ----------------------------------------------------------
 */

/* The table that counts, NULL none yet.  -EIO. */
int table_of(const struct fusion_hash *h, const struct fusion_arena *a,
	     struct hash_table **ret);
/* A new table with room for @n entries, and the same in it.  0, -ENOMEM. */
int table_rebuild(struct fusion_hash *h, struct fusion_arena *a, uint64_t n);
/* Make the table smaller if it is much too large. */
void table_shrink(struct fusion_hash *h, struct fusion_arena *a);

static inline uint64_t table_size(const struct hash_table *t)
{
	return 1ull << t->bits;
}

/* Where the search for a tag begins: a larger table keeps the order. */
static inline uint64_t table_home(const struct hash_table *t, uint64_t tag)
{
	return (uint32_t)tag >> (32 - t->bits);
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
