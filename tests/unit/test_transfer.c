/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves of a value between two containers of any kind. */
#include "tests/half_transfer.h"
#include "tests/unit/container_member.h"

#define WORDS FUSION_CONTAINER_WORDS
#define LOCKED (FUSION_CONTAINER_WORDS | FUSION_CONTAINER_LOCK)
#define AUTOFREE FUSION_CONTAINER_AUTOFREE
#define BYTES FUSION_CONTAINER_BYTES
#define THREADS 4
#define ROUNDS 2000

static struct fusion_hash *hash, *cache;
static struct fusion_list *list;
static struct fusion_vector *vector, *row;

static int create_all(uint32_t flags)
{
	assert_int_equal(hash_create(arena, FUSION_KEY_INT, flags, &hash), 0);
	assert_int_equal(hash_create(arena, FUSION_KEY_STRING, flags, &cache),
			 0);
	assert_int_equal(list_create(arena, flags, &list), 0);
	assert_int_equal(vector_create(arena, flags, &vector), 0);
	return vector_create(arena, flags, &row);
}

static int set_up_all(void **state)
{
	set_up(state);
	return create_all(WORDS);
}

static int set_up_locked(void **state)
{
	set_up(state);
	return create_all(LOCKED);
}

static int tear_down_all(void **state)
{
	assert_int_equal(fusion_hash_destroy(hash), 0);
	assert_int_equal(fusion_hash_destroy(cache), 0);
	assert_int_equal(fusion_list_destroy(list), 0);
	assert_int_equal(fusion_vector_destroy(vector), 0);
	assert_int_equal(fusion_vector_destroy(row), 0);
	return tear_down(state);
}

static struct fusion_key key(uint64_t k)
{
	return fusion_key_int(k);
}

static struct fusion_key name(const char *s)
{
	return fusion_key_string(s);
}

/* --- What they have --------------------------------------------------------
 */

/* The value of a key; UINT64_MAX: it has none. */
static uint64_t in_hash(struct fusion_hash *h, struct fusion_key k)
{
	struct fusion_value value;
	int r = fusion_hash_value(h, k, &value);

	assert_true(r == 0 || r == -ENOENT);
	return r == 0 ? value.word : UINT64_MAX;
}

static void expect_list(const uint64_t *want, size_t n)
{
	struct fusion_list_node *x = NULL;
	struct fusion_value value;

	assert_int_equal(list_size(list), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(fusion_list_next(list, x, &x), 1);
		assert_int_equal(fusion_list_value(list, x, &value), 0);
		assert_int_equal(value.word, want[i]);
	}
	assert_int_equal(fusion_list_next(list, x, &x), 0);
}

static void expect_row(struct fusion_vector *v, const uint64_t *want, size_t n)
{
	struct fusion_value value;

	assert_int_equal(vector_size(v), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(fusion_vector_at(v, i, &value), 0);
		assert_int_equal(value.word, want[i]);
	}
}

#define EXPECT_LIST(...)                                      \
	expect_list((const uint64_t[]){__VA_ARGS__},          \
		    sizeof((const uint64_t[]){__VA_ARGS__}) / \
			    sizeof(uint64_t))
