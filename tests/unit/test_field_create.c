/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields as programs create and open them. */
#include "tests/unit/heap_member.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#include <fusion/fusion.h>

#define THREADS 8

static struct fusion_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(16ull << 20, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_leave(arena);
	return 0;
}

static uint64_t n_blocks(void)
{
	struct fusion_heap_stat s;

	assert_int_equal(fusion_heap_stat(arena, &s, sizeof(s)), 0);
	return s.blocks;
}

static struct fusion_field_options page(void)
{
	struct fusion_field_options o = FUSION_FIELD_OPTIONS_INIT;

	o.data_size = 100;
	o.type = "page";
	return o;
}

static void created_without_data_is_zeroed_memory(void **state)
{
	struct fusion_field_options o = page();
	char *data, *again;

	(void)state;
	data = fusion_malloc(arena, 100);
	memset(data, 0x5a, 100);
	fusion_free(data); /* the heap gives it out again */
	assert_int_equal(fusion_field_create(arena, "f", &o, (void **)&data),
			 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(data[i], 0);
	assert_int_equal(
		fusion_field_lookup(arena, "f", 100, "page", (void **)&again),
		0);
	assert_ptr_equal(again, data);
	assert_int_equal(fusion_field_remove(arena, "f"), 0);
	assert_true(fusion_usable_size(data) >= 100);
	assert_int_equal(fusion_free(data), 0);
}

static void created_with_data_publishes_it(void **state)
{
	struct fusion_field_options o = FUSION_FIELD_OPTIONS_INIT;
	void *data = NULL;

	(void)state;
	o.data = fusion_malloc(arena, 10);
	assert_int_equal(fusion_field_create(arena, "bare", &o, &data), 0);
	assert_ptr_equal(data, o.data);
	o.data_size = 10;
	assert_int_equal(fusion_field_create(arena, "whole", &o, NULL), 0);
	o.data_size = 1ull << 40;
	assert_int_equal(fusion_field_create(arena, "long", &o, NULL), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "'long'"));
	o.data = &o;
	assert_int_equal(fusion_field_open(arena, "far", &o, NULL), -EINVAL);
}

static void open_finds_and_compares(void **state)
{
	struct fusion_field_options o = page();
	void *first, *second = NULL;
	uint64_t before;

	(void)state;
	assert_int_equal(fusion_field_open(arena, "f", &o, &first), 0);
	before = n_blocks();
	assert_int_equal(fusion_field_open(arena, "f", &o, &second), 0);
	assert_ptr_equal(first, second);
	second = NULL;
	o.data_size = 99;
	assert_int_equal(fusion_field_open(arena, "f", &o, &second),
			 -EPROTOTYPE);
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "100 bytes"));
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "99 are"));
	o = page();
	o.type = "sheet";
	assert_int_equal(fusion_field_open(arena, "f", &o, &second),
			 -EPROTOTYPE);
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "'page'"));
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "'sheet'"));
	assert_null(second);
	assert_int_equal(n_blocks(), before);
}

/* --- initialize() ----------------------------------------------------------
 */

static int fill(void *data, void *ctx)
{
	atomic_fetch_add((atomic_uint *)ctx, 1);
	memset(data, 'x', 100);
	return 0;
}

static void initialize_runs_for_a_new_field_only(void **state)
{
	struct fusion_field_options o = page();
	atomic_uint n = 0;
	char *data;

	(void)state;
	o.initialize = fill;
	o.ctx = &n;
	assert_int_equal(fusion_field_open(arena, "f", &o, (void **)&data), 0);
	assert_int_equal(data[99], 'x');
	assert_int_equal(fusion_field_open(arena, "f", &o, NULL), 0);
	assert_int_equal(fusion_field_create(arena, "f", &o, NULL), -EEXIST);
	assert_int_equal(fusion_field_create(arena, "a/b", &o, NULL), -EINVAL);
	o.type = "a\tb";
	assert_int_equal(fusion_field_create(arena, "g", &o, NULL), -EINVAL);
	assert_int_equal(n, 1);
}

static int refuse_data(void *data, void *ctx)
{
	(void)data;
	(void)ctx;
	return -ENOTBLK;
}

static void initialize_that_fails_leaves_nothing(void **state)
{
	struct fusion_field_options o = page();
	void *data = NULL;
	uint64_t before;

	(void)state;
	fusion_free(fusion_malloc(arena, 100));
	before = n_blocks();
	o.initialize = refuse_data;
	assert_int_equal(fusion_field_create(arena, "f", &o, &data), -ENOTBLK);
	assert_non_null(strstr(fusion_strerror(-ENOTBLK), "initialize()"));
	assert_int_equal(fusion_field_open(arena, "f", &o, &data), -ENOTBLK);
	assert_null(data);
	assert_int_equal(fusion_field_lookup(arena, "f", 0, NULL, &data),
			 -ENOENT);
	assert_int_equal(n_blocks(), before);
}

static int refuse_as_existing(void *data, void *ctx)
{
	unsigned *n = ctx;

	(void)data;
	assert_int_equal(++*n, 1);
	return -EEXIST;
}

/* It does not mean that another thread has created the field. */
static void initialize_that_returns_eexist_is_an_error(void **state)
{
	struct fusion_field_options o = page();
	uint64_t before;
	unsigned n = 0;

	(void)state;
	fusion_free(fusion_malloc(arena, 100));
	before = n_blocks();
	o.initialize = refuse_as_existing;
	o.ctx = &n;
	assert_int_equal(fusion_field_open(arena, "f", &o, NULL), -EEXIST);
	assert_non_null(strstr(fusion_strerror(-EEXIST), "initialize()"));
	assert_int_equal(n, 1);
	assert_int_equal(n_blocks(), before);
}

