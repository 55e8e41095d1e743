/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "libfusion/hash.h"

#define TABLE_MARK 0x74616201u

int table_of(const struct fusion_hash *h, const struct fusion_arena *a,
	     struct hash_table **ret)
{
	struct hash_table *t = twin_block(&h->table);

	*ret = t;
	if (!t)
		return 0;
	if (UNLIKELY(!is_inside(a, t, sizeof(*t)) || (uintptr_t)t % 16 ||
		     t->mark != container_mark(t, TABLE_MARK) ||
		     t->bits - TABLE_BITS_MIN >
			     TABLE_BITS_MAX - TABLE_BITS_MIN ||
		     !is_inside(a, t->entries, sizeof(*t->entries) << t->bits)))
		return -EIO;
	return 0;
}

/* Not more than three eighths of the entries are used at first. */
static uint32_t bits_for(uint64_t n)
{
	uint32_t bits = TABLE_BITS_MIN;

	while (bits < TABLE_BITS_MAX && n > (3ull << bits) / 8)
		bits++;
	return bits;
}

/* All keys differ, and nothing was removed: the first FREE entry it is. */
static void put(struct hash_table *t, const struct hash_entry *e)
{
	uint64_t mask = table_size(t) - 1, i = table_home(t, e->tag);

	while (t->entries[i].tag != TAG_IS_FREE)
		i = (i + 1) & mask;
	t->entries[i] = *e;
}

/* -EIO: more keys than it says, which the new one may not have room for. */
static int fill(struct hash_table *t, const struct hash_table *from)
{
	uint64_t size = table_size(from), n = 0, most = table_size(t) - 1;

	for (uint64_t i = 0; i < size; i++) {
		if (!is_key(from->entries[i].tag))
			continue;
		if (n++ >= most)
			return -EIO;
		put(t, &from->entries[i]);
	}
	t->n = t->filled = n;
	return 0;
}

/* Commit: twin_commit().  Copies of keys go over as they are. */
static int rebuild(struct fusion_hash *h, struct fusion_arena *a, uint32_t bits)
{
	struct hash_table *old, *t;
	int r = table_of(h, a, &old);

	if (r < 0)
		return r;
	r = twin_begin(&h->table, a, sizeof(*t) + (sizeof(*t->entries) << bits),
		       &t);
	if (r < 0)
		return r;
	memset(t, 0, sizeof(*t) + (sizeof(*t->entries) << bits));
	t->mark = container_mark(t, TABLE_MARK);
	t->bits = bits;
	r = old ? fill(t, old) : 0;
	if (r < 0)
		twin_settle(&h->table, a);
	else
		twin_commit(&h->table, a);
	return r;
}

int table_rebuild(struct fusion_hash *h, struct fusion_arena *a, uint64_t n)
{
	return rebuild(h, a, bits_for(n));
}

void table_shrink(struct fusion_hash *h, struct fusion_arena *a)
{
	struct hash_table *t;

	if (table_of(h, a, &t) < 0 || !t || t->bits == TABLE_BITS_MIN ||
	    t->n >= table_size(t) / 8)
		return;
	/* No memory: it stays as large as it is. */
	table_rebuild(h, a, t->n);
}
