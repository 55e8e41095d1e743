/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/hash_transfer.h"

#include "libfusion/base/refuse.h"
#include "libfusion/containers/hash.h"
#include "libfusion/containers/list_transfer.h"
#include "libfusion/containers/vector_transfer.h"

static struct fusion_hash *hash_at(struct container *c)
{
	return (struct fusion_hash *)c;
}

/* --- After a death ---------------------------------------------------------
 */

/* Add the entry that was written before the commit point. */
static void add_entry(struct fusion_hash *h, struct hash_table *t, uint64_t i)
{
	t->filled += t->tags[i] == TAG_IS_FREE;
	compiler_fence();
	store_relaxed(&t->tags[i], h->then_tag);
	compiler_fence();
	store_relaxed(&t->n, h->then_n);
}

/* Remove an entry whose value another container has. */
static int drop_entry(struct fusion_hash *h, struct fusion_arena *a,
		      struct hash_table *t, uint64_t i)
{
	uint32_t tag = hash_tag_removed(t, i);

	if (is_key(t->tags[i])) {
		t->filled -= tag == TAG_IS_FREE;
		compiler_fence();
		store_relaxed(&t->tags[i], tag);
		compiler_fence();
	}
	return hash_finish_remove(h, a, t, &table_entries(t)[i], SEED_BUG(76));
}

int hash_settle_transfer(struct fusion_hash *h, struct fusion_arena *a,
			 struct hash_table *t, uint64_t i)
{
	bool done = transfer_is_done(&h->c, a);
	int r = 0;

	switch (BUSY_OP(h->busy)) {
	case BUSY_INSERT:
		if (!is_key(h->then_tag))
			return -EIO;
		if (done)
			add_entry(h, t, i);
		else if (is_copied(h) && !is_key(t->tags[i]))
			r = slot_drop(a, &table_entries(t)[i].key.block);
		break;
	case BUSY_REMOVE:
		if (done)
			r = drop_entry(h, a, t, i);
		break;
	default:
		return -EIO;
	}
	if (r == 0)
		transfer_settled(&h->c, a, done);
	return r;
}

/* --- Reading ---------------------------------------------------------------
 */

/* Does entry @i exist?  The tag of an announced entry is stored after the
 * commit point. */
static bool is_there(const struct fusion_hash *h, const struct fusion_arena *a,
		     const struct hash_table *t, uint64_t i)
{
	uint64_t busy = h->busy;

	if (!(busy & BUSY_TRANSFER) || BUSY_ENTRY(busy) - 1 != i ||
	    !transfer_is_done(&h->c, a))
		return is_key(t->tags[i]);
	return BUSY_OP(busy) == BUSY_INSERT && is_key(h->then_tag);
}

/* Is @k the key of the announced entry, which has no tag yet?  1 and the entry,
 * 0, -EIO. */
static int find_announced(const struct fusion_hash *h,
			  const struct fusion_arena *a,
			  const struct hash_table *t, const struct needle *k,
			  int64_t *ret)
{
	uint64_t i = BUSY_ENTRY(h->busy) - 1;

	if (i >= table_size(t) || is_key(t->tags[i]) || !is_there(h, a, t, i) ||
	    h->then_tag != k->tag)
		return 0;
	*ret = (int64_t)i;
	return needle_is_at(k, a, &table_entries(t)[i]);
}

int hash_find_moving(const struct fusion_hash *h, const struct fusion_arena *a,
		     const struct fusion_key *key, struct hash_table **ret_t,
		     int64_t *ret_i)
{
	struct needle k;
	int r = needle_init(&k, h, a, key);

	if (r == 0)
		r = table_of(h, a, ret_t);
	if (r < 0 || !*ret_t)
		return r;
	r = hash_search_table(a, *ret_t, &k, ret_i);
	if (r == 1)
		return is_there(h, a, *ret_t, (uint64_t)*ret_i);
	return r < 0 ? r : find_announced(h, a, *ret_t, &k, ret_i);
}

uint64_t hash_next_moving(const struct fusion_hash *h,
			  const struct fusion_arena *a,
			  const struct hash_table *t, uint64_t i)
{
	while (i < table_size(t) && !is_there(h, a, t, i))
		i++;
	return i;
}

/* --- A transfer ------------------------------------------------------------
 */

static int settle_hash(struct container *c, struct fusion_arena *a)
{
	return hash_settle(hash_at(c), a);
}