/* As if another thread were faster. */
static int be_late(void *data, void *ctx)
{
	struct fusion_field_options o = page();

	(void)data;
	if (ctx)
		o.type = ctx;
	return fusion_field_create(arena, "f", &o, NULL);
}

static void loser_gets_the_field_of_the_winner(void **state)
{
	struct fusion_field_options o = page();
	void *mine, *its;
	uint64_t before;

	(void)state;
	fusion_free(fusion_malloc(arena, 100));
	before = n_blocks();
	o.initialize = be_late;
	assert_int_equal(fusion_field_open(arena, "f", &o, &mine), 0);
	assert_int_equal(fusion_field_lookup(arena, "f", 0, NULL, &its), 0);
	assert_ptr_equal(mine, its);
	assert_int_equal(n_blocks(), before + 1);
	fusion_field_remove(arena, "f");
	assert_int_equal(fusion_field_create(arena, "f", &o, NULL), -EEXIST);
	fusion_field_remove(arena, "f");
	o.ctx = (void *)"sheet";
	assert_int_equal(fusion_field_open(arena, "f", &o, NULL), -EPROTOTYPE);
	assert_int_equal(n_blocks(), before + 3);
}

static void *open_field(void *unused)
{
	struct fusion_field_options o = page();
	void *data = NULL;
	atomic_uint n = 0;

	(void)unused;
	o.initialize = fill;
	o.ctx = &n;
	assert_int_equal(fusion_field_open(arena, "f", &o, &data), 0);
	/* All that initialize() of the winner has written. */
	assert_int_equal(((char *)data)[99], 'x');
	assert_true(n <= 1);
	return data;
}

static void threads_that_open_at_once_get_one_field(void **state)
{
	pthread_t threads[THREADS];
	void *data[THREADS];
	uint64_t before = n_blocks();

	(void)state;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, open_field, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], &data[i]);
	for (int i = 1; i < THREADS; i++)
		assert_ptr_equal(data[i], data[0]);
	assert_int_equal(n_blocks(), before + 1);
}

static jmp_buf out;

static int jump(void *data, void *ctx)
{
	(void)data;
	(void)ctx;
	longjmp(out, 1);
}

static int end_thread(void *data, void *ctx)
{
	(void)data;
	(void)ctx;
	pthread_exit(NULL);
}

static void *open_and_end(void *ctx)
{
	fusion_field_open(arena, "f", ctx, NULL);
	return ctx;
}

static void initialize_that_is_left_leaves_nothing(void **state)
{
	struct fusion_field_options o = page();
	pthread_t thread;
	uint64_t before;
	void *r;

	(void)state;
	fusion_free(fusion_malloc(arena, 100));
	before = n_blocks();
	o.initialize = jump;
	if (setjmp(out) == 0)
		fusion_field_create(arena, "f", &o, NULL);
	o.initialize = end_thread;
	pthread_create(&thread, NULL, open_and_end, &o);
	pthread_join(thread, &r);
	assert_null(r);
	/* It takes back what was left. */
	o.initialize = refuse_data;
	assert_int_equal(fusion_field_open(arena, "f", &o, &r), -ENOTBLK);
	assert_int_equal(n_blocks(), before);
}

static void die(struct fusion_arena *a)
{
	struct fusion_field_options o = page();

	fusion_field_create(a, "f", &o, NULL);
}

static void field_outlives_its_creator(void **state)
{
	void *data;

	(void)state;
	run_and_kill(arena, die);
	assert_int_equal(fusion_field_lookup(arena, "f", 100, "page", &data),
			 0);
	assert_true(fusion_usable_size(data) >= 100);
}

/* --- Options ---------------------------------------------------------------
 */

static void options_grow_by_one_rule(void **state)
{
	struct {
		struct fusion_field_options o;
		uint64_t later;
	} longer = {page(), 0};
	struct fusion_field_options o = page();

	(void)state;
	longer.o.size = sizeof(longer);
	assert_int_equal(fusion_field_open(arena, "f", &longer.o, NULL), 0);
	longer.later = 1;
	assert_int_equal(fusion_field_open(arena, "f", &longer.o, NULL),
			 -E2BIG);
	o.size--;
	assert_int_equal(fusion_field_open(arena, "f", &o, NULL), -EINVAL);
	o = page();
	o.flags = 1;
	assert_int_equal(fusion_field_open(arena, "f", &o, NULL), -EINVAL);
	o = page();
	o.reserved = 1;
	assert_int_equal(fusion_field_open(arena, "f", &o, NULL), -EINVAL);
	o = page();
	o.data_size = 0;
	assert_int_equal(fusion_field_open(arena, "f", &o, NULL), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "data_size"));
	assert_int_equal(fusion_field_open(arena, "f", NULL, NULL), -EINVAL);
	o = page();
	o.data_size = 1ull << 50;
	assert_int_equal(fusion_field_open(arena, "big", &o, NULL), -ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(created_without_data_is_zeroed_memory),
		TEST(created_with_data_publishes_it),
		TEST(open_finds_and_compares),
		TEST(initialize_runs_for_a_new_field_only),
		TEST(initialize_that_fails_leaves_nothing),
		TEST(initialize_that_returns_eexist_is_an_error),
		TEST(loser_gets_the_field_of_the_winner),
		TEST(threads_that_open_at_once_get_one_field),
		TEST(initialize_that_is_left_leaves_nothing),
		TEST(field_outlives_its_creator),
		TEST(options_grow_by_one_rule),
	};

	return cmocka_run_group_tests_name("field_create", tests, NULL, NULL);
}
