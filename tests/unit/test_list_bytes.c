/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists that keep copies of bytes, and waiting for a change of a list. */
#include "tests/unit/container_member.h"

#include "libfusion/containers/list.h"

#define BYTES FUSION_CONTAINER_BYTES
#define LOCK FUSION_CONTAINER_LOCK
#define SECOND_NS 1000000000

static struct fusion_list *list;

static int set_up_bytes(void **state)
{
	set_up(state);
	return list_create(arena, BYTES | LOCK, &list);
}

static int tear_down_list(void **state)
{
	assert_int_equal(fusion_list_destroy(list), 0);
	return tear_down(state);
}

static struct fusion_list_node *put(const char *text)
{
	struct fusion_list_node *x;

	assert_int_equal(
		fusion_list_insert_bytes(list, NULL, text, strlen(text), &x),
		0);
	return x;
}

static void *copy_of(struct fusion_list_node *x)
{
	struct fusion_value value;

	assert_int_equal(fusion_list_value(list, x, &value), 0);
	return fusion_value_get_pointer(value);
}

static void expect(struct fusion_list_node *x, const char *want)
{
	char buf[100];
	size_t length = 0;

	assert_int_equal(
		fusion_list_get_bytes(list, x, buf, sizeof(buf), &length), 0);
	assert_int_equal(length, strlen(want));
	assert_memory_equal(buf, want, length);
	assert_memory_equal(copy_of(x), want, length);
}

static uint64_t n_blocks(void)
{
	struct fusion_heap_stat s;

	assert_int_equal(fusion_heap_stat(arena, &s, sizeof(s)), 0);
	return s.blocks;
}

static void bytes_are_kept_in_order_and_freed(void **state)
{
	struct fusion_list_node *a = put("alpha"), *c = put(""), *b, *x;
	uint64_t before = n_blocks();
	struct fusion_value value;

	(void)state;
	assert_int_equal(fusion_list_insert_bytes(list, c, "beta", 4, &b), 0);
	assert_int_equal(fusion_list_next(list, a, &x), 1);
	assert_ptr_equal(x, b);
	expect(a, "alpha");
	expect(b, "beta");
	expect(c, "");
	assert_int_equal(n_blocks(), before + 2);
	assert_int_equal(fusion_list_remove(list, b, NULL), 0);
	assert_int_equal(n_blocks(), before);
	assert_int_equal(fusion_list_remove(list, a, &value), 0);
	assert_int_equal(n_blocks(), before - 1);
	assert_memory_equal(fusion_value_get_pointer(value), "alpha", 5);
	assert_int_equal(fusion_free(fusion_value_get_pointer(value)), 0);
}

static void destroying_frees_all_bytes(void **state)
{
	uint64_t before = n_blocks();
	struct fusion_list *other = list;

	(void)state;
	assert_int_equal(list_create(arena, BYTES, &list), 0);
	for (int i = 0; i < 10; i++)
		put("some text");
	assert_int_equal(fusion_list_destroy(list), 0);
	assert_int_equal(n_blocks(), before);
	list = other;
}