#define EXPECT_ROW(v, ...)                               \
	expect_row((v), (const uint64_t[]){__VA_ARGS__}, \
		   sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* --- Moves -----------------------------------------------------------------
 */

static void test_hash_to_list(void **state)
{
	struct fusion_list_node *x, *y;
	struct fusion_value value;

	(void)state;
	for (uint64_t i = 1; i < 4; i++)
		assert_int_equal(fusion_hash_insert(hash, key(i), word(i)), 0);
	assert_int_equal(fusion_hash_move_to_list(hash, key(2), list, NULL, &x),
			 0);
	assert_int_equal(fusion_list_value(list, x, &value), 0);
	assert_int_equal(value.word, 2);
	assert_int_equal(fusion_hash_move_to_list(hash, key(1), list, x, NULL),
			 0);
	assert_int_equal(fusion_hash_move_to_list(hash, key(3), list, x, &y),
			 0);
	assert_ptr_not_equal(x, y);
	EXPECT_LIST(1, 3, 2);
	assert_int_equal(hash_size(hash), 0);
	assert_int_equal(in_hash(hash, key(2)), UINT64_MAX);
	/* The node is one like any other. */
	assert_int_equal(fusion_list_remove(list, y, NULL), 0);
	EXPECT_LIST(1, 2);
}

static void test_list_to_hash(void **state)
{
	struct fusion_list_node *x[3];

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(fusion_list_insert_back(list, word(i), &x[i]),
				 0);
	assert_int_equal(fusion_list_move_to_hash(list, x[1], cache, name("b")),
			 1);
	EXPECT_LIST(0, 2);
	assert_int_equal(
		fusion_list_move_to_hash(list, &list->ring, cache, name("c")),
		-EINVAL);
	assert_int_equal(fusion_list_move_to_hash(list, NULL, cache, name("a")),
			 1);
	assert_int_equal(fusion_list_move_to_hash(list, NULL, cache, name("c")),
			 1);
	/* None is left. */
	assert_int_equal(fusion_list_move_to_hash(list, NULL, cache, name("d")),
			 0);
	assert_int_equal(list_size(list), 0);
	assert_int_equal(hash_size(cache), 3);
	assert_int_equal(in_hash(cache, name("a")), 0);
	assert_int_equal(in_hash(cache, name("b")), 1);
	assert_int_equal(in_hash(cache, name("c")), 2);
}

/* Keys of two types, and so many that both tables change. */
static void test_hash_to_hash(void **state)
{
	struct fusion_key to;
	char text[32];

	(void)state;
	for (uint64_t i = 0; i < 500; i++)
		assert_int_equal(fusion_hash_insert(hash, key(i), word(i)), 0);
	for (uint64_t i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)i);
		to = name(text);
		assert_int_equal(fusion_hash_move(hash, key(i), cache, &to), 0);
		assert_int_equal(in_hash(hash, key(i)), UINT64_MAX);
		assert_int_equal(in_hash(cache, to), i);
		assert_int_equal(hash_size(hash) + hash_size(cache), 500);
	}
	assert_int_equal(hash_size(cache), 500);
}

static void test_hash_same_key(void **state)
{
	struct fusion_hash *other;

	(void)state;
	assert_int_equal(hash_create(arena, FUSION_KEY_STRING, WORDS, &other),
			 0);
	assert_int_equal(fusion_hash_insert(cache, name("a"), word(1)), 0);
	assert_int_equal(fusion_hash_move(cache, name("a"), other, NULL), 0);
	assert_int_equal(in_hash(cache, name("a")), UINT64_MAX);
	assert_int_equal(in_hash(other, name("a")), 1);
	assert_int_equal(fusion_hash_destroy(other), 0);
}

/* The key that an iteration gives is the giver's own copy. */
static void test_hash_key_of_giver(void **state)
{
	struct fusion_hash_iter it;
	struct fusion_hash *other;
	struct fusion_key k;

	(void)state;
	assert_int_equal(hash_create(arena, FUSION_KEY_STRING, WORDS, &other),
			 0);
	assert_int_equal(fusion_hash_insert(cache, name("a"), word(1)), 0);
	assert_int_equal(fusion_hash_iter_begin(&it, cache), 0);
	assert_int_equal(fusion_hash_next(&it, &k, NULL), 1);
	assert_int_equal(fusion_hash_move(cache, k, other, NULL), 0);
	assert_int_equal(in_hash(other, name("a")), 1);
	assert_int_equal(fusion_hash_destroy(other), 0);
}

static void test_vector(void **state)
{
	struct fusion_list_node *x;

	(void)state;
	for (uint64_t i = 0; i < 40; i++) {
		assert_int_equal(fusion_hash_insert(hash, key(i), word(i)), 0);
		assert_int_equal(
			fusion_hash_move_to_vector(hash, key(i), vector), 0);
	}
	assert_int_equal(vector_size(vector), 40);
	for (uint64_t i = 39; i >= 5; i--)
		assert_int_equal(fusion_vector_move_to_vector(vector, i, row),
				 0);
	EXPECT_ROW(vector, 0, 1, 2, 3, 4);
	assert_int_equal(vector_size(row), 35);
	assert_int_equal(fusion_vector_move_to_list(vector, 2, list, NULL, &x),
			 0);
	assert_int_equal(fusion_vector_move_to_list(vector, 0, list, x, NULL),
			 0);
	EXPECT_LIST(0, 2);
	EXPECT_ROW(vector, 1, 3, 4);
	assert_int_equal(
		fusion_vector_move_to_hash(vector, 1, cache, name("c")), 0);
	EXPECT_ROW(vector, 1, 4);
	assert_int_equal(in_hash(cache, name("c")), 3);
	assert_int_equal(fusion_list_move_to_vector(list, NULL, vector), 1);
	assert_int_equal(fusion_list_move_to_vector(list, NULL, vector), 1);
	assert_int_equal(fusion_list_move_to_vector(list, NULL, vector), 0);
	EXPECT_ROW(vector, 1, 4, 0, 2);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fusion_vector_move_to_vector(vector, 0, row),
				 0);
	assert_int_equal(vector_size(vector), 0);
	assert_int_equal(vector_size(row), 39);
}

