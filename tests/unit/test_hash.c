/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes. */
#include "tests/unit/container_member.h"

#include "libfusion/containers/hash.h"
#include "libfusion/containers/hash_table.h"

#define WORDS FUSION_CONTAINER_WORDS
#define LOCK FUSION_CONTAINER_LOCK
#define THREADS 4
#define ROUNDS 2000

static struct fusion_hash *hash;

static void create(enum fusion_key_type keys, uint32_t flags)
{
	assert_int_equal(hash_create(arena, keys, flags, &hash), 0);
}

static int tear_down_hash(void **state)
{
	assert_int_equal(fusion_hash_destroy(hash), 0);
	return tear_down(state);
}

static struct hash_table *table(void)
{
	return twin_block(&hash->table);
}

/* -1: it is not there. */
static int64_t lookup(struct fusion_key key)
{
	struct fusion_value value;
	int r = fusion_hash_value(hash, key, &value);

	if (r == 0)
		return (int64_t)value.word;
	assert_int_equal(r, -ENOENT);
	return -1;
}

static int64_t lookup_int(uint64_t key)
{
	return lookup(fusion_key_int(key));
}

static void insert_int(uint64_t key, uint64_t value)
{
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_int(key), word(value)), 0);
}

/* --- Keys ------------------------------------------------------------------
 */

static void test_strings(void **state)
{
	struct fusion_value old;
	char name[40] = "a";

	(void)state;
	create(FUSION_KEY_STRING, WORDS);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string(name), word(1)), 0);
	/* It has a copy. */
	name[0] = 'b';
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string(name), word(2)), 0);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string(""), word(3)), 0);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string("b"), word(4)),
		-EEXIST);
	assert_int_equal(lookup(fusion_key_string("a")), 1);
	assert_int_equal(lookup(fusion_key_string("b")), 2);
	assert_int_equal(lookup(fusion_key_string("")), 3);
	assert_int_equal(lookup(fusion_key_string("ab")), -1);
	assert_int_equal(hash_size(hash), 3);
	assert_int_equal(fusion_hash_replace(hash, fusion_key_string("b"),
					     word(5), &old),
			 1);
	assert_int_equal(old.word, 2);
	assert_int_equal(fusion_hash_replace(hash, fusion_key_string("c"),
					     word(6), &old),
			 0);
	assert_int_equal(fusion_hash_remove(hash, fusion_key_string("b"), &old),
			 0);
	assert_int_equal(old.word, 5);
	assert_int_equal(fusion_hash_remove(hash, fusion_key_string("b"), NULL),
			 -ENOENT);
	assert_int_equal(lookup(fusion_key_string("c")), 6);
	assert_int_equal(hash_size(hash), 3);
}

static void test_bytes(void **state)
{
	static const char text[] = "0123456789abcdefghijklmn";

	(void)state;
	create(FUSION_KEY_BYTES, WORDS);
	for (uint32_t n = 0; n < sizeof(text); n++)
		assert_int_equal(fusion_hash_insert(hash,
						    fusion_key_bytes(text, n),
						    word(n)),
				 0);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_bytes("\0", 1), word(99)),
		0);
	for (uint32_t n = 0; n < sizeof(text); n++)
		assert_int_equal(lookup(fusion_key_bytes(text, n)), n);
	assert_int_equal(lookup(fusion_key_bytes("\0", 1)), 99);
	assert_int_equal(lookup(fusion_key_bytes("\0", 2)), -1);
	assert_int_equal(lookup(fusion_key_bytes(NULL, 0)), 0);
}

static void test_pointers(void **state)
{
	char *block[100];

	(void)state;
	create(FUSION_KEY_POINTER, 0);
	for (unsigned i = 0; i < 100; i++) {
		block[i] = fusion_malloc(arena, 32);
		assert_int_equal(
			fusion_hash_insert(hash, fusion_key_pointer(block[i]),
					   fusion_value_pointer(block[i] + 1)),
			0);
	}
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(lookup(fusion_key_pointer(block[i])),
				 (uintptr_t)block[i] + 1);
		assert_int_equal(lookup(fusion_key_pointer(block[i] + 1)), -1);
		fusion_free(block[i]);
	}
}

