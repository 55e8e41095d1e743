/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors. */
#include "tests/unit/container_member.h"

#include "libfusion/containers/vector.h"

#define WORDS FUSION_CONTAINER_WORDS
#define LOCKED (FUSION_CONTAINER_WORDS | FUSION_CONTAINER_LOCK)
#define THREADS 4
#define ROUNDS 2000

static struct fusion_vector *vector;

static int set_up_vector(void **state)
{
	set_up(state);
	return vector_create(arena, WORDS, &vector);
}

static int set_up_locked(void **state)
{
	set_up(state);
	return vector_create(arena, LOCKED, &vector);
}

static int tear_down_vector(void **state)
{
	assert_int_equal(fusion_vector_destroy(vector), 0);
	return tear_down(state);
}

static bool is(const uint64_t *want, size_t n)
{
	struct fusion_value value;

	if (vector_size(vector) != (int64_t)n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (fusion_vector_at(vector, i, &value) < 0 ||
		    value.word != want[i])
			return false;
	return fusion_vector_at(vector, n, &value) == -ERANGE;
}

#define EXPECT(...)                               \
	assert_true(is((uint64_t[]){__VA_ARGS__}, \
		       sizeof((uint64_t[]){__VA_ARGS__}) / 8))

static void test_row(void **state)
{
	struct fusion_value old;
	uint64_t at = 77;

	(void)state;
	assert_true(is(NULL, 0));
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(fusion_vector_add(vector, word(i)), 0);
	EXPECT(1, 2, 3, 4);
	assert_int_equal(fusion_vector_insert(vector, 0, word(0)), 0);
	assert_int_equal(fusion_vector_insert(vector, 5, word(5)), 0);
	assert_int_equal(fusion_vector_insert(vector, 2, word(22)), 0);
	EXPECT(0, 1, 22, 2, 3, 4, 5);
	assert_int_equal(fusion_vector_move(vector, 1, 4), 0);
	EXPECT(0, 22, 2, 3, 1, 4, 5);
	assert_int_equal(fusion_vector_move(vector, 6, 0), 0);
	EXPECT(5, 0, 22, 2, 3, 1, 4);
	assert_int_equal(fusion_vector_move(vector, 3, 3), 0);
	assert_int_equal(fusion_vector_set(vector, 2, word(9), &old), 0);
	assert_int_equal(old.word, 22);
	assert_int_equal(fusion_vector_remove(vector, 3, &old), 0);
	assert_int_equal(old.word, 2);
	EXPECT(5, 0, 9, 3, 1, 4);
	assert_int_equal(fusion_vector_remove(vector, 0, NULL), 0);
	assert_int_equal(fusion_vector_remove(vector, 4, &old), 0);
	assert_int_equal(old.word, 4);
	EXPECT(0, 9, 3, 1);
	assert_int_equal(fusion_vector_index_of(vector, word(4), &at), -ENOENT);
	assert_int_equal(at, 77);
	assert_int_equal(fusion_vector_index_of(vector, word(3), &at), 0);
	assert_int_equal(at, 2);
	assert_int_equal(fusion_vector_index_of(vector, word(3), NULL), 0);
	assert_int_equal(fusion_vector_index_of(vector, word(4), NULL),
			 -ENOENT);
}

static void test_beyond(void **state)
{
	struct fusion_value value;

	(void)state;
	assert_int_equal(fusion_vector_remove(vector, 0, NULL), -ERANGE);
	assert_int_equal(fusion_vector_set(vector, 0, word(1), NULL), -ERANGE);
	assert_int_equal(fusion_vector_insert(vector, 1, word(1)), -ERANGE);
	assert_int_equal(fusion_vector_add(vector, word(1)), 0);
	assert_int_equal(fusion_vector_insert(vector, 2, word(1)), -ERANGE);
	assert_int_equal(fusion_vector_insert(vector, UINT64_MAX, word(1)),
			 -ERANGE);
	assert_int_equal(fusion_vector_at(vector, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(fusion_vector_move(vector, 0, 1), -ERANGE);
	assert_int_equal(fusion_vector_move(vector, 1, 0), -ERANGE);
	assert_int_equal(fusion_vector_reserve(vector, UINT64_MAX), -EINVAL);
	EXPECT(1);
}

/* What comes at the end and goes at the front needs no more memory than there
 * is at a time. */
static void test_queue(void **state)
{
	struct fusion_heap_stat stats;
	struct fusion_value value;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		assert_int_equal(fusion_vector_add(vector, word(i)), 0);
		if (i < 10)
			continue;
		assert_int_equal(fusion_vector_remove(vector, 0, &value), 0);
		assert_int_equal(value.word, i - 10);
	}
	assert_int_equal(fusion_heap_stat(arena, &stats, sizeof(stats)), 0);
	assert_true(stats.bytes < 4096);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(fusion_vector_insert(vector, 0, word(i)), 0);
	assert_int_equal(fusion_vector_at(vector, 999, &value), 0);
	assert_int_equal(value.word, 0);
}

static void test_memory(void **state)
{
	uint64_t before = blocks();

	(void)state;
	assert_int_equal(fusion_vector_reserve(vector, 1000), 0);
	assert_int_equal(blocks(), before + 1);
	/* All memory is taken, but for what was promised. */
	arena->view.sb->limit = 1;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(fusion_vector_add(vector, word(i)), 0);
	assert_int_equal(fusion_vector_reserve(vector, 1u << 20), -ENOMEM);
	arena->view.sb->limit = 0;
	assert_int_equal(vector_size(vector), 1000);
	for (uint64_t i = 999; i > 2; i--)
		assert_int_equal(fusion_vector_remove(vector, i, NULL), 0);
	assert_int_equal(fusion_vector_shrink(vector), 0);
	assert_int_equal(blocks(), before + 1);
	EXPECT(0, 1, 2);
}

static void test_bad_arguments(void **state)
{
	struct fusion_vector *other, *nothing = (void *)&arena;
	struct fusion_value value;

	(void)state;
	assert_int_equal(vector_create(NULL, 0, &other), -EINVAL);
	assert_int_equal(vector_create(arena, 0, NULL), -EINVAL);
	assert_int_equal(vector_create(arena, 0x80, &other), -EINVAL);
	assert_int_equal(vector_create(arena, 0, &other), 0);
	assert_int_equal(fusion_vector_count(vector, NULL), -EINVAL);
	assert_int_equal(vector_size(NULL), -EINVAL);
	assert_int_equal(vector_size(nothing), -EINVAL);
	assert_int_equal(vector_size((void *)arena->view.base), -EINVAL);
	assert_int_equal(fusion_vector_destroy(nothing), -EINVAL);
	assert_int_equal(fusion_vector_destroy(NULL), 0);
	assert_int_equal(fusion_vector_lock(vector), -EINVAL);
	assert_int_equal(fusion_vector_at(vector, 0, NULL), -EINVAL);

	value = fusion_value_pointer(&value);
	assert_int_equal(fusion_vector_add(other, value), -EINVAL);
	value = fusion_value_pointer(NULL);
	assert_int_equal(fusion_vector_add(other, value), -EINVAL);
	value = fusion_value_pointer(vector);
	assert_int_equal(fusion_vector_add(other, value), 0);
	value = fusion_value_pointer(&value);
	assert_int_equal(fusion_vector_set(other, 0, value, NULL), -EINVAL);
	assert_int_equal(fusion_vector_insert(other, 0, value), -EINVAL);
	assert_int_equal(vector_size(other), 1);
	assert_int_equal(fusion_vector_destroy(other), 0);
}

static void test_corrupt(void **state)
{
	struct fusion_value value;
	struct row *row;
	uint32_t mark;

	(void)state;
	assert_int_equal(fusion_vector_add(vector, word(1)), 0);
	row = twin_block(&vector->row);
	row->range = RANGE(0, 1000); /* more than there is room for */
	assert_int_equal(fusion_vector_at(vector, 500, &value), -EIO);
	assert_int_equal(fusion_vector_add(vector, word(1)), -EIO);
	assert_int_equal(fusion_vector_index_of(vector, word(9), NULL), -EIO);
	row->range = RANGE(0, 1);
	mark = row->mark;
	row->mark = 0;
	assert_int_equal(vector_size(vector), -EIO);
	row->mark = mark;
	EXPECT(1);
}

/* --- A model ---------------------------------------------------------------
 */

static uint64_t model[64];
static size_t n_model;

static void model_insert(size_t at, uint64_t w)
{
	memmove(model + at + 1, model + at, (n_model++ - at) * sizeof(*model));
	model[at] = w;
}

static void model_remove(size_t at)
{
	memmove(model + at, model + at + 1, (--n_model - at) * sizeof(*model));
}

/* Step @k on model and vector, or on the model alone. */
static void step_both(uint64_t k, bool real)
{
	uint64_t seed = k * 0x9e3779b97f4a7c15ull + 1, w;
	size_t at, to;
	int r = 0;

	next_random(&seed);
	if (n_model && next_random(&seed) % 8 == 0) {
		at = next_random(&seed) % n_model;
		to = next_random(&seed) % n_model;
		if (real)
			r = fusion_vector_move(vector, at, to);
		w = model[at];
		model_remove(at);
		model_insert(to, w);
	} else if (n_model >= 40 || (n_model && next_random(&seed) % 2)) {
		at = next_random(&seed) % n_model;
		if (real)
			r = fusion_vector_remove(vector, at, NULL);
		model_remove(at);
	} else {
		at = next_random(&seed) % (n_model + 1);
		if (real)
			r = fusion_vector_insert(vector, at, word(k));
		model_insert(at, k);
	}
	if (real && k % 64 == 0)
		r = fusion_vector_shrink(vector);
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
		assert_true(is(model, n_model));
	}
}

/* --- Others ----------------------------------------------------------------
 */

static void *add_some(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS; i++)
		assert_int_equal(
			fusion_vector_add(vector, word((uintptr_t)arg)), 0);
	return NULL;
}

