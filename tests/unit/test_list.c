/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists. */
#include "tests/unit/container_member.h"

#include "libfusion/containers/list.h"

#include <sys/stat.h>

#define WORDS FUSION_CONTAINER_WORDS
#define LOCKED (FUSION_CONTAINER_WORDS | FUSION_CONTAINER_LOCK)
#define THREADS 4
#define ROUNDS 2000

static struct fusion_list *list;

static int set_up_list(void **state)
{
	set_up(state);
	return list_create(arena, WORDS, &list);
}

static int set_up_locked(void **state)
{
	set_up(state);
	return list_create(arena, LOCKED, &list);
}

static int tear_down_list(void **state)
{
	assert_int_equal(fusion_list_destroy(list), 0);
	return tear_down(state);
}

/* Both ways, and as many as it says.  What does not exist is not written. */
static void expect(const uint64_t *want, size_t n)
{
	struct fusion_list_node *x = NULL, *last;
	struct fusion_value value;

	assert_int_equal(list_size(list), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(fusion_list_next(list, x, &x), 1);
		assert_int_equal(fusion_list_value(list, x, &value), 0);
		assert_int_equal(value.word, want[i]);
	}
	last = x;
	assert_int_equal(fusion_list_next(list, x, &x), 0);
	assert_ptr_equal(x, last);
	x = NULL;
	for (size_t i = n; i-- > 0;) {
		assert_int_equal(fusion_list_prev(list, x, &x), 1);
		assert_int_equal(fusion_list_value(list, x, &value), 0);
		assert_int_equal(value.word, want[i]);
	}
	assert_int_equal(fusion_list_prev(list, x, &x), 0);
}

static void test_order(void **state)
{
	struct fusion_list_node *a, *b, *c;
	struct fusion_value old;

	(void)state;
	expect(NULL, 0);
	assert_int_equal(fusion_list_insert_front(list, word(2), &b), 0);
	assert_int_equal(fusion_list_insert_front(list, word(1), NULL), 0);
	assert_int_equal(fusion_list_insert_back(list, word(5), &c), 0);
	assert_int_equal(fusion_list_insert_after(list, b, word(3), NULL), 0);
	assert_int_equal(fusion_list_insert_before(list, c, word(4), &a), 0);
	expect((uint64_t[]){1, 2, 3, 4, 5}, 5);
	assert_int_equal(fusion_list_remove(list, b, &old), 0);
	assert_int_equal(old.word, 2);
	assert_int_equal(fusion_list_set(list, a, word(44), &old), 0);
	assert_int_equal(old.word, 4);
	assert_int_equal(fusion_list_remove(list, c, NULL), 0);
	expect((uint64_t[]){1, 3, 44}, 3);
}

/* As the header says how to. */
static void test_remove_while_walking(void **state)
{
	struct fusion_list_node *n, *next;
	struct fusion_value value;
	int r;

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(fusion_list_insert_back(list, word(i), NULL),
				 0);
	for (r = fusion_list_next(list, NULL, &n); r == 1; n = next) {
		r = fusion_list_next(list, n, &next);
		assert_int_equal(fusion_list_value(list, n, &value), 0);
		if (value.word % 3)
			assert_int_equal(fusion_list_remove(list, n, NULL), 0);
	}
	assert_int_equal(r, 0);
	expect((uint64_t[]){0, 3, 6, 9}, 4);
}

