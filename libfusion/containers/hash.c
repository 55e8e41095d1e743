/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/hash.h"

#include <string.h>

#include "libfusion/base/refuse.h"
#include "libfusion/containers/hash_bytes.h"
#include "libfusion/containers/hash_transfer.h"
#include "libfusion/heap/free.h"

/* --- The record ------------------------------------------------------------
 */

int hash_finish_remove(struct fusion_hash *h, struct fusion_arena *a,
		       struct hash_table *t, struct hash_entry *e,
		       bool with_value)
{
	int r = is_copied(h) ? slot_drop(a, &e->key.block) : 0;

	if (r == 0 && with_value)
		r = slot_drop(a, &e->own);
	store_relaxed(&t->n, h->then_n);
	return r;
}

/* After the commit point: the entry has the block that waited for it. */
static inline void keep_bytes(struct fusion_hash *h, const struct hash_entry *e)
{
	if (LIKELY(!has_bytes(h)) || *twin_other(&h->table) != e->own)
		return;
	store_relaxed(twin_other(&h->table), NULL);
	compiler_fence();
}

/* Finish or undo the announced change.  A value that was to be given to a
 * caller that died belongs to nobody, and is freed. */
static int settle_entry(struct fusion_hash *h, struct fusion_arena *a,
			struct hash_table *t, uint64_t i)
{
	struct hash_entry *e = &table_entries(t)[i];
	bool there = is_key(t->tags[i]), replaced = e->own != h->old;
	int r = 0;

	switch (BUSY_OP(h->busy)) {
	case BUSY_INSERT:
		if (there) {
			store_relaxed(&t->n, h->then_n);
			if (!SEED_BUG(66))
				keep_bytes(h, e);
		} else if (is_copied(h)) {
			r = slot_drop(a, &e->key.block);
		}
		break;
	case BUSY_REMOVE:
		if (!there)
			r = hash_finish_remove(h, a, t, e, owns_values(h));
		break;
	default:
		if (!replaced)
			break;
		if (!SEED_BUG(67))
			keep_bytes(h, e);
		r = slot_drop(a, &h->old);
	}
	return r;
}

int hash_settle(struct fusion_hash *h, struct fusion_arena *a)
{
	uint64_t busy = h->busy;
	struct hash_table *t;
	int r;

	if (LIKELY(!busy))
		return twin_settle(&h->table, a);
	r = table_of(h, a, &t);
	if (r < 0)
		return r;
	if (!t || !BUSY_OP(busy) || BUSY_ENTRY(busy) - 1 >= table_size(t))
		return -EIO;
	r = busy & BUSY_TRANSFER
		    ? hash_settle_transfer(h, a, t, BUSY_ENTRY(busy) - 1)
		    : settle_entry(h, a, t, BUSY_ENTRY(busy) - 1);
	if (r < 0)
		return r;
	hash_done(h);
	return twin_settle(&h->table, a);
}

/* Count the entries without settling: the tag of an announced change says
 * whether it was committed. */
uint64_t hash_count(const struct fusion_hash *h, const struct fusion_arena *a,
		    const struct hash_table *t)
{
	uint64_t busy = h->busy, i = BUSY_ENTRY(busy) - 1;
	bool there;

	if (LIKELY(!busy) || i >= table_size(t) ||
	    BUSY_OP(busy) == BUSY_REPLACE)
		return t->n;
	if (busy & BUSY_TRANSFER)
		return transfer_is_done(&h->c, a) ? h->then_n : t->n;
	there = is_key(t->tags[i]);
	return there == (BUSY_OP(busy) == BUSY_INSERT) ? h->then_n : t->n;
}

/* --- Searching -------------------------------------------------------------
 */

/* Search for a key.  1 and its entry; 0 and the position of a new entry, -1 if
 * there is none; -EIO. */