static void test_threads(void **state)
{
	uint64_t n[THREADS] = {0};
	pthread_t thread[THREADS];
	struct fusion_value value;

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, add_some, (void *)i),
			0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	for (unsigned i = 0; i < THREADS * ROUNDS; i++) {
		assert_int_equal(fusion_vector_at(vector, i, &value), 0);
		n[value.word]++;
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(n[i], ROUNDS);
}

static void hold(struct fusion_arena *a)
{
	(void)a;
	if (fusion_vector_lock(vector) < 0)
		_exit(1);
	fusion_vector_add(vector, word(7));
}

static void test_killed_with_the_lock(void **state)
{
	(void)state;
	run_and_kill(arena, hold);
	assert_int_equal(fusion_vector_add(vector, word(8)), 0);
	EXPECT(7, 8);
	assert_int_equal(fusion_vector_lock(vector), 0);
	assert_int_equal(fusion_vector_unlock(vector), 0);
	assert_int_equal(fusion_vector_unlock(vector), -EPERM);
}

static bool is_model(void)
{
	return is(model, n_model);
}

static void expect_model(void)
{
	assert_true(is_model());
}

static void expect_blocks(void)
{
	assert_int_equal(blocks(), blocks_before + 2);
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
		cmocka_unit_test_setup_teardown(test_row, set_up_vector,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(test_beyond, set_up_vector,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(test_queue, set_up_vector,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(test_memory, set_up_vector,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(
			test_bad_arguments, set_up_vector, tear_down_vector),
		cmocka_unit_test_setup_teardown(test_corrupt, set_up_vector,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(test_model, set_up_vector,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(test_threads, set_up_locked,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(test_killed_with_the_lock,
						set_up_locked,
						tear_down_vector),
		cmocka_unit_test_setup_teardown(
			test_killed_anywhere, set_up_locked, tear_down_vector),
	};

	return cmocka_run_group_tests_name("vector", all, NULL, NULL);
}
