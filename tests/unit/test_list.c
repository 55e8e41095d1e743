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

/* --- Moves -----------------------------------------------------------------
 */

static struct fusion_list *done;

static int tear_down_both(void **state)
{
	assert_int_equal(fusion_list_destroy(done), 0);
	return tear_down_list(state);
}

static int set_up_both(void **state)
{
	set_up_list(state);
	return list_create(arena, WORDS, &done);
}

static int set_up_both_locked(void **state)
{
	set_up_locked(state);
	return list_create(arena, LOCKED, &done);
}

static void expect_both(const uint64_t *want, size_t n, const uint64_t *want_d,
			size_t n_d)
{
	struct fusion_list *was = list;

	expect(want, n);
	list = done;
	expect(want_d, n_d);
	list = was;
}

/* To an empty list, to the back, before a node, and back again. */
static void test_move(void **state)
{
	struct fusion_list_node *x[4], *y;
	struct fusion_value value;

	(void)state;
	assert_int_equal(fusion_list_move(list, NULL, done, NULL, &y), 0);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(fusion_list_insert_back(list, word(i), &x[i]),
				 0);
	assert_int_equal(fusion_list_move(list, NULL, done, NULL, &y), 1);
	assert_ptr_equal(y, x[0]);
	expect_both((uint64_t[]){1, 2, 3}, 3, (uint64_t[]){0}, 1);
	assert_int_equal(fusion_list_move(list, x[2], done, NULL, NULL), 1);
	assert_int_equal(fusion_list_move(list, x[3], done, x[0], NULL), 1);
	expect_both((uint64_t[]){1}, 1, (uint64_t[]){3, 0, 2}, 3);
	/* The node is the same. */
	assert_int_equal(fusion_list_value(done, x[3], &value), 0);
	assert_int_equal(value.word, 3);
	assert_int_equal(fusion_list_value(list, x[3], &value), -EINVAL);
	assert_int_equal(fusion_list_move(list, NULL, done, x[2], NULL), 1);
	expect_both(NULL, 0, (uint64_t[]){3, 0, 1, 2}, 4);
	assert_int_equal(fusion_list_move(done, x[1], list, NULL, NULL), 1);
	expect_both((uint64_t[]){1}, 1, (uint64_t[]){3, 0, 2}, 3);
	assert_int_equal(fusion_list_remove(done, x[0], NULL), 0);
	expect_both((uint64_t[]){1}, 1, (uint64_t[]){3, 2}, 2);
}

static void test_move_errors(void **state)
{
	struct fusion_list *pointers, *nothing = (void *)&arena;
	struct fusion_list_node *x, *y, *got = (void *)&arena;

	(void)state;
	assert_int_equal(list_create(arena, 0, &pointers), 0);
	assert_int_equal(fusion_list_insert_back(list, word(1), &x), 0);
	assert_int_equal(fusion_list_insert_back(done, word(2), &y), 0);
	assert_int_equal(fusion_list_move(list, x, list, NULL, &got), -EINVAL);
	assert_int_equal(fusion_list_move(NULL, x, done, NULL, &got), -EINVAL);
	assert_int_equal(fusion_list_move(list, x, NULL, NULL, &got), -EINVAL);
	assert_int_equal(fusion_list_move(list, x, nothing, NULL, &got),
			 -EINVAL);
	assert_int_equal(fusion_list_move(nothing, x, done, NULL, &got),
			 -EINVAL);
	/* Nodes that are not where they should be. */
	assert_int_equal(fusion_list_move(list, y, done, NULL, &got), -EINVAL);
	assert_int_equal(fusion_list_move(list, x, done, x, &got), -EINVAL);
	assert_int_equal(
		fusion_list_move(list, (void *)&arena, done, NULL, &got),
		-EINVAL);
	assert_int_equal(fusion_list_move(list, &list->ring, done, NULL, &got),
			 -EINVAL);
	assert_int_equal(fusion_list_move(list, x, done, &done->ring, &got),
			 -EINVAL);
	/* A word is no pointer. */
	assert_int_equal(fusion_list_move(list, x, pointers, NULL, &got),
			 -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "WORDS"));
	assert_int_equal(fusion_list_move(pointers, NULL, list, NULL, &got), 0);
	assert_ptr_equal(got, &arena);
	expect_both((uint64_t[]){1}, 1, (uint64_t[]){2}, 1);
	assert_int_equal(fusion_list_destroy(pointers), 0);
}

static void test_move_far(void **state)
{
	struct fusion_arena *other = image_enter_at(
		IMAGE_BASE_2, image_create_at(IMAGE_BASE_2, 64ull << 20, 0));
	struct fusion_list_node *x;
	struct fusion_list *far;

	(void)state;
	assert_int_equal(list_create(other, LOCKED, &far), 0);
	assert_int_equal(fusion_list_insert_back(list, word(1), &x), 0);
	assert_int_equal(fusion_list_move(list, x, far, NULL, NULL), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "arena"));
	/* Neither lock is held any more. */
	assert_int_equal(fusion_list_unlock(far), -EPERM);
	assert_int_equal(fusion_list_unlock(list), -EPERM);
	assert_int_equal(fusion_list_destroy(far), 0);
	image_leave(other);
}