static void test_bad_arguments(void **state)
{
	struct fusion_list *other, *nothing = (void *)&arena;
	struct fusion_list_node *x, *y;
	struct fusion_value value;

	(void)state;
	assert_int_equal(list_create(NULL, 0, &other), -EINVAL);
	assert_int_equal(list_create(arena, 0, NULL), -EINVAL);
	assert_int_equal(list_create(arena, 0x80, &other), -EINVAL);
	assert_int_equal(list_create(arena, FUSION_CONTAINER_AUTOFREE, &other),
			 -EINVAL);
	assert_int_equal(list_create(arena, 0, &other), 0);
	assert_int_equal(fusion_list_insert_back(list, word(1), &x), 0);

	/* No lists. */
	assert_int_equal(fusion_list_count(list, NULL), -EINVAL);
	assert_int_equal(list_size(NULL), -EINVAL);
	assert_int_equal(list_size(nothing), -EINVAL);
	assert_int_equal(list_size((void *)arena->view.base), -EINVAL);
	assert_int_equal(list_size((void *)((char *)list + 16)), -EINVAL);
	assert_int_equal(fusion_list_destroy(nothing), -EINVAL);
	assert_int_equal(fusion_list_destroy(NULL), 0);
	assert_int_equal(fusion_list_lock(list), -EINVAL);
	assert_int_equal(fusion_list_unlock(list), -EINVAL);

	/* No pointers that others have. */
	value = fusion_value_pointer(&value);
	assert_int_equal(fusion_list_insert_back(other, value, NULL), -EINVAL);
	value = fusion_value_pointer(NULL);
	assert_int_equal(fusion_list_insert_back(other, value, NULL), -EINVAL);
	value = fusion_value_pointer(list);
	assert_int_equal(fusion_list_insert_back(other, value, &y), 0);
	value = fusion_value_pointer(&value);
	assert_int_equal(fusion_list_set(other, y, value, NULL), -EINVAL);

	/* No nodes of this list. */
	assert_int_equal(fusion_list_remove(list, NULL, NULL), -EINVAL);
	assert_int_equal(fusion_list_remove(list, y, NULL), -EINVAL);
	assert_int_equal(fusion_list_remove(list, (void *)&value, NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_insert_after(list, y, word(1), NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_insert_before(list, NULL, word(1), NULL),
			 -EINVAL);
	assert_int_equal(fusion_list_next(list, y, &y), -EINVAL);
	assert_int_equal(fusion_list_next(list, NULL, NULL), -EINVAL);
	assert_int_equal(fusion_list_value(list, y, &value), -EINVAL);
	assert_int_equal(fusion_list_value(list, x, NULL), -EINVAL);
	assert_int_equal(list_size(list), 1);
	assert_int_equal(list_size(other), 1);
	assert_int_equal(fusion_list_destroy(other), 0);
}

/* What is looked at takes memory, and there may be none: not looked at. */
static void test_no_places(void **state)
{
	char *end = arena->view.base + arena->view.geo.span;
	uint64_t half = arena->view.geo.span / 2;
	struct fusion_value value;
	struct stat before, after;

	(void)state;
	assert_int_equal(fstat(arena->view.fd, &before), 0);
	for (char *p = end - half; p < end; p += half / 64) {
		assert_int_equal(fusion_list_value(list, (void *)p, &value),
				 -EINVAL);
		assert_int_equal(fusion_list_remove(list, (void *)p, NULL),
				 -EINVAL);
		assert_int_equal(list_size((void *)p), -EINVAL);
	}
	assert_int_equal(fusion_list_value(list, (void *)(end - 16), &value),
			 -EINVAL);
	assert_int_equal(fstat(arena->view.fd, &after), 0);
	assert_int_equal(after.st_blocks, before.st_blocks);
}

static void test_corrupt(void **state)
{
	struct fusion_list_node *x, *y;
	struct fusion_list_node was;

	(void)state;
	assert_int_equal(fusion_list_insert_back(list, word(1), &x), 0);
	assert_int_equal(fusion_list_insert_back(list, word(2), NULL), 0);
	was = *x;
	x->next = &was;
	assert_int_equal(fusion_list_next(list, x, &y), -EIO);
	assert_int_equal(fusion_list_insert_after(list, x, word(1), NULL),
			 -EIO);
	assert_int_equal(fusion_list_remove(list, x, NULL), -EIO);
	x->next = x;
	assert_int_equal(fusion_list_remove(list, x, NULL), -EIO);
	*x = was;
	expect((uint64_t[]){1, 2}, 2);
}

/* --- A model ---------------------------------------------------------------
 */

static uint64_t model[64];
static size_t n_model;

static struct fusion_list_node *node_at(size_t i)
{
	struct fusion_list_node *x = NULL;

	for (size_t k = 0; k <= i; k++)
		assert_int_equal(fusion_list_next(list, x, &x), 1);
	return x;
}

static void model_insert(size_t at, uint64_t w)
{
	memmove(model + at + 1, model + at, (n_model++ - at) * sizeof(*model));
	model[at] = w;
}

static void model_remove(size_t at)
{
	memmove(model + at, model + at + 1, (--n_model - at) * sizeof(*model));
}

/* Step @k on model and list, or on the model alone. */
static void step_both(uint64_t k, bool real)
{
	uint64_t seed = k * 0x9e3779b97f4a7c15ull + 1;
	size_t at;
	int r = 0;

	next_random(&seed);
	if (n_model >= 40 || (n_model && next_random(&seed) % 2)) {
		at = next_random(&seed) % n_model;
		if (real)
			r = fusion_list_remove(list, node_at(at), NULL);
		model_remove(at);
	} else if (!n_model) {
		if (real)
			r = fusion_list_insert_front(list, word(k), NULL);
		model_insert(0, k);
	} else {
		at = next_random(&seed) % n_model;
		if (real && at % 2)
			r = fusion_list_insert_before(list, node_at(at),
						      word(k), NULL);
		else if (real)
			r = fusion_list_insert_after(list, node_at(at), word(k),
						     NULL);
		model_insert(at + !(at % 2), k);
	}
	assert_int_equal(r, 0);
}

static void step(uint64_t k)
{
	step_both(k, true);
}

static void test_model(void **state)
{
	(void)state;
	n_model = 0;
	for (uint64_t k = 0; k < ROUNDS; k++) {
		step(k);
		if (k % 16 == 0)
			expect(model, n_model);
	}
	expect(model, n_model);
}

/* --- Others ----------------------------------------------------------------
 */

static void *push_and_pop(void *arg)
{
	uint64_t me = (uintptr_t)arg;
	struct fusion_list_node *x;
	struct fusion_value value;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		assert_int_equal(
			fusion_list_insert_front(list, word(me << 32 | i), &x),
			0);
		assert_int_equal(fusion_list_value(list, x, &value), 0);
		assert_int_equal(value.word, me << 32 | i);
		if (i % 4)
			assert_int_equal(fusion_list_remove(list, x, NULL), 0);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, push_and_pop,
						(void *)i),
				 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(list_size(list), THREADS * ROUNDS / 4);
}

static void hold(struct fusion_arena *a)
{
	(void)a;
	if (fusion_list_lock(list) < 0)
		_exit(1);
	fusion_list_insert_back(list, word(7), NULL);
}

static void test_killed_with_the_lock(void **state)
{
	(void)state;
	run_and_kill(arena, hold);
	assert_int_equal(fusion_list_insert_back(list, word(8), NULL), 0);
	expect((uint64_t[]){7, 8}, 2);
	assert_int_equal(fusion_list_lock(list), 0);
	assert_int_equal(fusion_list_unlock(list), 0);
	assert_int_equal(fusion_list_unlock(list), -EPERM);
}

static bool is_model(void)
{
	struct fusion_list_node *x = NULL;
	struct fusion_value value;
	size_t i = 0;

	while (fusion_list_next(list, x, &x) == 1) {
		fusion_list_value(list, x, &value);
		if (i == n_model || model[i++] != value.word)
			return false;
	}
	return i == n_model;
}

static void expect_model(void)
{
	expect(model, n_model);
}

static void expect_blocks(void)
{
	assert_int_equal(blocks(), blocks_before + 1 + n_model);
}

static void test_killed_anywhere(void **state)
{
	const struct series series = {step_both, step, is_model, expect_model,
				      expect_blocks};

	(void)state;
	n_model = 0;
	kill_anywhere(&series);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(test_order, set_up_list,
						tear_down_list),
		cmocka_unit_test_setup_teardown(test_remove_while_walking,
						set_up_list, tear_down_list),
		cmocka_unit_test_setup_teardown(test_bad_arguments, set_up_list,
						tear_down_list),
		cmocka_unit_test_setup_teardown(test_corrupt, set_up_list,
						tear_down_list),
		cmocka_unit_test_setup_teardown(test_model, set_up_list,
						tear_down_list),
		cmocka_unit_test_setup_teardown(test_threads, set_up_locked,
						tear_down_list),
		cmocka_unit_test_setup_teardown(test_killed_with_the_lock,
						set_up_locked, tear_down_list),
		cmocka_unit_test_setup_teardown(test_no_places, set_up_list,
						tear_down_list),
		cmocka_unit_test_setup_teardown(test_killed_anywhere,
						set_up_locked, tear_down_list),
	};

	return cmocka_run_group_tests_name("list", all, NULL, NULL);
}