/* --- Errors ----------------------------------------------------------------
 */

static void expect_said(int r, int want, const char *text)
{
	assert_int_equal(r, want);
	assert_non_null(strstr(fusion_strerror(r), text));
}

static void test_absent(void **state)
{
	struct fusion_list_node *got = (void *)&arena;

	(void)state;
	expect_said(fusion_hash_move(hash, key(1), cache, NULL), -ENOENT,
		    "does not have the key");
	expect_said(fusion_hash_move_to_list(hash, key(1), list, NULL, &got),
		    -ENOENT, "does not have the key");
	expect_said(fusion_hash_move_to_vector(hash, key(1), vector), -ENOENT,
		    "does not have the key");
	expect_said(fusion_vector_move_to_list(vector, 0, list, NULL, &got),
		    -ERANGE, "index");
	assert_int_equal(
		fusion_vector_move_to_hash(vector, 0, cache, name("a")),
		-ERANGE);
	assert_int_equal(fusion_vector_move_to_vector(vector, 0, row), -ERANGE);
	assert_ptr_equal(got, &arena);
}

static void test_exists(void **state)
{
	struct fusion_list_node *x;
	struct fusion_key k = name("a");

	(void)state;
	assert_int_equal(fusion_hash_insert(cache, k, word(9)), 0);
	assert_int_equal(fusion_hash_insert(hash, key(1), word(1)), 0);
	assert_int_equal(fusion_list_insert_back(list, word(2), &x), 0);
	assert_int_equal(fusion_vector_add(vector, word(3)), 0);
	expect_said(fusion_hash_move(hash, key(1), cache, &k), -EEXIST,
		    "remove");
	assert_int_equal(fusion_list_move_to_hash(list, x, cache, k), -EEXIST);
	assert_int_equal(fusion_vector_move_to_hash(vector, 0, cache, k),
			 -EEXIST);
	assert_int_equal(in_hash(cache, k), 9);
	assert_int_equal(in_hash(hash, key(1)), 1);
	EXPECT_LIST(2);
	EXPECT_ROW(vector, 3);
	assert_int_equal(hash_size(cache), 1);
}

static void test_arguments(void **state)
{
	struct fusion_list_node *got = (void *)&arena;
	struct fusion_key k = name("a");

	(void)state;
	assert_int_equal(fusion_hash_insert(hash, key(1), word(1)), 0);
	assert_int_equal(fusion_list_insert_back(list, word(2), NULL), 0);
	assert_int_equal(fusion_vector_add(vector, word(3)), 0);
	expect_said(fusion_hash_move(hash, key(1), hash, &k), -EINVAL, "both");
	expect_said(fusion_vector_move_to_vector(vector, 0, vector), -EINVAL,
		    "both");
	assert_int_equal(fusion_hash_move(NULL, key(1), cache, &k), -EINVAL);
	assert_int_equal(fusion_hash_move(hash, key(1), NULL, &k), -EINVAL);
	assert_int_equal(
		fusion_hash_move_to_list(hash, key(1), NULL, NULL, &got),
		-EINVAL);
	assert_int_equal(fusion_hash_move_to_list(hash, key(1), (void *)vector,
						  NULL, &got),
			 -EINVAL);
	assert_int_equal(fusion_hash_move_to_vector((void *)list, key(1), row),
			 -EINVAL);
	assert_int_equal(fusion_list_move_to_hash(NULL, NULL, cache, k),
			 -EINVAL);
	assert_int_equal(fusion_vector_move_to_list(vector, 0, (void *)&arena,
						    NULL, &got),
			 -EINVAL);
	/* A key of another type, on either side. */
	expect_said(fusion_hash_move(hash, key(1), cache, NULL), -EINVAL,
		    "type");
	assert_int_equal(fusion_hash_move_to_list(hash, k, list, NULL, &got),
			 -EINVAL);
	expect_said(fusion_list_move_to_hash(list, NULL, cache, key(1)),
		    -EINVAL, "type");
	/* Nodes that are not where they should be. */
	expect_said(
		fusion_hash_move_to_list(hash, key(1), list, &list->ring, &got),
		-EINVAL, "node");
	assert_int_equal(fusion_hash_move_to_list(hash, key(1), list,
						  (void *)&arena, &got),
			 -EINVAL);
	assert_int_equal(fusion_list_move_to_hash(list, &list->ring, cache, k),
			 -EINVAL);
	assert_int_equal(
		fusion_list_move_to_hash(list, (void *)vector, cache, k),
		-EINVAL);
	assert_ptr_equal(got, &arena);
	assert_int_equal(in_hash(hash, key(1)), 1);
	EXPECT_LIST(2);
	EXPECT_ROW(vector, 3);
	assert_int_equal(hash_size(cache), 0);
}