static inline int hash_search(const struct fusion_arena *a,
			      const struct hash_table *t,
			      const struct needle *k, int64_t *ret)
{
	const struct hash_entry *entries = table_entries(t);
	uint64_t size = table_size(t), i = table_home(t, k->tag);
	int64_t room = -1;
	int r;

	/* Fetch the entry together with its tag: it is seldom far from here. */
	__builtin_prefetch(&entries[i]);
	for (uint64_t n = 0; n < size; n++, i = (i + 1) & (size - 1)) {
		uint32_t tag = t->tags[i];

		if (tag == k->tag) {
			r = needle_is_at(k, a, &entries[i]);
			if (LIKELY(r)) {
				*ret = (int64_t)i;
				return r;
			}
			continue;
		}
		if (is_key(tag))
			continue;
		if (room < 0)
			room = (int64_t)i;
		if (tag == TAG_IS_FREE)
			break;
	}
	*ret = room;
	return 0;
}

int hash_search_table(const struct fusion_arena *a, const struct hash_table *t,
		      const struct needle *k, int64_t *ret)
{
	return hash_search(a, t, k, ret);
}

/* hash_find(), inlined.  The slow path has variables of its own, so that the
 * others stay in registers. */
static inline __attribute__((always_inline)) int
find_key(const struct fusion_hash *h, const struct fusion_arena *a,
	 const struct fusion_key *key, struct hash_table **ret_t,
	 int64_t *ret_i)
{
	struct needle k;
	int r;

	if (UNLIKELY(h->c.state == CONTAINER_MOVING)) {
		struct hash_table *t = NULL;
		int64_t i = -1;

		r = hash_find_moving(h, a, key, &t, &i);
		*ret_t = t;
		*ret_i = i;
		return r;
	}
	r = needle_init(&k, h, a, key);
	if (r == 0)
		r = table_of(h, a, ret_t);
	if (r < 0 || !*ret_t)
		return r;
	return hash_search(a, *ret_t, &k, ret_i);
}

int hash_find(const struct fusion_hash *h, const struct fusion_arena *a,
	      const struct fusion_key *key, struct hash_table **ret_t,
	      int64_t *ret_i)
{
	return find_key(h, a, key, ret_t, ret_i);
}

/* --- Inserting -------------------------------------------------------------
 */

/* Are seven eighths of the tags not FREE, so that searches become long; or is
 * there no position for a new entry? */
static bool is_full(const struct hash_table *t, int64_t i)
{
	return i < 0 ||
	       (t->tags[i] == TAG_IS_FREE && t->filled >= table_room(t->bits));
}

/* There is no table, or it is full: make a new one.  As hash_make_room(). */
static __attribute__((noinline)) int
make_table(struct fusion_hash *h, struct fusion_arena *a,
	   const struct needle *k, struct hash_table **ret_t, int64_t *ret_i)
{
	int r = table_rebuild(h, a,
			      table_bits_for(*ret_t ? (*ret_t)->n + 1 : 1));

	/* No memory for a larger table, but this one still has a position. */
	if (r < 0 && *ret_t && *ret_i >= 0)
		return r == -ENOMEM ? 0 : r;
	if (r == 0)
		r = table_of(h, a, ret_t);
	if (r == 0)
		r = hash_search(a, *ret_t, k, ret_i);
	return r == 0 && *ret_i < 0 ? -ENOMEM : r;
}

/* hash_make_room(), inlined.  The slow path has variables of its own, as in
 * find_key(). */
static inline __attribute__((always_inline)) int
make_room(struct fusion_hash *h, struct fusion_arena *a, const struct needle *k,
	  struct hash_table **ret_t, int64_t *ret_i)
{
	struct hash_table *t = NULL, *new_t;
	int64_t i = -1, new_i;
	int r = table_of(h, a, &t);

	if (r == 0 && LIKELY(t))
		r = hash_search(a, t, k, &i);
	*ret_t = t;
	*ret_i = i;
	if (r || (LIKELY(t) && LIKELY(!is_full(t, i))))
		return r;
	new_t = t;
	new_i = i;
	r = make_table(h, a, k, &new_t, &new_i);
	*ret_t = new_t;
	*ret_i = new_i;
	return r;
}