static int find_entry(struct transfer_side *s, struct fusion_arena *a,
		      struct fusion_value *ret)
{
	struct hash_table *t = NULL;
	int64_t i = -1;
	int r = hash_find(hash_at(s->c), a, s->key, &t, &i);

	if (r <= 0)
		return r;
	s->at = (uint64_t)i;
	*ret = table_entries(t)[i].value;
	return 1;
}

static int give_entry(struct transfer_side *s, struct fusion_arena *a)
{
	struct fusion_hash *h = hash_at(s->c);
	struct hash_table *t;
	int r = table_of(h, a, &t);

	if (r < 0 || !t)
		return -EIO;
	hash_announce(h, BUSY_REMOVE | BUSY_TRANSFER, s->at, t->n - 1);
	return 0;
}

/* Write an entry without its tag. */
static int write_entry(struct fusion_hash *h, struct fusion_arena *a,
		       struct hash_table *t, uint64_t i, const struct needle *k,
		       struct fusion_value value)
{
	struct hash_entry *e = &table_entries(t)[i];
	int r = 0;

	store_relaxed(&h->then_tag, k->tag);
	if (!SEED_BUG(77))
		hash_announce(h, BUSY_INSERT | BUSY_TRANSFER, i, t->n + 1);
	if (is_copied(h))
		r = hash_copy_key(a, e, k);
	else
		e->key.word = k->word;
	if (SEED_BUG(77))
		hash_announce(h, BUSY_INSERT | BUSY_TRANSFER, i, t->n + 1);
	if (r < 0)
		hash_done(h);
	else
		e->value = value;
	return r;
}

static int refuse_key(const struct fusion_hash *h)
{
	return refuse(-EINVAL,
		      "hash at %p: the key is not valid there: give a key of "
		      "the type that the hash was created with",
		      (const void *)h);
}

static int take_entry(struct transfer_side *s, struct fusion_arena *a,
		      struct fusion_value value)
{
	struct fusion_hash *h = hash_at(s->c);
	struct hash_table *t = NULL;
	struct needle k;
	int64_t i;
	int r = needle_init(&k, h, a, s->key);

	if (r < 0)
		return refuse_key(h);
	r = hash_make_room(h, a, &k, &t, &i);
	if (r == 1)
		return refuse(-EEXIST,
			      "hash at %p: the key has an entry there: remove "
			      "it, or give another key",
			      (const void *)h);
	return r < 0 ? r : write_entry(h, a, t, (uint64_t)i, &k, value);
}

static void shrink_table(struct container *c, struct fusion_arena *a)
{
	table_shrink(hash_at(c), a);
}

const struct transfer_kind hash_transfer = {
	.kind = CONTAINER_HASH,
	.settle = settle_hash,
	.find = find_entry,
	.give = give_entry,
	.take = take_entry,
	.shrink = shrink_table,
};

/* --- Calls -----------------------------------------------------------------
 */

/* Transfer the entry of a key.  0, -ENOENT; else as transfer_run(). */
static int move_entry(struct fusion_hash *from, const struct fusion_key *key,
		      struct transfer_side *to)
{
	struct transfer_side side = hash_side(from, key);
	int r = transfer_run(&side, to);

	if (r < 0)
		return r;
	return r == 1 ? 0
		      : refuse(-ENOENT, "hash at %p: it does not have the key",
			       (const void *)from);
}

FUSION_API int fusion_hash_move(struct fusion_hash *from, struct fusion_key key,
				struct fusion_hash *to,
				const struct fusion_key *new_key)
{
	struct transfer_side side = hash_side(to, new_key ? new_key : &key);

	return told(move_entry(from, &key, &side));
}

FUSION_API int fusion_hash_move_to_list(struct fusion_hash *from,
					struct fusion_key key,
					struct fusion_list *to,
					struct fusion_list_node *before,
					struct fusion_list_node **ret)
{
	struct transfer_side side = list_side(to, before);
	int r = move_entry(from, &key, &side);

	if (r == 0 && ret)
		*ret = side.node;
	return told(r);
}

FUSION_API int fusion_hash_move_to_vector(struct fusion_hash *from,
					  struct fusion_key key,
					  struct fusion_vector *to)
{
	struct transfer_side side = vector_side(to, 0);

	return told(move_entry(from, &key, &side));
}
