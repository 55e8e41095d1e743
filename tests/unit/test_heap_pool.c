/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heap pools through their public calls, on an arena without a mount. */
#include "tests/unit/heap_member.h"

#include <pthread.h>

#include <fusion/error.h>

#include "libfusion/core/heap/heap_check.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/recovery/check.h"

static struct fusion_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(1ull << 30, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(heap_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static int create(const char *name, uint64_t limit,
		  struct fusion_heap_pool **ret)
{
	struct fusion_heap_pool_options options = FUSION_HEAP_POOL_OPTIONS_INIT;

	options.limit = limit;
	return fusion_heap_pool_create(arena, name, &options, ret);
}

static void pool_has_a_limit_and_goes_as_a_whole(void **state)
{
	struct fusion_heap_stat before, after;
	struct fusion_heap_pool *pool, *again;
	int n = 0;

	(void)state;
	fusion_heap_stat(arena, &before, sizeof(before));
	assert_int_equal(create("p", 1 << 20, &pool), 0);
	assert_int_equal(fusion_heap_pool_create(arena, "p", NULL, &again),
			 -EEXIST);
	assert_int_equal(fusion_heap_pool_create(arena, "a/b", NULL, &again),
			 -EINVAL);
	assert_int_equal(fusion_heap_pool_lookup(arena, "q", &again), -ENOENT);
	assert_int_equal(fusion_heap_pool_lookup(arena, "p", &again), 0);
	while (fusion_heap_pool_malloc(pool, 5000))
		n++;
	assert_int_equal(errno, ENOMEM);
	assert_true(n > 100 && n <= 210);
	assert_null(fusion_heap_pool_malloc(pool, 2 << 20));
	assert_int_equal(heap_check(&arena->view, print_fault, NULL), 0);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
	fusion_heap_stat(arena, &after, sizeof(after));
	assert_int_equal(after.blocks, before.blocks);
	/* The other handle notices, and the name is free. */
	assert_null(fusion_heap_pool_malloc(again, 10));
	assert_int_equal(errno, EIDRM);
	assert_non_null(strstr(fusion_strerror(-EIDRM), "is destroyed"));
	assert_int_equal(fusion_heap_pool_create(arena, "p", NULL, &pool), 0);
	assert_null(fusion_heap_pool_malloc(again, 10));
	assert_non_null(fusion_heap_pool_malloc(pool, 300000));
	fusion_heap_pool_release(again);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
}

static void pool_without_a_name_shows_its_id(void **state)
{
	struct fusion_heap_pool *pool, *other;
	struct fusion_heap_pool_stat stats;
	struct pool_info info;
	char id[16];
	int *p;

	(void)state;
	assert_int_equal(fusion_heap_pool_create(arena, NULL, NULL, &pool), 0);
	assert_int_equal(fusion_heap_pool_create(arena, NULL, NULL, &other), 0);
	p = fusion_heap_pool_calloc(pool, 100, sizeof(*p));
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(fusion_heap_pool_stat(pool, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.used, 65536);
	assert_int_equal(pool_copy(&arena->view, 0, &info), 0);
	snprintf(id, sizeof(id), "#%u", stats.id);
	assert_string_equal(info.name, id);
	/* Stays in the pool, and so ends with it. */
	p = fusion_realloc(arena, p, 300000);
	assert_non_null(p);
	assert_int_equal(fusion_heap_pool_stat(pool, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.used, 65536 + 5 * 65536);
	assert_int_equal(fusion_heap_pool_lookup(arena, "", &other), -EINVAL);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
	assert_int_equal(fusion_heap_pool_destroy(other), 0);
	assert_int_equal(fusion_heap_pool_destroy(NULL), 0);
	assert_false(heap_is_allocated(&arena->view, p));
}

/* A slab of eight spans is more than the pool may have: spans will do. */
static void small_pool_has_room_for_a_medium_block(void **state)
{
	struct fusion_heap_pool *pool;

	(void)state;
	assert_int_equal(create("p", 65536, &pool), 0);
	assert_non_null(fusion_heap_pool_malloc(pool, 20000));
	assert_null(fusion_heap_pool_malloc(pool, 16));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
}

/* The next pool has its record, and its name. */
static void handle_of_a_destroyed_pool_hits_no_other(void **state)
{
	struct fusion_heap_pool *pool, *old, *next;
	struct fusion_heap_pool_stat stat;
	fusion_id_t id;

	(void)state;
	assert_int_equal(create("p", 0, &pool), 0);
	assert_int_equal(fusion_heap_pool_lookup(arena, "p", &old), 0);
	id = fusion_heap_pool_id(old);
	assert_int_equal(fusion_heap_pool_id(pool), id);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
	assert_int_equal(fusion_heap_pool_id(pool), 0);
	assert_int_equal(fusion_heap_pool_get(arena, id, &pool), -ENOENT);
	assert_non_null(strstr(fusion_strerror(-ENOENT), "heap pool #"));
	assert_int_equal(create("p", 0, &next), 0);
	assert_int_not_equal(fusion_heap_pool_id(next), id);
	assert_int_equal(fusion_heap_pool_id(old), id);
	assert_int_equal(fusion_heap_pool_stat(old, &stat, sizeof(stat)),
			 -EIDRM);
	assert_null(fusion_heap_pool_malloc(old, 10));
	assert_int_equal(errno, EIDRM);
	assert_int_equal(fusion_heap_pool_destroy(old), -EIDRM);
	assert_int_equal(fusion_heap_pool_destroy(old), -EINVAL);
	assert_int_equal(fusion_heap_pool_stat(next, &stat, sizeof(stat)), 0);
	assert_int_equal(fusion_heap_pool_destroy(next), 0);
}

static void pool_is_found_by_its_id(void **state)
{
	struct fusion_heap_pool *pool, *nameless, *found = NULL;

	(void)state;
	assert_int_equal(create("p", 0, &pool), 0);
	assert_int_equal(create(NULL, 0, &nameless), 0);
	assert_int_equal(fusion_heap_pool_get(
				 arena, fusion_heap_pool_id(nameless), &found),
			 0);
	assert_int_equal(fusion_heap_pool_id(found),
			 fusion_heap_pool_id(nameless));
	fusion_heap_pool_release(found);
	found = NULL;
	assert_int_equal(fusion_heap_pool_get(arena, 0, &found), -EINVAL);
	assert_int_equal(fusion_heap_pool_get(arena, 4000000, &found), -ENOENT);
	assert_null(found);
	assert_int_equal(fusion_heap_pool_get(arena, 1, NULL), -EINVAL);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
	assert_int_equal(fusion_heap_pool_destroy(nameless), 0);
}

static void open_creates_once_and_then_finds(void **state)
{
	struct fusion_heap_pool_options options = FUSION_HEAP_POOL_OPTIONS_INIT;
	struct fusion_heap_pool *first, *again, *none = NULL;
	struct fusion_heap_pool_stat stat;

	(void)state;
	options.limit = 1u << 20;
	assert_int_equal(fusion_heap_pool_open(arena, "p", &options, &first),
			 0);
	/* It keeps its limit. */
	assert_int_equal(fusion_heap_pool_open(arena, "p", NULL, &again), 0);
	assert_int_equal(fusion_heap_pool_id(first),
			 fusion_heap_pool_id(again));
	assert_int_equal(fusion_heap_pool_stat(again, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.limit, 1u << 20);
	assert_int_equal(fusion_heap_pool_open(arena, NULL, NULL, &none),
			 -EINVAL);
	assert_int_equal(fusion_heap_pool_open(arena, "a/b", NULL, &none),
			 -EINVAL);
	assert_int_equal(fusion_heap_pool_open(arena, "q", NULL, NULL),
			 -EINVAL);
	assert_null(none);
	fusion_heap_pool_release(again);
	assert_int_equal(fusion_heap_pool_destroy(first), 0);
}

static pthread_barrier_t start;

static void *open_at_once(void *arg)
{
	struct fusion_heap_pool *pool;
	fusion_id_t *ids = arg;

	for (int i = 0; i < 200; i++) {
		pthread_barrier_wait(&start);
		assert_int_equal(fusion_heap_pool_open(arena, "p", NULL, &pool),
				 0);
		ids[i] = fusion_heap_pool_id(pool);
		pthread_barrier_wait(&start);
		if (ids == arg && i % 2)
			fusion_heap_pool_release(pool);
		else
			fusion_heap_pool_destroy(pool);
	}
	return NULL;
}

/* Each round begins without the pool, if the last one destroyed it. */
static void open_at_once_gives_one_pool_to_all(void **state)
{
	static fusion_id_t ids[4][200];
	pthread_t t[4];

	(void)state;
	pthread_barrier_init(&start, NULL, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&t[i], NULL, open_at_once, ids[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&start);
	for (int i = 0; i < 200; i++)
		for (int k = 1; k < 4; k++)
			assert_int_equal(ids[k][i], ids[0][i]);
}

static void options_follow_the_rule(void **state)
{
	struct {
		struct fusion_heap_pool_options options;
		uint64_t later;
	} o = {{sizeof(o), 65536}, 0};
	struct fusion_heap_pool *pool = NULL;

	(void)state;
	assert_int_equal(fusion_heap_pool_create(arena, "p", &o.options, &pool),
			 0);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
	pool = NULL;
	o.later = 1;
	assert_int_equal(fusion_heap_pool_create(arena, "p", &o.options, &pool),
			 -E2BIG);
	o.options.size = sizeof(size_t);
	assert_int_equal(fusion_heap_pool_create(arena, "p", &o.options, &pool),
			 -EINVAL);
	assert_int_equal(fusion_heap_pool_open(arena, "p", &o.options, &pool),
			 -EINVAL);
	assert_null(pool);
	assert_int_equal(fusion_heap_pool_lookup(arena, "p", &pool), -ENOENT);
}

static void stat_fills_the_struct_that_the_program_has(void **state)
{
	struct {
		struct fusion_heap_pool_stat stat;
		uint64_t later;
	} s = {.later = 1};
	struct fusion_heap_pool *pool;

	(void)state;
	assert_int_equal(create("p", 65536, &pool), 0);
	s.stat.limit = 7;
	assert_int_equal(fusion_heap_pool_stat(pool, &s.stat,
					       offsetof(typeof(s.stat), limit)),
			 0);
	assert_int_equal(s.stat.id, fusion_heap_pool_id(pool));
	assert_int_equal(s.stat.limit, 7);
	assert_int_equal(fusion_heap_pool_stat(pool, &s.stat, sizeof(s)), 0);
	assert_int_equal(s.stat.limit, 65536);
	assert_int_equal(s.later, 0);
	assert_int_equal(fusion_heap_pool_stat(pool, NULL, 8), -EINVAL);
	assert_int_equal(fusion_heap_pool_stat(pool, &s.stat, 0), -EINVAL);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
}

static void calloc_refuses_overflow(void **state)
{
	struct fusion_heap_pool *pool;
	volatile size_t huge = SIZE_MAX / 2;

	(void)state;
	assert_int_equal(create("p", 0, &pool), 0);
	errno = 0;
	assert_null(fusion_heap_pool_calloc(pool, huge, 3));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pool_has_a_limit_and_goes_as_a_whole),
		T(pool_without_a_name_shows_its_id),
		T(small_pool_has_room_for_a_medium_block),
		T(handle_of_a_destroyed_pool_hits_no_other),
		T(pool_is_found_by_its_id),
		T(open_creates_once_and_then_finds),
		T(open_at_once_gives_one_pool_to_all),
		T(options_follow_the_rule),
		T(stat_fills_the_struct_that_the_program_has),
		T(calloc_refuses_overflow),
	};

	return cmocka_run_group_tests_name("heap_pool", tests, NULL, NULL);
}
