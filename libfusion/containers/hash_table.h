/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_HASH_TABLE_H
#define FUSION_HASH_TABLE_H

#include "libfusion/containers/hash_private.h"

/* Move all entries to a new table of 2^@bits.  0, -ENOMEM. */
int table_rebuild(struct fusion_hash *h, struct fusion_arena *a, uint32_t bits);
/* The size of a table for @n entries and some more; and for @n entries only. */
uint32_t table_bits_for(uint64_t n);
uint32_t table_bits_at_least(uint64_t n);
/* Make the table smaller if it is much too large. */
void table_shrink(struct fusion_hash *h, struct fusion_arena *a);

static inline uint64_t table_size(const struct hash_table *t)
{
	return 1ull << t->bits;
}

/* The bytes of a table with its tags and entries. */
static inline uint64_t table_bytes(uint32_t bits)
{
	return sizeof(struct hash_table) +
	       ((sizeof(uint32_t) + sizeof(struct hash_entry)) << bits);
}

/* Get the table in use; NULL: there is none yet.  -EIO. */
static inline int table_of(const struct fusion_hash *h,
			   const struct fusion_arena *a,
			   struct hash_table **ret)
{
	struct hash_table *t = twin_block(&h->table);

	*ret = t;
	if (UNLIKELY(!may_be_block(a->view.base, a->view.geo.span, t)))
		return t ? -EIO : 0;
	if (UNLIKELY(t->mark != container_mark(t, TABLE_MARK) ||
		     t->bits - TABLE_BITS_MIN >
			     TABLE_BITS_MAX - TABLE_BITS_MIN ||
		     !is_inside(a, t, table_bytes(t->bits))))
		return -EIO;
	return 0;
}

/* How many tags may be in use before the entries move. */
static inline uint64_t table_room(uint32_t bits)
{
	return (7ull << bits) / 8;
}

static inline struct hash_entry *table_entries(const struct hash_table *t)
{
	return (struct hash_entry *)(t->tags + table_size(t));
}

/* The position where the search for a tag begins.  A larger table keeps the
 * order of the entries. */
static inline uint64_t table_home(const struct hash_table *t, uint32_t tag)
{
	return tag >> (32 - t->bits);
}

#endif
