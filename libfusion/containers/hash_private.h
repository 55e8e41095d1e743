/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hash: one table with open addressing and linear probing
 *
 *   tags[i]      FREE 0, REMOVED 1, else the upper half of the key's hash
 *   entry.key    the number or pointer, or the block with the copy of the key
 *   entry.value
 *
 * A search begins at the position that the key's hash gives.  The tags are
 * separate from the entries, sixteen to a cache line.  A search walks along the
 * tags and reads an entry only if its tag matches, which is once in nearly all
 * searches.  So a full table is cheap to search, and a full table is small: the
 * cost of a lookup is its cache misses.
 *
 * Invariant: an entry exists if its tag is a key's.  The store of the tag is
 * the commit point of insert and remove, the store of the value that of
 * replace.  Insert writes key and value, then the tag.  Remove stores REMOVED,
 * or FREE if the next tag is FREE, then frees the copy of the key.  Entries
 * move only to a new table (twin.h).  A new table is made when seven eighths
 * of the tags are not FREE, or seven eighths are not a key's.
 *
 * hash.busy announces which entry is being changed, and the number of entries
 * after the change.  A thread that settles knows by the tag whether the dead
 * thread has reached the commit point:
 *
 *   INSERT    tag is a key's   n is what was to be
 *             else             the copy of the key is freed
 *   REMOVE    tag is a key's   nothing has happened
 *             else             the copy is freed, and a value that is the
 *                              hash's own; n is what was to be
 *   REPLACE   value != old     old is freed
 *             else             nothing has happened
 *
 * In a hash with FUSION_CONTAINER_BYTES, the block of a new value waits in the
 * other slot of the table's twins until INSERT or REPLACE is committed.  The
 * slot is cleared before the announcement, by the thread that settles too.  So
 * the block is either freed with the slot, or the entry's.
 *
 * A transfer (transfer.h) announces INSERT or REMOVE with BUSY_TRANSFER.  Then
 * the tag is stored after the commit point, which is the transfer's.
 *
 * `filled` may be wrong by one after a death.  It only decides when to make a
 * new table: no walk relies on a FREE tag.
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
	union {
		struct fusion_value value;
		void *own; /* a slot, if the hash owns its values */
	};
};
static_assert(sizeof(struct hash_entry) == 16, "ABI: another kind");

/* The copy of a string or bytes that are a key. */
struct hash_key {
	uint32_t size;
	uint32_t pad;
	char bytes[]; /* followed by a NUL */
};
static_assert(sizeof(struct hash_key) == 8, "ABI: another kind");

struct hash_table {
	uint32_t mark;
	uint32_t bits;	 /* log2 of the number of entries */
	uint64_t n;	 /* entries with a key */
	uint64_t filled; /* hint: tags that are not FREE */
	uint64_t pad;
	uint32_t tags[]; /* followed by as many entries */
};
static_assert(sizeof(struct hash_table) == 32, "ABI: another kind");
static_assert(offsetof(struct hash_table, n) == offsetof(struct twin_head, n),
	      "the daemon reads it");

/* hash.busy: op, transfer or not, entry + 1 */
#define BUSY_INSERT (1ull << 62)
#define BUSY_REMOVE (2ull << 62)
#define BUSY_REPLACE (3ull << 62)
#define BUSY_OP(busy) ((busy) & (3ull << 62))
#define BUSY_TRANSFER (1ull << 61)
#define BUSY_ENTRY(busy) ((busy) & ~(7ull << 61))

struct fusion_hash {
	struct container c;
	struct twin table;
	uint64_t seed;
	uint64_t busy;
	uint64_t then_n; /* n after the announced change */
	void *old;	 /* a slot: the old value of a REPLACE */
	uint32_t key_type;
	uint32_t then_tag; /* of the entry that a transfer adds */
	uint64_t transfer; /* transfer.h */
};
static_assert(sizeof(struct fusion_hash) == 104, "ABI: another kind");

/* The inside of a struct fusion_hash_iter, which the program has declared as
 * words. */
struct hash_iter {
	struct fusion_hash *hash;
	uint64_t at;	/* index of the next entry in the table */
	uint32_t turns; /* number of the table */
	uint32_t tag;	/* of the entry given last, with its key */
	uint64_t key;
} __attribute__((may_alias));
static_assert(sizeof(struct hash_iter) <= sizeof(struct fusion_hash_iter),
	      "ABI: programs have it compiled in");

static inline struct hash_iter *hash_iter_of(struct fusion_hash_iter *it)
{
	return (struct hash_iter *)it;
}

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
	return h->c.flags &
	       (FUSION_CONTAINER_AUTOFREE | FUSION_CONTAINER_BYTES);
}

static inline bool has_bytes(const struct fusion_hash *h)
{
	return h->c.flags & FUSION_CONTAINER_BYTES;
}

static inline void hash_announce(struct fusion_hash *h, uint64_t op, uint64_t i,
				 uint64_t then_n)
{
	store_relaxed(&h->then_n, then_n);
	compiler_fence();
	store_relaxed(&h->busy, op | (i + 1));
	compiler_fence();
}

static inline void hash_done(struct fusion_hash *h)
{
	compiler_fence();
	store_relaxed(&h->busy, 0);
	compiler_fence();
}

/* Begin a call: container_enter(). */
static inline int hash_enter(struct fusion_hash *h, struct fusion_arena **ret)
{
	return container_enter((struct container *)h, CONTAINER_HASH, ret);
}

#endif