static void test_bad_arguments(void **state)
{
	struct fusion_hash *other, *nothing = (void *)&arena;
	struct fusion_hash_iter it = {0}, was = {{1, 2, 3}};
	struct fusion_value value;

	(void)state;
	assert_int_equal(hash_create(NULL, 1, 0, &hash), -EINVAL);
	assert_int_equal(hash_create(arena, 5, 0, &hash), -EINVAL);
	assert_int_equal(hash_create(arena, 1, 0x80, &hash), -EINVAL);
	assert_int_equal(hash_create(arena, 1, 6, &hash), -EINVAL);
	assert_int_equal(hash_create(arena, 1, 0, NULL), -EINVAL);
	create(FUSION_KEY_STRING, WORDS);
	assert_int_equal(hash_create(arena, FUSION_KEY_POINTER, 0, &other), 0);

	/* No hashes. */
	assert_int_equal(fusion_hash_count(hash, NULL), -EINVAL);
	assert_int_equal(hash_size(NULL), -EINVAL);
	assert_int_equal(hash_size(nothing), -EINVAL);
	assert_int_equal(hash_size((void *)arena->view.base), -EINVAL);
	assert_int_equal(vector_size((void *)hash), -EINVAL);
	assert_int_equal(fusion_list_destroy((void *)hash), -EINVAL);
	assert_int_equal(fusion_hash_destroy(nothing), -EINVAL);
	assert_int_equal(fusion_hash_destroy(NULL), 0);
	assert_int_equal(fusion_hash_next(NULL, NULL, NULL), -EINVAL);
	assert_int_equal(fusion_hash_lock(hash), -EINVAL);
	assert_int_equal(fusion_hash_reserve(hash, UINT64_MAX), -EINVAL);

	/* No iterations. */
	assert_int_equal(fusion_hash_next(&it, NULL, NULL), -EINVAL);
	assert_int_equal(fusion_hash_iter_remove(&it, NULL), -EINVAL);
	assert_int_equal(fusion_hash_iter_begin(NULL, hash), -EINVAL);
	it = was;
	assert_int_equal(fusion_hash_iter_begin(&it, NULL), -EINVAL);
	assert_int_equal(fusion_hash_iter_begin(&it, nothing), -EINVAL);
	assert_memory_equal(&it, &was, sizeof(it));

	/* No keys of it. */
	assert_int_equal(fusion_hash_insert(hash, fusion_key_int(1), word(1)),
			 -EINVAL);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_bytes("a", 1), word(1)),
		-EINVAL);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string(NULL), word(1)),
		-EINVAL);
	value = fusion_value_pointer(hash);
	assert_int_equal(
		fusion_hash_insert(other, fusion_key_pointer(&value), value),
		-EINVAL);
	assert_int_equal(
		fusion_hash_value(other, fusion_key_pointer(NULL), NULL),
		-EINVAL);

	/* No values of it. */
	value = fusion_value_pointer(&value);
	assert_int_equal(
		fusion_hash_insert(other, fusion_key_pointer(hash), value),
		-EINVAL);
	assert_int_equal(fusion_hash_replace(other, fusion_key_pointer(hash),
					     value, NULL),
			 -EINVAL);
	assert_int_equal(hash_size(hash), 0);
	assert_int_equal(hash_size(other), 0);
	assert_int_equal(fusion_hash_destroy(other), 0);
}

/* --- Values that it owns ---------------------------------------------------
 */

static struct fusion_value some_block(void)
{
	return fusion_value_pointer(fusion_malloc(arena, 40));
}

static void test_autofree(void **state)
{
	struct fusion_value value = some_block(), old, middle;
	uint64_t before;

	(void)state;
	create(FUSION_KEY_INT, FUSION_CONTAINER_AUTOFREE);
	middle = fusion_value_pointer((char *)fusion_value_get_pointer(value) +
				      16);
	assert_int_equal(fusion_hash_insert(hash, fusion_key_int(1), middle),
			 -EINVAL);
	assert_int_equal(fusion_hash_insert(hash, fusion_key_int(1), value), 0);
	before = blocks();
	/* Its own again. */
	assert_int_equal(
		fusion_hash_replace(hash, fusion_key_int(1), value, NULL), 1);
	assert_int_equal(
		fusion_usable_size(fusion_value_get_pointer(value)) > 0, 1);
	assert_int_equal(fusion_hash_replace(hash, fusion_key_int(1),
					     some_block(), NULL),
			 1);
	assert_int_equal(blocks(), before);
	assert_int_equal(fusion_hash_replace(hash, fusion_key_int(1),
					     some_block(), &old),
			 1);
	assert_int_equal(blocks(), before + 1);
	assert_int_equal(fusion_free(fusion_value_get_pointer(old)), 0);
	assert_int_equal(fusion_hash_remove(hash, fusion_key_int(1), &old), 0);
	assert_int_equal(fusion_free(fusion_value_get_pointer(old)), 0);
	assert_int_equal(blocks(), before - 1);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(fusion_hash_insert(hash, fusion_key_int(i),
						    some_block()),
				 0);
	for (uint64_t i = 0; i < 50; i++)
		assert_int_equal(
			fusion_hash_remove(hash, fusion_key_int(i), NULL), 0);
}

