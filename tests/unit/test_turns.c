/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns: nobody waits for long behind another user, and no order is lost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fusionfs/base/turns.h"

#define MS 1000000u

static int end(void **state)
{
	(void)state;
	turns_end();
	assert_int_equal(turns_bytes(), 0);
	return 0;
}

static void add(uid_t uid, uint64_t unique)
{
	assert_int_equal(turns_add(uid, unique, &unique, sizeof(unique)), 0);
}

/* A clock that stands still: all that happens within a second. */
#define AT 5000000000

/* Serve one, which takes @ns: its number, 0 there is none. */
static uint64_t serve_at(uint64_t ns, int64_t at)
{
	struct turn *t = turns_next(at);
	uint64_t unique = 0;

	if (!t)
		return 0;
	assert_int_equal(t->size, sizeof(unique));
	memcpy(&unique, t->data, sizeof(unique));
	turns_done(t, ns, at);
	return unique;
}

static uint64_t serve(uint64_t ns)
{
	return serve_at(ns, AT);
}

static void turns_of_one_user_are_in_order(void **state)
{
	(void)state;
	assert_int_equal(turns_due(AT), -1);
	for (uint64_t i = 1; i <= 5; i++)
		add(1, i);
	assert_int_equal(turns_due(AT), 0);
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(serve(i % 2 ? MS : 0), i);
	assert_int_equal(serve(0), 0);
}

static void turns_user_with_many_waits_for_one_with_one(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 100; i++)
		add(1, i);
	assert_int_equal(serve(MS), 1);
	add(2, 1000);
	assert_int_equal(serve(MS), 1000);
	assert_int_equal(serve(MS), 2);
}

static void turns_are_by_time_and_not_by_number(void **state)
{
	unsigned cheap = 0;

	(void)state;
	for (uint64_t i = 1; i <= 100; i++) {
		add(1, i);
		add(2, 1000 + i);
	}
	/* While the first user has one that takes 3 ms, the other has ten. */
	for (int i = 0; i < 33; i++) {
		struct turn *t = turns_next(AT);

		cheap += t->uid == 2;
		turns_done(t, t->uid == 1 ? 3 * MS : 3 * MS / 10, AT);
	}
	assert_in_range(cheap, 29, 31);
}

static void turns_idling_saves_up_no_claim(void **state)
{
	unsigned rested = 0;

	(void)state;
	add(2, 1000);
	assert_int_equal(serve(MS), 1000);
	for (uint64_t i = 1; i <= 100; i++)
		add(1, i);
	for (uint64_t i = 1; i <= 50; i++)
		assert_int_equal(serve(MS), i);
	/* 2 has had 1 ms, and 1 has had 50: from here on it is half and half.
	 */
	for (uint64_t i = 1; i <= 10; i++)
		add(2, 1000 + i);
	for (int i = 0; i < 10; i++)
		rested += serve(MS) > 1000;
	assert_in_range(rested, 5, 6);
}

static void turns_long_one_is_followed_by_a_rest(void **state)
{
	const int64_t pause = TURN_REST * TURN_LONG_NS;

	(void)state;
	for (uint64_t i = 1; i <= 9; i++)
		add(1, i);
	/* Nobody else is about. */
	assert_int_equal(serve(TURN_LONG_NS), 1);
	assert_int_equal(serve(MS), 2);
	add(2, 1000);
	add(2, 1001);
	assert_int_equal(serve(0), 1000);
	assert_int_equal(serve(100 * MS), 1001);
	assert_int_equal(serve(TURN_LONG_NS), 3);
	assert_int_equal(serve(0), 0);
	assert_int_equal(turns_due(AT), pause);
	assert_int_equal(serve_at(0, AT + pause - 1), 0);
	assert_int_equal(serve_at(TURN_LONG_NS - 1, AT + pause), 4);
	assert_int_equal(serve_at(2000 * MS, AT + pause), 5);
	assert_int_equal(turns_due(AT + pause), TURN_REST_MAX_NS);
	/* By then the other has been away for long. */
	assert_int_equal(serve_at(TURN_LONG_NS, AT + pause + TURN_REST_MAX_NS),
			 6);
	assert_int_equal(serve_at(0, AT + pause + TURN_REST_MAX_NS), 7);
}

static void turns_interrupt_stays_behind_its_request(void **state)
{
	uint64_t interrupt = 77;

	(void)state;
	add(1, 1);
	add(1, 2);
	assert_int_equal(turns_add_behind(3, &interrupt, sizeof(interrupt)),
			 -ENOENT);
	assert_int_equal(turns_add_behind(1, &interrupt, sizeof(interrupt)), 0);
	assert_int_equal(turns_add_behind(2, &interrupt, sizeof(interrupt)), 0);
	add(1, 3);
	assert_int_equal(serve(0), 1);
	assert_int_equal(serve(0), 77);
	assert_int_equal(serve(0), 2);
	assert_int_equal(serve(0), 77);
	assert_int_equal(serve(0), 3);
	assert_int_equal(turns_add_behind(3, &interrupt, sizeof(interrupt)),
			 -ENOENT);
}

static void turns_bytes_are_those_that_wait(void **state)
{
	static const char data[5000];

	(void)state;
	assert_int_equal(turns_bytes(), 0);
	turns_add(1, 1, data, sizeof(data));
	turns_add(2, 2, data, sizeof(data));
	assert_in_range(turns_bytes(), 10000, 10200);
	turns_done(turns_next(AT), 0, AT);
	assert_in_range(turns_bytes(), 5000, 5100);
	turns_end();
	assert_int_equal(turns_bytes(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(turns_of_one_user_are_in_order, end),
		cmocka_unit_test_teardown(
			turns_user_with_many_waits_for_one_with_one, end),
		cmocka_unit_test_teardown(turns_are_by_time_and_not_by_number,
					  end),
		cmocka_unit_test_teardown(turns_idling_saves_up_no_claim, end),
		cmocka_unit_test_teardown(turns_long_one_is_followed_by_a_rest,
					  end),
		cmocka_unit_test_teardown(
			turns_interrupt_stays_behind_its_request, end),
		cmocka_unit_test_teardown(turns_bytes_are_those_that_wait, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