int hash_make_room(struct fusion_hash *h, struct fusion_arena *a,
		   const struct needle *k, struct hash_table **ret_t,
		   int64_t *ret_i)
{
	return make_room(h, a, k, ret_t, ret_i);
}

int hash_copy_key(struct fusion_arena *a, struct hash_entry *e,
		  const struct needle *k)
{
	struct hash_key *copy;
	int r = fusion_malloc_to(a, sizeof(*copy) + k->size + 1ull,
				 &e->key.block);

	if (r < 0)
		return r;
	copy = e->key.block;
	copy->size = k->size;
	copy->pad = 0;
	memcpy(copy->bytes, k->bytes, k->size);
	copy->bytes[k->size] = '\0';
	return 0;
}

/* Add an entry.  Commit point: the store of the tag. */
static int fill_entry(struct fusion_hash *h, struct fusion_arena *a,
		      struct hash_table *t, int64_t i, const struct needle *k,
		      struct fusion_value value)
{
	struct hash_entry *e = &table_entries(t)[i];
	int r;

	hash_announce(h, BUSY_INSERT, (uint64_t)i, t->n + 1);
	if (is_copied(h)) {
		r = hash_copy_key(a, e, k);
		if (r < 0) {
			hash_done(h);
			return r;
		}
	} else {
		e->key.word = k->word;
	}
	if (!SEED_BUG(60))
		e->value = value;
	t->filled += t->tags[i] == TAG_IS_FREE;
	compiler_fence();
	store_relaxed(&t->tags[i], k->tag);
	compiler_fence();
	if (SEED_BUG(60))
		e->value = value;
	store_relaxed(&t->n, h->then_n);
	keep_bytes(h, e);
	hash_done(h);
	return 0;
}

/* Is the value valid for the hash?  0, -EINVAL. */
static int ask_value(const struct fusion_hash *h, const struct fusion_arena *a,
		     struct fusion_value value)
{
	if (!is_good_value(&h->c, a, value))
		return -EINVAL;
	if (!owns_values(h))
		return 0;
	if (has_bytes(h))
		return refuse(-EINVAL,
			      "hash at %p: its values are bytes: put them with "
			      "fusion_hash_put_bytes()",
			      (const void *)h);
	return heap_usable_size(a, fusion_value_get_pointer(value)) ? 0
								    : -EINVAL;
}

/* Settle, and find the position of a key.  0: a new entry; 1: it has one. */
static int prepare_put(struct fusion_hash *h, struct fusion_arena *a,
		       const struct fusion_key *key, struct fusion_value value,
		       struct needle *k, struct hash_table **ret_t,
		       int64_t *ret_i)
{
	int r = needle_init(k, h, a, key);

	if (r == 0)
		r = ask_value(h, a, value);
	if (r == 0)
		r = hash_settle(h, a);
	return r < 0 ? r : make_room(h, a, k, ret_t, ret_i);
}

/* --- Replacing -------------------------------------------------------------
 */

/* Replace a value that the hash owns.  Commit point: the store of the value.
 * @ret_old NULL: the old value is freed. */
static int swap_owned(struct fusion_hash *h, struct fusion_arena *a,
		      struct hash_table *t, int64_t i,
		      struct fusion_value value,
		      const struct fusion_value *ret_old)
{
	struct hash_entry *e = &table_entries(t)[i];
	int r = 0;

	if (e->value.word == value.word)
		return 0;
	store_relaxed(&h->old, e->own);
	hash_announce(h, BUSY_REPLACE, (uint64_t)i, t->n);
	store_relaxed(&e->own, fusion_value_get_pointer(value));
	compiler_fence();
	keep_bytes(h, e);
	if (!ret_old)
		r = slot_drop(a, &h->old);
	/* If freeing failed, the announcement stays. */
	if (r == 0)
		hash_done(h);
	return 0;
}