/* --- Bytes -----------------------------------------------------------------
 */

static struct fusion_key a_key(uint64_t i)
{
	return fusion_key_int(i);
}

/* Does the sentence about the call that has just failed say @what? */
static void expect_reason(int r, const char *what)
{
	assert_non_null(strstr(fusion_strerror(r), what));
}

/* All sizes about those of the heap; each value has its own length and bytes.
 */
static void test_put_bytes(void **state)
{
	char want[5000], got[5000], *at;
	struct fusion_value value;
	uint64_t before;
	size_t length;

	(void)state;
	create(FUSION_KEY_INT, FUSION_CONTAINER_BYTES | LOCK);
	for (size_t n = 0; n < sizeof(want); n += n < 300 ? 1 : 99) {
		memset(want, (int)(n % 251), n);
		assert_int_equal(fusion_hash_put_bytes(hash, a_key(n), want, n),
				 0);
	}
	for (size_t n = 0; n < sizeof(want); n += n < 300 ? 1 : 99) {
		memset(want, (int)(n % 251), n);
		memset(got, 0xfe, sizeof(got));
		length = 77777;
		assert_int_equal(
			fusion_hash_get_bytes(hash, a_key(n), got, n, &length),
			0);
		assert_int_equal(length, n);
		assert_memory_equal(got, want, n);
		assert_int_equal((unsigned char)got[n], 0xfe);
		assert_int_equal(fusion_hash_value(hash, a_key(n), &value), 0);
		assert_memory_equal(fusion_value_get_pointer(value), want, n);
	}
	/* Longer, shorter, and a part of what the hash itself has. */
	before = blocks();
	assert_int_equal(fusion_hash_put_bytes(hash, a_key(3), want, 4000), 1);
	assert_int_equal(fusion_hash_put_bytes(hash, a_key(3), "abcdef", 6), 1);
	assert_int_equal(fusion_hash_value(hash, a_key(3), &value), 0);
	at = fusion_value_get_pointer(value);
	assert_int_equal(fusion_hash_put_bytes(hash, a_key(3), at + 2, 3), 1);
	assert_int_equal(
		fusion_hash_get_bytes(hash, a_key(3), got, 5000, &length), 0);
	assert_int_equal(length, 3);
	assert_memory_equal(got, "cde", 3);
	assert_int_equal(blocks(), before);
	/* What is given back is the caller's. */
	assert_int_equal(fusion_hash_remove(hash, a_key(3), &value), 0);
	assert_int_equal(blocks(), before);
	assert_int_equal(fusion_free(fusion_value_get_pointer(value)), 0);
	assert_int_equal(fusion_hash_remove(hash, a_key(4), NULL), 0);
	assert_int_equal(blocks(), before - 2);
	assert_null(*twin_other(&hash->table));
}

static void test_get_bytes_errors(void **state)
{
	char got[8] = "1234567";
	struct fusion_hash *other;
	struct fusion_value value;
	size_t length = 99;
	uint64_t *word;

	(void)state;
	assert_int_equal(
		hash_create(arena, 1, FUSION_CONTAINER_BYTES | WORDS, &other),
		-EINVAL);
	assert_int_equal(
		hash_create(arena, 1,
			    FUSION_CONTAINER_BYTES | FUSION_CONTAINER_AUTOFREE,
			    &other),
		-EINVAL);
	create(FUSION_KEY_INT, FUSION_CONTAINER_BYTES);
	assert_int_equal(fusion_hash_get_bytes(hash, a_key(1), got, 8, &length),
			 -ENOENT);
	assert_int_equal(length, 99);
	assert_int_equal(fusion_hash_put_bytes(hash, a_key(1), "abcde", 5), 0);
	/* It says how much room it needs, and copies nothing. */
	assert_int_equal(fusion_hash_get_bytes(hash, a_key(1), got, 4, &length),
			 -EMSGSIZE);
	assert_int_equal(length, 5);
	assert_string_equal(got, "1234567");
	expect_reason(-EMSGSIZE, "5 bytes");
	length = 0;
	assert_int_equal(
		fusion_hash_get_bytes(hash, a_key(1), NULL, 0, &length),
		-EMSGSIZE);
	assert_int_equal(length, 5);
	assert_int_equal(fusion_hash_get_bytes(hash, a_key(1), got, 5, NULL),
			 0);
	assert_string_equal(got, "abcde67");
	assert_int_equal(fusion_hash_get_bytes(hash, a_key(1), NULL, 5, NULL),
			 -EINVAL);
	assert_int_equal(fusion_hash_put_bytes(hash, a_key(1), NULL, 5),
			 -EINVAL);
	assert_int_equal(fusion_hash_put_bytes(hash, a_key(2), NULL, 0), 0);
	assert_int_equal(
		fusion_hash_get_bytes(hash, a_key(2), NULL, 0, &length), 0);
	assert_int_equal(length, 0);
	assert_int_equal(
		fusion_hash_get_bytes(hash, fusion_key_string("a"), got, 8, 0),
		-EINVAL);
	assert_int_equal(
		fusion_hash_put_bytes(hash, fusion_key_string("a"), "b", 1),
		-EINVAL);
	assert_int_equal(fusion_hash_put_bytes(NULL, a_key(1), "b", 1),
			 -EINVAL);
	/* Other values do not go in. */
	value = some_block();
	assert_int_equal(fusion_hash_insert(hash, a_key(3), value), -EINVAL);
	expect_reason(-EINVAL, "fusion_hash_put_bytes()");
	assert_int_equal(fusion_hash_replace(hash, a_key(1), value, NULL),
			 -EINVAL);
	assert_int_equal(fusion_free(fusion_value_get_pointer(value)), 0);
	/* A hash of other values has no bytes. */
	assert_int_equal(hash_create(arena, FUSION_KEY_INT,
				     FUSION_CONTAINER_AUTOFREE, &other),
			 0);
	assert_int_equal(fusion_hash_put_bytes(other, a_key(1), "b", 1),
			 -EINVAL);
	expect_reason(-EINVAL, "FUSION_CONTAINER_BYTES");
	assert_int_equal(fusion_hash_get_bytes(other, a_key(1), got, 8, NULL),
			 -EINVAL);
	assert_int_equal(fusion_hash_destroy(other), 0);
	/* Overwritten. */
	assert_int_equal(fusion_hash_value(hash, a_key(1), &value), 0);
	word = fusion_value_get_pointer(value);
	word[fusion_usable_size(word) / 8 - 1] = 4096;
	assert_int_equal(fusion_hash_get_bytes(hash, a_key(1), got, 8, NULL),
			 -EIO);
}