/* What a thread leaves that dies before or after the commit point. */
static void leave_move(struct fusion_list_node *x, bool committed)
{
	list->peer = done;
	list_announce(list, OP_MOVE_OUT, x->prev, x->next, x);
	done->peer = list;
	list_announce(done, OP_MOVE_IN, done->ring.prev, &done->ring, x);
	done->ring.prev->next = x;
	if (committed)
		x->list = done;
}

/* A block of the program gets the memory of a freed node, and there the handle
 * of the list that is not settled yet. */
static void reuse_as(struct fusion_list_node *x, struct fusion_list *has)
{
	void *block[64];
	unsigned n = 0;

	do {
		block[n] = fusion_malloc(arena, sizeof(*x));
		assert_non_null(block[n]);
	} while (block[n++] != x && n < 64);
	assert_ptr_equal(block[n - 1], x);
	x->list = has;
	fusion_list_insert_back(has, word(9), NULL);
	while (n)
		assert_int_equal(fusion_free(block[--n]), 0);
}

static void test_move_node_reused(void **state)
{
	struct fusion_list_node *x, *y;

	(void)state;
	assert_int_equal(fusion_list_insert_back(list, word(1), &x), 0);
	assert_int_equal(fusion_list_insert_back(list, word(2), &y), 0);
	leave_move(x, true);
	expect_both((uint64_t[]){2}, 1, (uint64_t[]){1}, 1);
	assert_int_equal(fusion_list_remove(done, x, NULL), 0);
	reuse_as(x, list);
	expect_both((uint64_t[]){2, 9}, 2, NULL, 0);
	leave_move(y, false);
	expect_both((uint64_t[]){2, 9}, 2, NULL, 0);
	assert_int_equal(fusion_list_remove(list, y, NULL), 0);
	reuse_as(y, done);
	expect_both((uint64_t[]){9}, 1, (uint64_t[]){9}, 1);
}

/* Jobs go round, and none is lost. */
static void *move_round(void *arg)
{
	struct fusion_list *from = arg ? done : list, *to = arg ? list : done;

	for (uint64_t i = 0; i < ROUNDS; i++)
		assert_in_range(fusion_list_move(from, NULL, to, NULL, NULL), 0,
				1);
	return NULL;
}

static void test_move_threads(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(fusion_list_insert_back(list, word(i), NULL),
				 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, move_round,
						(void *)(i % 2)),
				 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(list_size(list) + list_size(done), 10);
}

static void step_move(uint64_t k)
{
	struct fusion_list_node *before = NULL;
	struct fusion_list *from = k / 7 % 2 ? done : list,
			   *to = k / 7 % 2 ? list : done;

	if (k % 3)
		fusion_list_next(to, NULL, &before);
	fusion_list_move(from, NULL, to, before, NULL);
}

/* Every value that the lists have, as a bit. */
static uint64_t values_of(struct fusion_list *l)
{
	struct fusion_list_node *x = NULL;
	struct fusion_value value;
	uint64_t all = 0;

	while (fusion_list_next(l, x, &x) == 1) {
		assert_int_equal(fusion_list_value(l, x, &value), 0);
		assert_int_equal(all & 1ull << value.word, 0);
		all |= 1ull << value.word;
	}
	return all;
}

/* Fifty deaths: each value is in one of the lists, and in one only. */
static void test_move_killed(void **state)
{
	uint64_t from = 0, seed = 11, a, b;

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(fusion_list_insert_back(list, word(i), NULL),
				 0);
	for (unsigned i = 0; i < 50; i++) {
		struct victim v = victim_start(from, step_move);

		from = victim_kill(&v, from + next_random(&seed) % 300);
		if (i % 2)
			life_sweep(&arena->view);
		a = values_of(list);
		b = values_of(done);
		assert_int_equal(a & b, 0);
		assert_int_equal(a | b, 1023);
		step_move(from);
		assert_int_equal(list_size(list) + list_size(done), 10);
		assert_int_equal(values_of(list) | values_of(done), 1023);
		life_sweep(&arena->view);
		assert_int_equal(blocks(), blocks_before + 12);
	}
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
		cmocka_unit_test_setup_teardown(test_move, set_up_both,
						tear_down_both),
		cmocka_unit_test_setup_teardown(test_move, set_up_both_locked,
						tear_down_both),
		cmocka_unit_test_setup_teardown(test_move_errors, set_up_both,
						tear_down_both),
		cmocka_unit_test_setup_teardown(
			test_move_far, set_up_both_locked, tear_down_both),
		cmocka_unit_test_setup_teardown(test_move_node_reused,
						set_up_both, tear_down_both),
		cmocka_unit_test_setup_teardown(test_move_node_reused,
						set_up_both_locked,
						tear_down_both),
		cmocka_unit_test_setup_teardown(
			test_move_killed, set_up_both_locked, tear_down_both),
		cmocka_unit_test_setup_teardown(
			test_move_threads, set_up_both_locked, tear_down_both),
	};

	return cmocka_run_group_tests_name("list", all, NULL, NULL);
}