static void test_far(void **state)
{
	struct fusion_arena *other = image_enter_at(
		IMAGE_BASE_2, image_create_at(IMAGE_BASE_2, 64ull << 20, 0));
	struct fusion_list *far;

	(void)state;
	assert_int_equal(list_create(other, LOCKED, &far), 0);
	assert_int_equal(fusion_hash_insert(hash, key(1), word(1)), 0);
	expect_said(fusion_hash_move_to_list(hash, key(1), far, NULL, NULL),
		    -EINVAL, "arena");
	/* Neither lock is held any more. */
	assert_int_equal(fusion_list_unlock(far), -EPERM);
	assert_int_equal(fusion_hash_unlock(hash), -EPERM);
	assert_int_equal(in_hash(hash, key(1)), 1);
	assert_int_equal(fusion_list_destroy(far), 0);
	image_leave(other);
}

/* Use up what the heap can give in blocks of @size, and return the last one. */
static void **exhaust(size_t size)
{
	void **last = NULL, **p;

	arena->view.sb->limit = 1;
	while ((p = fusion_malloc(arena, size))) {
		*p = last;
		last = p;
	}
	return last;
}

static void replenish(void **p)
{
	void **next;

	for (; p; p = next) {
		next = *p;
		assert_int_equal(fusion_free(p), 0);
	}
	arena->view.sb->limit = 256ull << 20;
}

/* The node, the copy of the key, the table, the row: each of them fails. */
static void test_no_memory(void **state)
{
	struct fusion_list_node *got = (void *)&arena;
	char text[201] = {0};
	uint64_t before;
	void **used;

	(void)state;
	memset(text, 'k', sizeof(text) - 1);
	for (uint64_t i = 0; i < 7; i++)
		assert_int_equal(fusion_hash_insert(hash, key(i), word(i)), 0);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(fusion_vector_add(vector, word(i)), 0);
	/* It has a table. */
	assert_int_equal(fusion_hash_insert(cache, name("a"), word(1)), 0);
	used = exhaust(sizeof(struct fusion_list_node));
	before = blocks();
	assert_int_equal(
		fusion_hash_move_to_list(hash, key(1), list, NULL, &got),
		-ENOMEM);
	replenish(used);
	used = exhaust(sizeof(text) + 8);
	assert_int_equal(
		fusion_vector_move_to_hash(vector, 0, cache, name(text)),
		-ENOMEM);
	/* The new row of the giver, when the taker is ready. */
	replenish(used);
	used = exhaust(sizeof(struct row) + 12 * 8);
	before = blocks();
	assert_int_equal(
		fusion_vector_move_to_hash(vector, 1, cache, name("b")),
		-ENOMEM);
	assert_int_equal(fusion_hash_move_to_vector(hash, key(1), row),
			 -ENOMEM);
	assert_int_equal(blocks(), before);
	replenish(used);
	assert_ptr_equal(got, &arena);
	assert_int_equal(hash_size(hash), 7);
	assert_int_equal(hash_size(cache), 1);
	assert_int_equal(list_size(list), 0);
	EXPECT_ROW(vector, 0, 1, 2);
	assert_int_equal(vector_size(row), 0);
	/* All of them work again. */
	assert_int_equal(
		fusion_hash_move_to_list(hash, key(1), list, NULL, NULL), 0);
	assert_int_equal(
		fusion_vector_move_to_hash(vector, 1, cache, name("b")), 0);
}

/* --- Flags -----------------------------------------------------------------
 */

/* Put what a hash with @flags may own, or a word or pointer. */
static void put(struct fusion_hash *h, uint32_t flags, struct fusion_key k,
		void *block)
{
	if (flags & BYTES)
		assert_int_equal(fusion_hash_put_bytes(h, k, "bytes", 5), 0);
	else if (flags & AUTOFREE)
		assert_int_equal(
			fusion_hash_insert(
				h, k,
				fusion_value_pointer(fusion_malloc(arena, 8))),
			0);
	else
		assert_int_equal(fusion_hash_insert(
					 h, k,
					 flags & WORDS
						 ? word(1)
						 : fusion_value_pointer(block)),
				 0);
}