/* Without memory nothing changes, and nothing is left. */
static void test_put_bytes_no_memory(void **state)
{
	uint64_t before;
	char got[8];

	(void)state;
	create(FUSION_KEY_STRING, FUSION_CONTAINER_BYTES);
	assert_int_equal(
		fusion_hash_put_bytes(hash, fusion_key_string("a"), "abc", 3),
		0);
	before = blocks();
	assert_int_equal(fusion_hash_put_bytes(hash, fusion_key_string("a"),
					       got, SIZE_MAX),
			 -ENOMEM);
	assert_int_equal(fusion_hash_put_bytes(hash, fusion_key_string("b"),
					       got, 1ull << 40),
			 -ENOMEM);
	assert_int_equal(blocks(), before);
	assert_int_equal(hash_size(hash), 1);
	assert_int_equal(fusion_hash_get_bytes(hash, fusion_key_string("a"),
					       got, 3, NULL),
			 0);
	assert_memory_equal(got, "abc", 3);
}

static uint64_t bytes_stop; /* atomic */

/* One byte, as often as the length says. */
static void *write_bytes(void *ctx)
{
	char buf[2000];

	for (uint64_t i = 0; !load_acquire(&bytes_stop); i++) {
		size_t n = 1 + i * 37 % sizeof(buf);

		memset(buf, (int)(n % 256), n);
		if (fusion_hash_put_bytes(ctx, a_key(1), buf, n) < 0)
			return ctx;
	}
	return NULL;
}

static void test_bytes_while_replaced(void **state)
{
	char got[2000];
	pthread_t thread;
	size_t n = 0;
	void *failed;

	(void)state;
	create(FUSION_KEY_INT, FUSION_CONTAINER_BYTES | LOCK);
	assert_int_equal(fusion_hash_put_bytes(hash, a_key(1), "\1", 1), 0);
	store_release(&bytes_stop, 0);
	assert_int_equal(pthread_create(&thread, NULL, write_bytes, hash), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(fusion_hash_get_bytes(hash, a_key(1), got,
						       sizeof(got), &n),
				 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal((unsigned char)got[k], n % 256);
	}
	store_release(&bytes_stop, 1);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
}

/* --- Growing ---------------------------------------------------------------
 */

static void test_grow_and_shrink(void **state)
{
	uint64_t n = 20000;

	(void)state;
	create(FUSION_KEY_INT, WORDS);
	for (uint64_t i = 0; i < n; i++)
		insert_int(i * 0x100000001, i);
	assert_int_equal(hash_size(hash), n);
	assert_true(table_size(table()) >= n);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(lookup_int(i * 0x100000001), i);
	for (uint64_t i = 0; i < n - 3; i++)
		assert_int_equal(
			fusion_hash_remove(
				hash, fusion_key_int(i * 0x100000001), NULL),
			0);
	assert_int_equal(table_size(table()), 8);
	for (uint64_t i = n - 3; i < n; i++)
		assert_int_equal(lookup_int(i * 0x100000001), i);
}

/* What comes and goes does not fill it. */
static void test_churn(void **state)
{
	(void)state;
	create(FUSION_KEY_STRING, WORDS);
	for (uint64_t i = 0; i < 20000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "key %lu", (unsigned long)i);
		assert_int_equal(fusion_hash_insert(hash,
						    fusion_key_string(name),
						    word(i)),
				 0);
		if (i < 20)
			continue;
		snprintf(name, sizeof(name), "key %lu", (unsigned long)i - 20);
		assert_int_equal(
			fusion_hash_remove(hash, fusion_key_string(name), NULL),
			0);
	}
	assert_int_equal(hash_size(hash), 20);
	assert_true(table_size(table()) <= 128);
}