/* Replace the value of an entry.  @ret_old may be NULL. */
static int replace_at(struct fusion_hash *h, struct fusion_arena *a,
		      struct hash_table *t, int64_t i,
		      struct fusion_value value, struct fusion_value *ret_old)
{
	struct hash_entry *e = &table_entries(t)[i];
	struct fusion_value old = e->value;

	if (owns_values(h))
		swap_owned(h, a, t, i, value, ret_old);
	else
		store_relaxed(&e->value.word, value.word);
	if (ret_old)
		*ret_old = old;
	return 1;
}

/* Insert or replace.  0: the entry is new; 1: the key had one. */
static int hash_put(struct fusion_hash *h, const struct fusion_key *key,
		    struct fusion_value value, bool replace,
		    struct fusion_value *ret_old)
{
	struct fusion_arena *a;
	struct hash_table *t = NULL;
	struct needle k;
	int64_t i;
	int r = hash_enter(h, &a);

	if (r < 0)
		return r;
	r = prepare_put(h, a, key, value, &k, &t, &i);
	if (r == 0)
		r = fill_entry(h, a, t, i, &k, value);
	else if (r == 1 && replace)
		r = replace_at(h, a, t, i, value, ret_old);
	return container_leave(&h->c, r);
}

FUSION_API int fusion_hash_insert(struct fusion_hash *hash,
				  struct fusion_key key,
				  struct fusion_value value)
{
	int r = hash_put(hash, &key, value, false, NULL);

	return told(r == 1 ? -EEXIST : r);
}

FUSION_API int fusion_hash_replace(struct fusion_hash *hash,
				   struct fusion_key key,
				   struct fusion_value value,
				   struct fusion_value *ret_old)
{
	return told(hash_put(hash, &key, value, true, ret_old));
}

static int refuse_no_bytes(const struct fusion_hash *h)
{
	return refuse(-EINVAL,
		      "hash at %p: its values are not bytes: create it with "
		      "FUSION_CONTAINER_BYTES",
		      (const void *)h);
}

/* Insert or replace in a settled hash.  0: the entry is new; 1: the key had
 * one.
 */
static int put_copy(struct fusion_hash *h, struct fusion_arena *a,
		    const struct needle *k, const void *bytes, size_t size)
{
	struct fusion_value value;
	struct hash_table *t;
	int64_t i;
	int r, there = hash_make_room(h, a, k, &t, &i);

	if (there < 0)
		return there;
	r = bytes_make(h, a, bytes, size, &value);
	if (r < 0)
		return r;
	if (there)
		return replace_at(h, a, t, i, value, NULL);
	r = fill_entry(h, a, t, i, k, value);
	if (r < 0)
		twin_settle(&h->table, a);
	return r;
}

FUSION_API int fusion_hash_put_bytes(struct fusion_hash *hash,
				     struct fusion_key key, const void *bytes,
				     size_t size)
{
	struct fusion_arena *a;
	struct needle k;
	int r = bytes || !size ? hash_enter(hash, &a)
			       : refuse_null("hash", "bytes");

	if (r < 0)
		return told(r);
	r = has_bytes(hash) ? needle_init(&k, hash, a, &key)
			    : refuse_no_bytes(hash);
	if (r == 0)
		r = hash_settle(hash, a);
	if (r == 0)
		r = put_copy(hash, a, &k, bytes, size);
	return told(container_leave(&hash->c, r));
}

/* --- Removing --------------------------------------------------------------
 */

/* Remove an entry.  Commit point: the store of the tag. */
int hash_remove_at(struct fusion_hash *h, struct fusion_arena *a,
		   struct hash_table *t, uint64_t i,
		   struct fusion_value *ret_old)
{
	struct hash_entry *e = &table_entries(t)[i];
	uint32_t tag = hash_tag_removed(t, i);
	struct fusion_value old = e->value;
	int r;

	hash_announce(h, BUSY_REMOVE, i, t->n - 1);
	t->filled -= tag == TAG_IS_FREE;
	compiler_fence();
	store_relaxed(&t->tags[i], tag);
	compiler_fence();
	if (SEED_BUG(61))
		hash_done(h);
	r = hash_finish_remove(h, a, t, e, owns_values(h) && !ret_old);
	/* If freeing failed, the announcement stays. */
	if (r == 0)
		hash_done(h);
	if (ret_old)
		*ret_old = old;
	return 0;
}