static void wrong_use_is_refused(void **state)
{
	struct fusion_list_node *x = put("text"), *y;
	struct fusion_list *words;
	struct fusion_value value;
	size_t length = 0;
	char buf[3];

	(void)state;
	assert_int_equal(fusion_list_get_bytes(list, x, buf, 3, &length),
			 -EMSGSIZE);
	assert_int_equal(length, 4);
	assert_int_equal(fusion_list_get_bytes(list, NULL, buf, 3, NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_get_bytes(list, x, NULL, 3, NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_insert_bytes(list, NULL, NULL, 3, NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_insert_bytes(list, NULL, NULL, 0, NULL),
			 0);
	assert_int_equal(
		fusion_list_insert_bytes(list, NULL, "", SIZE_MAX, NULL),
		-ENOMEM);
	assert_int_equal(
		fusion_list_insert_bytes(list, NULL, "", 1ull << 50, NULL),
		-ENOMEM);
	value = fusion_value_pointer(copy_of(x));
	assert_int_equal(fusion_list_insert_back(list, value, NULL), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "are bytes"));
	assert_int_equal(fusion_list_set(list, x, value, NULL), -EINVAL);
	assert_int_equal(
		list_create(arena, BYTES | FUSION_CONTAINER_WORDS, &words),
		-EINVAL);

	assert_int_equal(list_create(arena, FUSION_CONTAINER_WORDS, &words), 0);
	assert_int_equal(fusion_list_insert_back(words, value, &y), 0);
	assert_int_equal(fusion_list_insert_bytes(list, y, "a", 1, NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_insert_bytes(words, NULL, "a", 1, NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_get_bytes(words, y, buf, 3, NULL),
			 -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "are not bytes"));
	assert_int_equal(fusion_list_move(list, x, words, NULL, NULL), -EINVAL);
	assert_int_equal(fusion_list_move(words, y, list, NULL, NULL), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "only one"));
	assert_int_equal(fusion_list_wait(words, 0, 0), -EINVAL);
	assert_int_equal(fusion_list_wait(list, -2, 0), -EINVAL);
	assert_int_equal(fusion_list_destroy(words), 0);
}

static void moved_bytes_stay(void **state)
{
	struct fusion_list_node *x = put("text");
	struct fusion_list *other;
	void *copy = copy_of(x);

	(void)state;
	assert_int_equal(list_create(arena, BYTES, &other), 0);
	assert_int_equal(fusion_list_move(list, x, other, NULL, NULL), 1);
	/* The slot of the next block has led to the other list. */
	put("more");
	assert_int_equal(fusion_list_move(other, x, list, NULL, NULL), 1);
	assert_ptr_equal(copy_of(x), copy);
	expect(x, "text");
	assert_int_equal(fusion_list_destroy(other), 0);
}

/* --- Waiting ---------------------------------------------------------------
 */

static void *wait_and_take(void *unused)
{
	struct fusion_list_node *x;
	int r = fusion_list_lock(list);

	(void)unused;
	while (r == 0 && fusion_list_next(list, NULL, &x) == 0)
		r = fusion_list_wait(list, 30LL * SECOND_NS, 0);
	if (r == 0)
		r = fusion_list_remove(list, x, NULL);
	return (void *)(intptr_t)(r == 0 ? fusion_list_unlock(list) : r);
}

/* Until a thread has begun to wait. */
static void until_wanted(void)
{
	while (!__atomic_load_n(&list->wanted, __ATOMIC_RELAXED))
		usleep(100);
}

static void insertion_wakes_those_who_wait(void **state)
{
	pthread_t threads[3];
	void *r;

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, wait_and_take, NULL);
	for (int i = 0; i < 3; i++) {
		until_wanted();
		put("job");
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &r);
		assert_null(r);
	}
	assert_int_equal(list_size(list), 0);
}

static void wait_ends_in_time_with_the_lock(void **state)
{
	(void)state;
	assert_int_equal(fusion_list_lock(list), 0);
	assert_int_equal(fusion_list_lock(list), 0);
	assert_int_equal(fusion_list_wait(list, 1000, 0), -ETIMEDOUT);
	assert_int_equal(fusion_list_wait(list, 0, 0), -ETIMEDOUT);
	put("job");
	assert_int_equal(fusion_list_unlock(list), 0);
	assert_int_equal(fusion_list_unlock(list), 0);
	assert_int_equal(fusion_list_unlock(list), -EPERM);
}

static void destroying_ends_a_wait(void **state)
{
	pthread_t thread;
	void *r;

	(void)state;
	pthread_create(&thread, NULL, wait_and_take, NULL);
	until_wanted();
	assert_int_equal(fusion_list_destroy(list), 0);
	pthread_join(thread, &r);
	assert_int_equal((intptr_t)r, -EIDRM);
	assert_int_equal(list_create(arena, BYTES | LOCK, &list), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up_bytes, tear_down_list)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_kept_in_order_and_freed),
		TEST(destroying_frees_all_bytes),
		TEST(wrong_use_is_refused),
		TEST(moved_bytes_stay),
		TEST(insertion_wakes_those_who_wait),
		TEST(wait_ends_in_time_with_the_lock),
		TEST(destroying_ends_a_wait),
	};

	return cmocka_run_group_tests_name("list_bytes", tests, NULL, NULL);
}