static void test_reserve(void **state)
{
	uint32_t turns;

	(void)state;
	create(FUSION_KEY_INT, WORDS);
	assert_int_equal(fusion_hash_reserve(hash, 5000), 0);
	turns = hash->table.turns;
	for (uint64_t i = 0; i < 5000; i++)
		insert_int(i, i);
	assert_int_equal(hash->table.turns, turns);
	assert_int_equal(fusion_hash_reserve(hash, 5000), 0);
	assert_int_equal(hash->table.turns, turns);
}

/* It becomes full, and twice as large; as small as it can be, when asked. */
static void test_sizes(void **state)
{
	uint64_t n = 0, size = 8;

	(void)state;
	create(FUSION_KEY_INT, WORDS);
	assert_int_equal(fusion_hash_shrink(hash), 0);
	assert_null(table());
	for (; n < 5000; n++) {
		insert_int(n, n);
		if (table_size(table()) == size)
			continue;
		assert_int_equal(n, size / 8 * 7);
		assert_int_equal(table_size(table()), size * 2);
		size *= 2;
	}
	assert_int_equal(fusion_hash_reserve(hash, 50000), 0);
	assert_int_equal(table_size(table()), 65536);
	assert_int_equal(fusion_hash_shrink(hash), 0);
	assert_int_equal(table_size(table()), 8192);
	assert_int_equal(fusion_hash_shrink(hash), 0);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(lookup_int(i), i);
	assert_int_equal(fusion_hash_reserve(hash, 1ull << 31), -EINVAL);
	assert_int_equal(hash_size(hash), n);
}

/* Full memory: what fits goes on. */
static void test_no_memory(void **state)
{
	uint64_t i = 0;
	int r;

	(void)state;
	create(FUSION_KEY_INT, WORDS);
	insert_int(i++, 1);
	while (table_size(table()) < 1u << 14)
		insert_int(i++, 1);
	arena->view.sb->limit = 1;
	do
		r = fusion_hash_insert(hash, fusion_key_int(i++), word(1));
	while (r == 0);
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(hash_size(hash), i - 1);
	for (uint64_t k = 0; k < i - 1; k++)
		assert_int_equal(lookup_int(k), 1);
	assert_int_equal(lookup_int(i), -1);
	arena->view.sb->limit = 0;
	insert_int(i - 1, 1);
}

/* --- Walking ---------------------------------------------------------------
 */

static void test_iterate(void **state)
{
	uint64_t n = 0, sum = 0, n_left = 0;
	struct fusion_hash_iter it;
	struct fusion_value value;
	struct fusion_key key;
	int r;

	(void)state;
	create(FUSION_KEY_INT, WORDS);
	assert_int_equal(fusion_hash_iter_begin(&it, hash), 0);
	assert_int_equal(fusion_hash_next(&it, &key, &value), 0);
	for (uint64_t i = 0; i < 1000; i++)
		insert_int(i, i * 2);
	assert_int_equal(fusion_hash_iter_begin(&it, hash), 0);
	assert_int_equal(fusion_hash_iter_remove(&it, NULL), -ENOENT);
	while ((r = fusion_hash_next(&it, &key, &value)) == 1) {
		assert_int_equal(key.type, FUSION_KEY_INT);
		assert_int_equal(value.word, key.at * 2);
		sum += key.at;
		n++;
		if (key.at % 10 == 0) {
			n_left++;
			continue;
		}
		assert_int_equal(fusion_hash_iter_remove(&it, &value), 0);
		assert_int_equal(value.word, key.at * 2);
		assert_int_equal(fusion_hash_iter_remove(&it, NULL), -ENOENT);
	}
	assert_int_equal(r, 0);
	assert_int_equal(fusion_hash_next(&it, NULL, NULL), 0);
	assert_int_equal(n, 1000);
	assert_int_equal(sum, 499500);
	assert_int_equal(hash_size(hash), n_left);

	assert_int_equal(fusion_hash_iter_begin(&it, hash), 0);
	assert_int_equal(fusion_hash_next(&it, NULL, NULL), 1);
	assert_int_equal(fusion_hash_reserve(hash, 100000), 0);
	assert_int_equal(fusion_hash_next(&it, NULL, NULL), -ESTALE);
	assert_int_equal(fusion_hash_iter_remove(&it, NULL), -ESTALE);
}

