/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/hash_table.h"

#include <string.h>

/* At most five eighths of the new table are in use.  So a table that is full,
 * and from which nothing was removed, is followed by one of twice its size. */
uint32_t table_bits_for(uint64_t n)
{
	uint32_t bits = TABLE_BITS_MIN;

	while (bits < TABLE_BITS_MAX && n > (5ull << bits) / 8)
		bits++;
	return bits;
}

uint32_t table_bits_at_least(uint64_t n)
{
	uint32_t bits = TABLE_BITS_MIN;

	while (bits < TABLE_BITS_MAX && n > table_room(bits))
		bits++;
	return bits;
}

/* Put an entry into a new table: at the first FREE tag, since all keys differ
 * and none was removed. */
static void put_entry(struct hash_table *t, uint32_t tag,
		      const struct hash_entry *e)
{
	uint64_t mask = table_size(t) - 1, i = table_home(t, tag);

	while (t->tags[i] != TAG_IS_FREE)
		i = (i + 1) & mask;
	t->tags[i] = tag;
	table_entries(t)[i] = *e;
}

/* Copy all entries.  -EIO: the old table has more keys than its number says,
 * and the new one may have no room for them. */
static int fill_table(struct hash_table *t, const struct hash_table *from)
{
	uint64_t size = table_size(from), n = 0, most = table_size(t) - 1;

	for (uint64_t i = 0; i < size; i++) {
		if (!is_key(from->tags[i]))
			continue;
		if (n++ >= most)
			return -EIO;
		put_entry(t, from->tags[i], &table_entries(from)[i]);
	}
	t->n = t->filled = n;
	return 0;
}

/* Commit point: twin_commit().  The copies of keys stay where they are. */
int table_rebuild(struct fusion_hash *h, struct fusion_arena *a, uint32_t bits)
{
	struct hash_table *old, *t;
	int r = table_of(h, a, &old);

	if (r < 0)
		return r;
	r = twin_begin(&h->table, a, table_bytes(bits), &t);
	if (r < 0)
		return r;
	memset(t, 0, table_bytes(bits));
	t->mark = container_mark(t, TABLE_MARK);
	t->bits = bits;
	r = old ? fill_table(t, old) : 0;
	if (r < 0)
		twin_settle(&h->table, a);
	else
		twin_commit(&h->table, a);
	return r;
}

void table_shrink(struct fusion_hash *h, struct fusion_arena *a)
{
	struct hash_table *t;

	/* An announcement refers to an entry of this table. */
	if (h->busy || table_of(h, a, &t) < 0 || !t ||
	    t->bits == TABLE_BITS_MIN || t->n >= table_size(t) / 8)
		return;
	/* If there is no memory, the table keeps its size. */
	table_rebuild(h, a, table_bits_for(t->n));
}
