/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which arena is at an address (libfusion/arena/arena.c), with handles that
 * only say where they are: nothing is mapped.
 */
#include "tests/unit/arena_image.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/core/base/atomic.h"

#define MANY 1000000

static struct fusion_arena *at(uint64_t base, uint64_t span)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->view.base = (char *)(uintptr_t)base;
	a->view.geo.span = span;
	return a;
}

static struct fusion_arena *found(uint64_t p)
{
	return arena_of((void *)(uintptr_t)p);
}

static void is_found_in_its_range_only(struct fusion_arena *a)
{
	uint64_t base = (uintptr_t)a->view.base, span = a->view.geo.span;

	assert_int_equal(address_add(a), 0);
	assert_ptr_equal(found(base), a);
	assert_ptr_equal(found(base + span / 2), a);
	assert_ptr_equal(found(base + span - 1), a);
	assert_null(found(base - 1));
	assert_null(found(base + span));
	address_remove(a);
	assert_null(found(base));
	assert_null(found(base + span - 1));
}

static void test_all_spans(void **state)
{
	(void)state;
	for (uint64_t span = SPAN_MIN; span <= SPAN_MAX; span *= 2) {
		struct fusion_arena *a = at(WINDOW_BASE, span);

		is_found_in_its_range_only(a);
		a->view.base = (char *)(uintptr_t)(WINDOW_BASE + SPAN_MAX);
		is_found_in_its_range_only(a);
		free(a);
	}
}

static void test_nobodys_addresses(void **state)
{
	(void)state;
	assert_null(found(0));
	assert_null(found(WINDOW_BASE));
	assert_null(found((uintptr_t)&state));
	assert_null(found(UINT64_MAX));
	assert_null(found(1ull << 47));
	assert_null(found((1ull << 47) - 1));
}

static void test_what_is_no_place(void **state)
{
	struct fusion_arena *a = at(WINDOW_BASE + SPAN_MIN, SPAN_MIN);

	(void)state;
	assert_int_equal(address_add(a), -EFAULT);
	a->view.base = (char *)(uintptr_t)(1ull << 47);
	assert_int_equal(address_add(a), -EFAULT);
	a->view.base = (char *)(uintptr_t)((1ull << 47) - WINDOW_SLOT);
	a->view.geo.span = 2 * WINDOW_SLOT;
	assert_int_equal(address_add(a), -EFAULT);
	free(a);
}

/* One that did not get in takes nothing from the one that is there. */
static void test_remove_what_is_not_there(void **state)
{
	struct fusion_arena *a = at(WINDOW_BASE, SPAN_MIN);
	struct fusion_arena *b = at(WINDOW_BASE, SPAN_MIN);

	(void)state;
	assert_int_equal(address_add(a), 0);
	address_remove(b);
	assert_ptr_equal(found(WINDOW_BASE), a);
	b->view.base = NULL;
	address_remove(b);
	assert_ptr_equal(found(WINDOW_BASE), a);
	address_remove(a);
	free(a);
	free(b);
}

/* Each at a place and of a span of its own. */
static void test_a_million_one_after_another(void **state)
{
	uint64_t n = (WINDOW_END - WINDOW_BASE) / SPAN_MAX;

	(void)state;
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t span = SPAN_MIN << i % 13;
		struct fusion_arena *a =
			at(WINDOW_BASE + i % n * SPAN_MAX, span);

		assert_int_equal(address_add(a), 0);
		if (found((uintptr_t)a->view.base + span - 1) != a)
			fail_msg("arena %lu", (unsigned long)i);
		address_remove(a);
		free(a);
	}
}

struct pair {
	struct fusion_arena *stays, *comes_and_goes;
	uint32_t stop; /* atomic */
	unsigned long wrong;
};

static void *look(void *arg)
{
	struct pair *p = arg;

	while (!load_relaxed(&p->stop)) {
		struct fusion_arena *a = found(WINDOW_BASE + 100);
		struct fusion_arena *b = found(WINDOW_BASE + WINDOW_SLOT + 100);
		/* Never by the large one's span with the small one's handle. */
		struct fusion_arena *c =
			found(WINDOW_BASE + WINDOW_SLOT + SPAN_MIN);

		p->wrong += a != p->stays;
		p->wrong += b && b != p->comes_and_goes;
		p->wrong += c != NULL;
	}
	return NULL;
}

static void test_another_looks_meanwhile(void **state)
{
	struct pair p = {
		.stays = at(WINDOW_BASE, SPAN_MIN),
		.comes_and_goes = at(WINDOW_BASE + WINDOW_SLOT, SPAN_MIN),
	};
	pthread_t thread;

	(void)state;
	assert_int_equal(address_add(p.stays), 0);
	assert_int_equal(pthread_create(&thread, NULL, look, &p), 0);
	for (unsigned i = 0; i < MANY / 10; i++) {
		assert_int_equal(address_add(p.comes_and_goes), 0);
		address_remove(p.comes_and_goes);
	}
	store_relaxed(&p.stop, 1);
	pthread_join(thread, NULL);
	assert_int_equal(p.wrong, 0);
	address_remove(p.stays);
	free(p.stays);
	free(p.comes_and_goes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_spans),
		cmocka_unit_test(test_nobodys_addresses),
		cmocka_unit_test(test_what_is_no_place),
		cmocka_unit_test(test_remove_what_is_not_there),
		cmocka_unit_test(test_a_million_one_after_another),
		cmocka_unit_test(test_another_looks_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