/* Who walks removes what it was given, and not what has its place since. */
static void test_iterate_reused(void **state)
{
	static char name[64];
	struct fusion_hash_iter it;
	struct fusion_key key;
	uint64_t at, n = 0;

	(void)state;
	create(FUSION_KEY_STRING, WORDS | LOCK);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string("a"), word(1)), 0);
	assert_int_equal(fusion_hash_iter_begin(&it, hash), 0);
	assert_int_equal(fusion_hash_next(&it, &key, NULL), 1);
	at = hash_iter_of(&it)->at - 1;
	assert_int_equal(fusion_hash_remove(hash, key, NULL), 0);
	/* Until one gets its place; its copy lies where the first one lay. */
	for (;; n++) {
		snprintf(name, sizeof(name), "%lu", (unsigned long)n);
		assert_int_equal(fusion_hash_insert(hash,
						    fusion_key_string(name),
						    word(2)),
				 0);
		if (is_key(table()->tags[at]))
			break;
		assert_int_equal(
			fusion_hash_remove(hash, fusion_key_string(name), NULL),
			0);
	}
	assert_int_equal(fusion_hash_iter_remove(&it, NULL), -ENOENT);
	assert_int_equal(lookup(fusion_key_string(name)), 2);
	assert_int_equal(hash_size(hash), 1);
	/* Behind the last there is none. */
	assert_int_equal(fusion_hash_iter_begin(&it, hash), 0);
	while (fusion_hash_next(&it, NULL, NULL) == 1)
		;
	assert_int_equal(fusion_hash_iter_remove(&it, NULL), -ENOENT);
	/* No iteration. */
	assert_int_equal(fusion_hash_next(NULL, NULL, NULL), -EINVAL);
	assert_int_equal(fusion_hash_iter_remove(NULL, NULL), -EINVAL);
	hash_iter_of(&it)->at = UINT64_MAX;
	assert_int_equal(fusion_hash_next(&it, NULL, NULL), 0);
	assert_int_equal(fusion_hash_iter_remove(&it, NULL), -ENOENT);
}

static void test_iterate_strings(void **state)
{
	struct fusion_hash_iter it;
	struct fusion_value value;
	struct fusion_key key;
	unsigned n = 0;

	(void)state;
	create(FUSION_KEY_STRING, WORDS);
	for (uint64_t i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%lu", (unsigned long)i);
		assert_int_equal(fusion_hash_insert(hash,
						    fusion_key_string(name),
						    word(i)),
				 0);
	}
	assert_int_equal(fusion_hash_iter_begin(&it, hash), 0);
	while (fusion_hash_next(&it, &key, &value) == 1) {
		assert_int_equal(strtoul(fusion_key_get_pointer(key), NULL, 10),
				 value.word);
		assert_int_equal(lookup(key), value.word);
		n++;
	}
	assert_int_equal(n, 100);
}

static void test_corrupt(void **state)
{
	struct fusion_hash_iter it;
	struct hash_table *t;
	struct hash_entry *e;
	struct hash_key *copy;
	unsigned at = 0;
	void *was;

	(void)state;
	create(FUSION_KEY_STRING, WORDS);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string("a"), word(1)), 0);
	t = table();
	while (!is_key(t->tags[at]))
		at++;
	e = &table_entries(t)[at];
	was = e->key.block;
	e->key.block = &was;
	assert_int_equal(fusion_hash_value(hash, fusion_key_string("a"), NULL),
			 -EIO);
	assert_int_equal(fusion_hash_iter_begin(&it, hash), 0);
	assert_int_equal(fusion_hash_next(&it, NULL, NULL), -EIO);
	/* Its size says more than there is. */
	e->key.block = was;
	copy = was;
	copy->size = UINT32_MAX;
	assert_int_equal(fusion_hash_next(&it, NULL, NULL), -EIO);
	copy->size = 1;

	/* All are used: searches end nevertheless. */
	for (unsigned i = 0; i < 8; i++)
		if (i != at)
			t->tags[i] = t->tags[at] ^ 2;
	assert_int_equal(lookup(fusion_key_string("b")), -1);
	t->n = 1ull << 40;
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string("b"), word(1)),
		-ENOMEM);
	t->n = 1;
	for (unsigned i = 0; i < 8; i++)
		if (i != at)
			t->tags[i] = TAG_IS_FREE;
	t->bits = 40;
	assert_int_equal(hash_size(hash), -EIO);
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string("b"), word(1)),
		-EIO);
	t->bits = 3;
	hash->busy = BUSY_INSERT | 1000;
	assert_int_equal(
		fusion_hash_insert(hash, fusion_key_string("b"), word(1)),
		-EIO);
	hash->busy = 0;
	assert_int_equal(lookup(fusion_key_string("a")), 1);
}