/* From a hash with each flag to one with each flag. */
static void test_flags(void **state)
{
	static const uint32_t flags[] = {0, WORDS, AUTOFREE, BYTES};
	static const int want[4][4] = {
		/* to: none   WORDS    AUTOFREE BYTES   */
		{0, 0, 0, -EINVAL},		/* from none */
		{-EINVAL, 0, -EINVAL, -EINVAL}, /* WORDS */
		{0, -EINVAL, 0, -EINVAL},	/* AUTOFREE */
		{0, -EINVAL, 0, 0},		/* BYTES */
	};
	struct fusion_hash *from, *to;
	struct fusion_value value;
	void *block;
	bool owned;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		uint32_t f = flags[i / 4], t = flags[i % 4];
		int r = want[i / 4][i % 4];

		block = fusion_malloc(arena, 8);
		assert_int_equal(hash_create(arena, FUSION_KEY_INT, f, &from),
				 0);
		assert_int_equal(hash_create(arena, FUSION_KEY_INT, t, &to), 0);
		put(from, f, key(1), block);
		assert_int_equal(fusion_hash_value(from, key(1), &value), 0);
		assert_int_equal(fusion_hash_move(from, key(1), to, NULL), r);
		if (r < 0)
			assert_non_null(strstr(fusion_strerror(r), "FUSION_"));
		assert_int_equal(in_hash(r ? from : to, key(1)), value.word);
		assert_int_equal(in_hash(r ? to : from, key(1)), UINT64_MAX);
		owned = t & (AUTOFREE | BYTES);
		assert_int_equal(fusion_hash_destroy(from), 0);
		assert_int_equal(fusion_hash_destroy(to), 0);
		/* The next owner has it. */
		if (f & (AUTOFREE | BYTES) && !owned && r == 0)
			assert_int_equal(
				fusion_free(fusion_value_get_pointer(value)),
				0);
		if (f || !owned || r < 0)
			assert_int_equal(fusion_free(block), 0);
		/* Only the five of the fixture are left. */
		assert_int_equal(blocks(), blocks_before + 5);
	}
}

/* A list has no flag but WORDS, and owns nothing. */
static void test_flags_of_list(void **state)
{
	struct fusion_hash *owner;
	struct fusion_list *pointers;
	struct fusion_list_node *x;
	uint64_t *block = fusion_malloc(arena, 64);

	(void)state;
	assert_int_equal(hash_create(arena, FUSION_KEY_INT, AUTOFREE, &owner),
			 0);
	assert_int_equal(list_create(arena, 0, &pointers), 0);
	assert_int_equal(fusion_list_insert_back(
				 pointers, fusion_value_pointer(block), &x),
			 0);
	assert_int_equal(fusion_list_move_to_hash(pointers, x, owner, key(1)),
			 1);
	expect_said(fusion_hash_move_to_list(owner, key(1), list, NULL, NULL),
		    -EINVAL, "FUSION_CONTAINER_WORDS");
	expect_said(fusion_hash_move_to_vector(owner, key(1), row), -EINVAL,
		    "FUSION_CONTAINER_WORDS");
	assert_int_equal(
		fusion_hash_move_to_list(owner, key(1), pointers, NULL, &x), 0);
	/* It is the program's now. */
	assert_int_equal(fusion_hash_destroy(owner), 0);
	*block = 1;
	/* A pointer into a block is none to a block. */
	assert_int_equal(fusion_list_set(pointers, x,
					 fusion_value_pointer(block + 2), NULL),
			 0);
	assert_int_equal(hash_create(arena, FUSION_KEY_INT, AUTOFREE, &owner),
			 0);
	expect_said(fusion_list_move_to_hash(pointers, x, owner, key(1)),
		    -EINVAL, "fusion_malloc");
	assert_int_equal(fusion_list_insert_back(list, word(1), NULL), 0);
	assert_int_equal(fusion_hash_destroy(owner), 0);
	assert_int_equal(fusion_list_destroy(pointers), 0);
	assert_int_equal(fusion_free(block), 0);
}

