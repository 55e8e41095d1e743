/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quotas of the daemon: no charge is lost, none is given back twice. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "fusionfs/base/quota.h"
#include "fusionfs/base/text.h"

/* Not the user who runs the test, who may have anything. */
#define USER ((uid_t)(geteuid() + 1))

static int begin(void **state)
{
	uint64_t limits[N_QUOTAS] = {
		[QUOTA_ARENAS] = 2, [QUOTA_SPAN] = 100,	  [QUOTA_MEMORY] = 100,
		[QUOTA_FILES] = 2,  [QUOTA_BYTES] = 4096,
	};

	(void)state;
	quota_begin(limits);
	return 0;
}

static int end(void **state)
{
	(void)state;
	quota_end();
	return 0;
}

static uint64_t used(enum quota kind)
{
	const struct quota_user *at = NULL;
	uint64_t has[N_QUOTAS];
	uid_t uid;

	while (quota_next(&at, &uid, has))
		if (uid == USER)
			return has[kind];
	return 0;
}

static void quota_limit_is_reached_and_given_back(void **state)
{
	struct charge a, b, c;

	(void)state;
	assert_int_equal(quota_take(&a, USER, QUOTA_FILES, 1), 0);
	assert_int_equal(quota_take(&b, USER, QUOTA_FILES, 1), 0);
	assert_int_equal(quota_take(&c, USER, QUOTA_FILES, 1), -EMFILE);
	quota_give(&c);
	assert_int_equal(used(QUOTA_FILES), 2);
	quota_give(&a);
	quota_give(&a);
	assert_int_equal(used(QUOTA_FILES), 1);
	assert_int_equal(quota_take(&c, USER, QUOTA_FILES, 1), 0);
	quota_give(&b);
	quota_give(&c);
	assert_int_equal(used(QUOTA_FILES), 0);
}

static void quota_does_not_bind_root_and_the_daemons_user(void **state)
{
	struct charge c;

	(void)state;
	assert_int_equal(quota_take(&c, 0, QUOTA_FILES, 1000), 0);
	quota_give(&c);
	assert_int_equal(quota_take(&c, geteuid(), QUOTA_FILES, 1000), 0);
	quota_give(&c);
}

static void quota_kind_without_limit_counts_only(void **state)
{
	struct charge c;

	(void)state;
	assert_int_equal(quota_take(&c, USER, QUOTA_WAITS, 1000), 0);
	assert_int_equal(used(QUOTA_WAITS), 1000);
	quota_give(&c);
}

static void quota_numbers_that_overflow_are_too_much(void **state)
{
	struct charge a, b;

	(void)state;
	assert_int_equal(quota_take(&a, USER, QUOTA_SPAN, 50), 0);
	assert_int_equal(quota_take(&b, USER, QUOTA_SPAN, UINT64_MAX - 10),
			 -EDQUOT);
	assert_int_equal(quota_set(&a, UINT64_MAX), -EDQUOT);
	assert_int_equal(used(QUOTA_SPAN), 50);
	/* Over the limit by force, less still works, and more does not. */
	quota_force(&a, 500);
	assert_int_equal(quota_set(&a, 501), -EDQUOT);
	assert_int_equal(quota_set(&a, 400), 0);
	quota_give(&a);
	assert_int_equal(used(QUOTA_SPAN), 0);
}

static void quota_refused_arena_keeps_what_it_had(void **state)
{
	struct arena_charge a = {.arenas = {.user = NULL}};
	struct arena_charge b = {.arenas = {.user = NULL}};

	(void)state;
	assert_int_equal(arena_charge_set(&a, USER, 60, 40), 0);
	assert_int_equal(arena_charge_set(&a, USER, 90, 90), 0);
	assert_int_equal(arena_charge_set(&a, USER, 90, 110), -EDQUOT);
	assert_int_equal(used(QUOTA_SPAN), 90);
	assert_int_equal(used(QUOTA_MEMORY), 90);
	assert_int_equal(arena_charge_set(&b, USER, 20, 5), -EDQUOT);
	assert_int_equal(used(QUOTA_ARENAS), 1);
	arena_charge_give(&b);
	arena_charge_give(&a);
	arena_charge_give(&a);
	assert_int_equal(used(QUOTA_ARENAS), 0);
	assert_int_equal(used(QUOTA_SPAN), 0);
	assert_int_equal(used(QUOTA_MEMORY), 0);
}

static void quota_text_is_charged_for_its_room(void **state)
{
	struct text t = {.p = NULL};

	(void)state;
	quota_open(&t.charge, USER, QUOTA_BYTES);
	for (int i = 0; i < 1000; i++)
		text_add(&t, "%d\n", i);
	assert_int_equal(t.failed, 0);
	assert_int_equal(used(QUOTA_BYTES), t.cap);
	for (int i = 0; i < 1000; i++)
		text_add(&t, "%d\n", i);
	assert_int_equal(t.failed, -EDQUOT);
	assert_true(used(QUOTA_BYTES) <= 4096);
	/* It is the same user's still. */
	text_finish(&t);
	assert_int_equal(used(QUOTA_BYTES), 0);
	text_add(&t, "x");
	assert_int_equal(t.failed, 0);
	assert_true(used(QUOTA_BYTES) > 0);
	text_finish(&t);
	assert_int_equal(used(QUOTA_BYTES), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quota_limit_is_reached_and_given_back),
		cmocka_unit_test(quota_does_not_bind_root_and_the_daemons_user),
		cmocka_unit_test(quota_kind_without_limit_counts_only),
		cmocka_unit_test(quota_numbers_that_overflow_are_too_much),
		cmocka_unit_test(quota_refused_arena_keeps_what_it_had),
		cmocka_unit_test(quota_text_is_charged_for_its_room),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