/* --- A model ---------------------------------------------------------------
 */

#define KEYS 48

static bool owned;	     /* values are blocks that the hash frees */
static uint64_t model[KEYS]; /* 0: not there */

/* A block with a word in it, or the word. */
static struct fusion_value value_of(uint64_t w)
{
	struct fusion_value value = word(w);

	if (owned) {
		value = fusion_value_pointer(fusion_malloc(arena, 8));
		*(uint64_t *)fusion_value_get_pointer(value) = w;
	}
	return value;
}

static struct fusion_key key_of(uint64_t i)
{
	static char name[40];

	if (hash->key_type == FUSION_KEY_INT)
		return fusion_key_int(i);
	snprintf(name, sizeof(name), "the key of number %lu", (unsigned long)i);
	return fusion_key_string(name);
}

static void step_both(uint64_t k, bool real)
{
	uint64_t seed = k * 0x9e3779b97f4a7c15ull + 1, i;
	/* Sometimes nearly all go. */
	unsigned less = (unsigned)(k / 64 % 2);
	int r = 0;

	next_random(&seed);
	i = next_random(&seed) % KEYS;
	if (next_random(&seed) % 4 < 1 + 2 * less) {
		if (real)
			r = fusion_hash_remove(hash, key_of(i), NULL);
		assert_true(!real || r == (model[i] ? 0 : -ENOENT));
		model[i] = 0;
		return;
	}
	if (real)
		r = fusion_hash_replace(hash, key_of(i), value_of(k + 1), NULL);
	assert_true(!real || r == !!model[i]);
	model[i] = k + 1;
}

static void step(uint64_t k)
{
	step_both(k, true);
}

static bool is_model(void)
{
	struct fusion_value value;
	int64_t n = 0;

	for (uint64_t i = 0; i < KEYS; i++) {
		int r = fusion_hash_value(hash, key_of(i), &value);
		uint64_t w =
			r < 0	? 0
			: owned ? *(uint64_t *)fusion_value_get_pointer(value)
				: value.word;

		if (w != model[i])
			return false;
		n += w != 0;
	}
	return hash_size(hash) == n;
}

static unsigned n_model(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++)
		n += model[i] != 0;
	return n;
}

static void test_model(void **state)
{
	(void)state;
	owned = false;
	create(FUSION_KEY_STRING, WORDS);
	memset(model, 0, sizeof(model));
	for (uint64_t k = 0; k < ROUNDS; k++) {
		step(k);
		assert_true(is_model());
	}
}

/* --- Others ----------------------------------------------------------------
 */

static void *use(void *arg)
{
	uint64_t me = (uintptr_t)arg << 32;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		insert_int(me | i, i);
		assert_int_equal(lookup_int(me | i), i);
		if (i % 4)
			assert_int_equal(
				fusion_hash_remove(hash, fusion_key_int(me | i),
						   NULL),
				0);
	}
	return NULL;
}

static void run_threads(void *(*fn)(void *))
{
	pthread_t thread[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, fn, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

static void test_threads(void **state)
{
	(void)state;
	create(FUSION_KEY_INT, WORDS | LOCK);
	run_threads(use);
	assert_int_equal(hash_size(hash), THREADS * ROUNDS / 4);
}

static void *read_all(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS; i++)
		assert_int_equal(lookup_int(i), i);
	return arg;
}

/* Nobody writes: no lock. */
static void test_readers(void **state)
{
	(void)state;
	create(FUSION_KEY_INT, WORDS);
	for (uint64_t i = 0; i < ROUNDS; i++)
		insert_int(i, i);
	run_threads(read_all);
}

static void *wait_for_end(void *arg)
{
	uint64_t *n = arg;

	while (hash_size(hash) == 0)
		store_release(n, *n + 1);
	assert_int_equal(hash_size(hash), -EIDRM);
	return NULL;
}

/* Who comes too late is told, while it is going.  (Then there is nothing.) */
static void test_doomed(void **state)
{
	struct fusion_arena *a;
	pthread_t thread;
	uint64_t n = 0;

	(void)state;
	create(FUSION_KEY_INT, WORDS | LOCK);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &n), 0);
	while (load_acquire(&n) < 100)
		sched_yield();
	assert_int_equal(container_doom(&hash->c, CONTAINER_HASH, &a), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(fusion_hash_insert(hash, fusion_key_int(1), word(1)),
			 -EIDRM);
	/* Another finishes it: tear_down_hash(). */
}