/* The length comes along. */
static void test_bytes(void **state)
{
	struct fusion_hash *from, *to;
	char got[8];
	size_t n;

	(void)state;
	assert_int_equal(hash_create(arena, FUSION_KEY_INT, BYTES, &from), 0);
	assert_int_equal(hash_create(arena, FUSION_KEY_INT, BYTES, &to), 0);
	assert_int_equal(fusion_hash_put_bytes(from, key(1), "abc", 3), 0);
	assert_int_equal(fusion_hash_move(from, key(1), to, NULL), 0);
	assert_int_equal(
		fusion_hash_get_bytes(to, key(1), got, sizeof(got), &n), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(got, "abc", 3);
	assert_int_equal(fusion_hash_destroy(from), 0);
	assert_int_equal(fusion_hash_destroy(to), 0);
}

/* --- After a death ---------------------------------------------------------
 */

/* The list gives its first value to the cache. */
static void leave_half(bool done)
{
	struct fusion_key k = name("k");
	struct transfer_side out = list_side(list, NULL),
			     in = hash_side(cache, &k);

	assert_int_equal(half_transfer(arena, &out, &in, done), 0);
}

static void expect_half(bool done)
{
	assert_int_equal(in_hash(cache, name("k")), done ? 1 : UINT64_MAX);
	assert_int_equal(hash_size(cache), done);
	assert_int_equal(list_size(list), 2 - done);
}

/* The giver is settled first, goes on to others, and ends; or the taker is. */
static void test_half(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		bool done = i & 1, giver = i & 2, ends = i & 4;

		assert_int_equal(fusion_list_insert_back(list, word(1), NULL),
				 0);
		assert_int_equal(fusion_list_insert_back(list, word(2), NULL),
				 0);
		leave_half(done);
		expect_half(done);
		if (giver) {
			while (fusion_list_move_to_vector(list, NULL, row) == 1)
				continue;
			assert_int_equal(vector_size(row), 2 - done);
			assert_int_equal(in_hash(cache, name("k")),
					 done ? 1 : UINT64_MAX);
		}
		if (giver && ends) {
			assert_int_equal(fusion_list_destroy(list), 0);
			assert_int_equal(list_create(arena, WORDS, &list), 0);
		}
		assert_int_equal(fusion_hash_remove(cache, name("k"), NULL),
				 done ? 0 : -ENOENT);
		assert_int_equal(cache->c.state, CONTAINER_ALIVE);
		if (!giver && ends) {
			/* The taker's memory is a block of the program. */
			assert_int_equal(fusion_hash_destroy(cache), 0);
			assert_int_equal(list_size(list), 2 - done);
			assert_int_equal(hash_create(arena, FUSION_KEY_STRING,
						     WORDS, &cache),
					 0);
		}
		if (!giver)
			assert_int_equal(list_size(list), 2 - done);
		while (fusion_list_move_to_vector(list, NULL, row) == 1)
			continue;
		assert_int_equal(list->c.state, CONTAINER_ALIVE);
		assert_int_equal(vector_size(row), 2 - done);
		while (fusion_vector_remove(row, 0, NULL) == 0)
			continue;
	}
}

/* A walk and a copy find the value too. */
static void test_half_walk(void **state)
{
	struct fusion_hash_iter it;
	struct fusion_value value;
	struct fusion_key k;

	(void)state;
	assert_int_equal(fusion_list_insert_back(list, word(1), NULL), 0);
	assert_int_equal(fusion_list_insert_back(list, word(2), NULL), 0);
	leave_half(true);
	EXPECT_LIST(2);
	assert_int_equal(fusion_hash_iter_begin(&it, cache), 0);
	assert_int_equal(fusion_hash_next(&it, &k, &value), 1);
	assert_string_equal(fusion_key_get_pointer(k), "k");
	assert_int_equal(value.word, 1);
	assert_int_equal(fusion_hash_iter_remove(&it, NULL), 0);
	assert_int_equal(hash_size(cache), 0);
	EXPECT_LIST(2);
}

/* Nobody has freed the node yet, and it is none of the list's any more. */
static void test_half_node(void **state)
{
	struct fusion_list_node *given, *next;
	struct fusion_value value;

	(void)state;
	for (unsigned done = 0; done < 2; done++) {
		int want = done ? -EINVAL : 0;

		assert_int_equal(fusion_list_insert_back(list, word(1), &given),
				 0);
		assert_int_equal(fusion_list_insert_back(list, word(2), NULL),
				 0);
		leave_half(done);
		assert_int_equal(fusion_list_value(list, given, &value), want);
		assert_int_equal(fusion_list_next(list, given, &next),
				 done ? -EINVAL : 1);
		fusion_hash_remove(cache, name("k"), NULL);
		while (fusion_list_move_to_vector(list, NULL, row) == 1)
			continue;
	}
}

/* --- Hostile memory --------------------------------------------------------
 */