FUSION_API int fusion_hash_remove(struct fusion_hash *hash,
				  struct fusion_key key,
				  struct fusion_value *ret_old)
{
	struct fusion_arena *a;
	struct hash_table *t = NULL;
	int64_t i = -1;
	int r = hash_enter(hash, &a);

	if (r < 0)
		return told(r);
	r = hash_settle(hash, a);
	if (r == 0)
		r = find_key(hash, a, &key, &t, &i);
	if (r == 0)
		r = -ENOENT;
	if (r == 1) {
		r = hash_remove_at(hash, a, t, (uint64_t)i, ret_old);
		table_shrink(hash, a);
	}
	return told(container_leave(&hash->c, r));
}

/* --- Reading ---------------------------------------------------------------
 */

/* Not inlined, so that the fast path saves few registers. */
static __attribute__((noinline)) int value_slow(struct fusion_hash *hash,
						const struct fusion_key *key,
						struct fusion_value *ret)
{
	struct fusion_arena *a;
	struct hash_table *t = NULL;
	int64_t i = -1;
	int r = hash_enter(hash, &a);

	if (r < 0)
		return r;
	r = find_key(hash, a, key, &t, &i);
	if (r == 1 && ret)
		*ret = table_entries(t)[i].value;
	if (r >= 0)
		r = r == 1 ? 0 : -ENOENT;
	return container_leave(&hash->c, r);
}

/* Find the entry of a word; NULL: the hash does not have it. */
static inline const struct hash_entry *find_word(const struct fusion_hash *h,
						 const struct hash_table *t,
						 uint64_t word)
{
	const struct hash_entry *entries = table_entries(t);
	uint64_t mask = table_size(t) - 1, home, i;
	uint32_t wanted = tag_of_word(h, word), tag;

	i = home = table_home(t, wanted);
	__builtin_prefetch(&entries[i]);
	do {
		tag = t->tags[i];
		if (tag == wanted && LIKELY(entries[i].key.word == word))
			return &entries[i];
		i = (i + 1) & mask;
	} while (tag != TAG_IS_FREE && LIKELY(i != home));
	return NULL;
}

/* The fast path is for numbers, in a hash without a lock, in the arena that the
 * thread used last. */
FUSION_API int fusion_hash_value(struct fusion_hash *hash,
				 struct fusion_key key,
				 struct fusion_value *ret)
{
	struct tcache *c = tls_current;
	const struct hash_entry *e;
	struct hash_table *t;

	if (UNLIKELY(container_look(c, &hash->c, CONTAINER_HASH)) ||
	    key.type != FUSION_KEY_INT || hash->key_type != FUSION_KEY_INT ||
	    UNLIKELY(table_of(hash, c->arena, &t) < 0) || UNLIKELY(!t))
		return told(value_slow(hash, &key, ret));
	e = find_word(hash, t, key.at);
	if (!e)
		return told(-ENOENT);
	if (LIKELY(ret))
		*ret = e->value;
	return 0;
}

FUSION_API int fusion_hash_get_bytes(struct fusion_hash *hash,
				     struct fusion_key key, void *buf,
				     size_t size, size_t *ret_length)
{
	struct fusion_arena *a;
	struct hash_table *t = NULL;
	int64_t i = -1;
	int r = buf || !size ? hash_enter(hash, &a)
			     : refuse_null("hash", "buf");

	if (r < 0)
		return told(r);
	r = has_bytes(hash) ? find_key(hash, a, &key, &t, &i)
			    : refuse_no_bytes(hash);
	if (r == 1)
		r = bytes_copy(a, "hash", table_entries(t)[i].own, buf, size,
			       ret_length);
	else if (r == 0)
		r = -ENOENT;
	return told(container_leave(&hash->c, r));
}