static void hold(struct fusion_arena *a)
{
	(void)a;
	if (fusion_hash_lock(hash) < 0)
		_exit(1);
	fusion_hash_insert(hash, fusion_key_int(7), word(7));
}

static void test_killed_with_the_lock(void **state)
{
	(void)state;
	create(FUSION_KEY_INT, WORDS | LOCK);
	run_and_kill(arena, hold);
	insert_int(8, 8);
	assert_int_equal(lookup_int(7), 7);
	assert_int_equal(hash_size(hash), 2);
	assert_int_equal(fusion_hash_lock(hash), 0);
	assert_int_equal(fusion_hash_unlock(hash), 0);
	assert_int_equal(fusion_hash_unlock(hash), -EPERM);
}

static uint64_t spare;

static void expect_model(void)
{
	assert_true(is_model());
}

/* A value on its way into the hash is its maker's. */
static void expect_blocks(void)
{
	uint64_t known = blocks_before + 2 + (1 + owned) * n_model();

	assert_in_range(blocks(), known + spare, known + spare + owned);
	spare = blocks() - known;
}

static void kill_each(void)
{
	const struct series series = {step_both, step, is_model, expect_model,
				      expect_blocks};

	memset(model, 0, sizeof(model));
	spare = 0;
	kill_anywhere(&series);
	blocks_before += spare;
}

static void test_killed_anywhere(void **state)
{
	(void)state;
	owned = false;
	create(FUSION_KEY_STRING, WORDS | LOCK);
	kill_each();
}

static void test_killed_with_values(void **state)
{
	(void)state;
	owned = true;
	create(FUSION_KEY_STRING, FUSION_CONTAINER_AUTOFREE | LOCK);
	kill_each();
}

/* Two who are killed, and do not use the same keys. */
static uint64_t which;

static void step_own(uint64_t k)
{
	uint64_t key = which << 32 | k % 50;

	if (k / 50 % 2)
		fusion_hash_remove(hash, fusion_key_int(key), NULL);
	else
		fusion_hash_insert(hash, fusion_key_int(key), word(k));
}

static unsigned count_own(uint64_t me)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < 50; i++)
		n += lookup_int(me << 32 | i) >= 0;
	return n;
}

/* As many as the series leaves after @k steps. */
static unsigned own_after(uint64_t k)
{
	return (unsigned)(k / 50 % 2 ? 50 - k % 50 : k % 50);
}

static void test_two_killed(void **state)
{
	uint64_t from[2] = {0}, seed = 9;
	unsigned n[2];

	(void)state;
	create(FUSION_KEY_INT, WORDS | LOCK);
	for (unsigned i = 0; i < 40; i++) {
		struct victim v[2];

		for (which = 0; which < 2; which++)
			v[which] = victim_start(from[which], step_own);
		for (unsigned k = 0; k < 2; k++) {
			from[k] = victim_kill(
				&v[k], from[k] + next_random(&seed) % 300);
			n[k] = count_own(k);
			if (n[k] != own_after(from[k]))
				from[k]++;
			assert_int_equal(n[k], own_after(from[k]));
		}
		assert_int_equal(hash_size(hash), n[0] + n[1]);
		life_sweep(&arena->view);
		/* Clears up, though it finds nothing. */
		assert_int_equal(
			fusion_hash_remove(hash, fusion_key_int(99), NULL),
			-ENOENT);
		assert_int_equal(blocks(), blocks_before + 2);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_hash)

int main(void)
{
	const struct CMUnitTest all[] = {
		TEST(test_strings),
		TEST(test_bytes),
		TEST(test_pointers),
		TEST(test_bad_arguments),
		TEST(test_autofree),
		TEST(test_put_bytes),
		TEST(test_get_bytes_errors),
		TEST(test_put_bytes_no_memory),
		TEST(test_bytes_while_replaced),
		TEST(test_grow_and_shrink),
		TEST(test_churn),
		TEST(test_reserve),
		TEST(test_sizes),
		TEST(test_no_memory),
		TEST(test_iterate),
		TEST(test_iterate_reused),
		TEST(test_iterate_strings),
		TEST(test_corrupt),
		TEST(test_model),
		TEST(test_threads),
		TEST(test_readers),
		TEST(test_doomed),
		TEST(test_killed_with_the_lock),
		TEST(test_killed_anywhere),
		TEST(test_killed_with_values),
		TEST(test_two_killed),
	};

	return cmocka_run_group_tests_name("hash", all, NULL, NULL);
}