static void test_corrupt(void **state)
{
	static const uint64_t words[] = {0,	     1,	 TRANSFER_IN, ~0ull,
					 1ull << 63, 15, ~0ull - 12};

	(void)state;
	assert_int_equal(fusion_list_insert_back(list, word(1), NULL), 0);
	assert_int_equal(fusion_list_insert_back(list, word(2), NULL), 0);
	/* The other one is no container: it has not happened. */
	leave_half(false);
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cache->transfer = words[i];
		assert_int_equal(hash_size(cache), 0);
		cache->transfer = (uintptr_t)list->ring.next | TRANSFER_IN;
		assert_int_equal(hash_size(cache), 0);
		list->transfer = words[i];
		assert_int_equal(list_size(list), 2);
	}
	/* What is announced is nonsense. */
	cache->then_tag = TAG_IS_REMOVED;
	assert_int_equal(fusion_hash_remove(cache, name("k"), NULL), -EIO);
	cache->then_tag = 77;
	cache->busy |= BUSY_REPLACE;
	assert_int_equal(fusion_hash_remove(cache, name("k"), NULL), -EIO);
	cache->busy ^= BUSY_REMOVE;
	cache->busy += 1 << 20;
	assert_int_equal(fusion_hash_remove(cache, name("k"), NULL), -EIO);
	assert_int_equal(hash_size(cache), 0);
	assert_int_equal(in_hash(cache, name("k")), UINT64_MAX);
	cache->busy -= 1 << 20;
	assert_int_equal(fusion_hash_remove(cache, name("k"), NULL), -ENOENT);
	list->op = OP_TAKE + 1;
	assert_int_equal(fusion_list_insert_back(list, word(3), NULL), -EIO);
	list->op = OP_GIVE;
	assert_int_equal(fusion_list_insert_back(list, word(3), NULL), 0);
	assert_int_equal(list_size(list), 3);
}

static void test_corrupt_vector(void **state)
{
	(void)state;
	assert_int_equal(fusion_vector_add(vector, word(1)), 0);
	vector->op = VECTOR_SETTLING + 1;
	assert_int_equal(fusion_vector_insert(vector, 0, word(2)), -EIO);
	vector->op = VECTOR_TRANSFER;
	vector->transfer = (uintptr_t)list | TRANSFER_GONE;
	vector->c.state = CONTAINER_MOVING;
	vector->then_turns = vector->row.turns;
	vector->then_range = RANGE(10, 10);
	assert_int_equal(vector_size(vector), -EIO);
	assert_int_equal(fusion_vector_insert(vector, 0, word(2)), -EIO);
	vector->then_turns++;
	vector->then_range = RANGE(0, 1);
	assert_int_equal(vector_size(vector), -EIO);
	vector->transfer = 0;
	assert_int_equal(fusion_vector_insert(vector, 0, word(2)), 0);
	EXPECT_ROW(vector, 2, 1);
}

/* --- Many at once ----------------------------------------------------------
 */

/* A node that is found stays one until the list is unlocked. */
static void hold_list(bool hold)
{
	if (list->c.flags & FUSION_CONTAINER_LOCK)
		assert_int_equal(hold ? fusion_list_lock(list)
				      : fusion_list_unlock(list),
				 0);
}

/* Ten values go round, each with its own number for a key. */
static void step_round(uint64_t k)
{
	struct fusion_list_node *before = NULL;
	struct fusion_hash_iter it;
	struct fusion_value value;
	struct fusion_key found;
	char text[8];

	switch (k % 5) {
	case 0:
		hold_list(true);
		if (fusion_list_next(list, NULL, &before) == 1 &&
		    fusion_list_value(list, before, &value) == 0)
			fusion_list_move_to_hash(list, before, hash,
						 key(value.word));
		hold_list(false);
		break;
	case 1:
		if (fusion_hash_iter_begin(&it, hash) == 0 &&
		    fusion_hash_next(&it, &found, &value) == 1) {
			snprintf(text, sizeof(text), "%u",
				 (unsigned)value.word);
			found = name(text);
			fusion_hash_move(hash, key(value.word), cache, &found);
		}
		break;
	case 2:
		snprintf(text, sizeof(text), "%u", (unsigned)(k / 5 % 10));
		fusion_hash_move_to_vector(cache, name(text), vector);
		break;
	case 3:
		fusion_vector_move_to_vector(vector, k / 5 % 3, row);
		break;
	default:
		hold_list(true);
		if (k / 5 % 2)
			fusion_list_next(list, NULL, &before);
		fusion_vector_move_to_list(row, 0, list, before, NULL);
		hold_list(false);
	}
}

static void add_value(uint64_t *all, uint64_t w)
{
	assert_in_range(w, 0, 9);
	assert_int_equal(*all & 1ull << w, 0);
	*all |= 1ull << w;
}

static void add_values(uint64_t *all, struct fusion_hash *h)
{
	struct fusion_hash_iter it;
	struct fusion_value value;

	assert_int_equal(fusion_hash_iter_begin(&it, h), 0);
	while (fusion_hash_next(&it, NULL, &value) == 1)
		add_value(all, value.word);
}

/* Every value that the five have, as a bit; none is there twice. */
static uint64_t all_values(void)
{
	struct fusion_list_node *x = NULL;
	struct fusion_value value;
	uint64_t all = 0;

	while (fusion_list_next(list, x, &x) == 1) {
		assert_int_equal(fusion_list_value(list, x, &value), 0);
		add_value(&all, value.word);
	}
	for (uint64_t i = 0; fusion_vector_at(vector, i, &value) == 0; i++)
		add_value(&all, value.word);
	for (uint64_t i = 0; fusion_vector_at(row, i, &value) == 0; i++)
		add_value(&all, value.word);
	add_values(&all, hash);
	add_values(&all, cache);
	return all;
}

static int64_t all_sizes(void)
{
	return list_size(list) + hash_size(hash) + hash_size(cache) +
	       vector_size(vector) + vector_size(row);
}

/* A hundred deaths: each value is in one of the containers, and in one only. */
static void test_killed(void **state)
{
	uint64_t from = 0, seed = 11;

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(fusion_list_insert_back(list, word(i), NULL),
				 0);
	for (unsigned i = 0; i < 100; i++) {
		struct victim v = victim_start(from, step_round);

		from = victim_kill(&v, from + next_random(&seed) % 300);
		if (i % 2)
			life_sweep(&arena->view);
		assert_int_equal(all_values(), 1023);
		assert_int_equal(all_sizes(), 10);
		for (unsigned k = 0; k < 5; k++)
			step_round(from++);
		assert_int_equal(all_values(), 1023);
		assert_int_equal(all_sizes(), 10);
		life_sweep(&arena->view);
		/* Nodes, copies of keys, tables and rows. */
		assert_int_equal(blocks() - blocks_before,
				 5 + (uint64_t)list_size(list) +
					 (uint64_t)hash_size(cache) +
					 !!hash->table.block[0] +
					 !!hash->table.block[1] +
					 !!cache->table.block[0] +
					 !!cache->table.block[1] +
					 !!vector->row.block[0] +
					 !!vector->row.block[1] +
					 !!row->row.block[0] +
					 !!row->row.block[1]);
	}
}

static void *go_round(void *arg)
{
	for (uint64_t k = (uintptr_t)arg; k < ROUNDS; k++)
		step_round(k);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(fusion_list_insert_back(list, word(i), NULL),
				 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, go_round, (void *)i),
			0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(all_values(), 1023);
}

#define MOVE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up_all, tear_down_all)
#define MOVE_TEST_LOCKED(test) \
	cmocka_unit_test_setup_teardown(test, set_up_locked, tear_down_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MOVE_TEST(test_hash_to_list),
		MOVE_TEST_LOCKED(test_hash_to_list),
		MOVE_TEST(test_list_to_hash),
		MOVE_TEST_LOCKED(test_list_to_hash),
		MOVE_TEST(test_hash_to_hash),
		MOVE_TEST_LOCKED(test_hash_to_hash),
		MOVE_TEST(test_hash_same_key),
		MOVE_TEST(test_hash_key_of_giver),
		MOVE_TEST(test_vector),
		MOVE_TEST_LOCKED(test_vector),
		MOVE_TEST(test_absent),
		MOVE_TEST_LOCKED(test_absent),
		MOVE_TEST(test_exists),
		MOVE_TEST_LOCKED(test_exists),
		MOVE_TEST(test_arguments),
		MOVE_TEST_LOCKED(test_arguments),
		MOVE_TEST_LOCKED(test_far),
		MOVE_TEST(test_no_memory),
		MOVE_TEST(test_flags),
		MOVE_TEST(test_flags_of_list),
		MOVE_TEST(test_bytes),
		MOVE_TEST(test_half),
		MOVE_TEST(test_half_walk),
		MOVE_TEST(test_half_node),
		MOVE_TEST(test_corrupt),
		MOVE_TEST(test_corrupt_vector),
		MOVE_TEST_LOCKED(test_killed),
		MOVE_TEST_LOCKED(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
