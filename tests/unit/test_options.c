/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Structs that grow: options that are shorter or longer than the library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <fusion/error.h>
#include <fusion/types.h>

#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"

struct first {
	size_t size;
	uint32_t flags;
	uint32_t more;
};

struct now {
	size_t size;
	uint32_t flags;
	uint32_t more;
	uint64_t since;
};

struct later {
	struct now now;
	uint64_t unknown;
};

static int copy(struct now *to, const void *from)
{
	return options_copy(to, sizeof(*to), OPTIONS_FIRST(struct now, more),
			    from, "options");
}

static void options_that_are_not_given_are_zero(void **state)
{
	struct now to = {1, 2, 3, 4};

	(void)state;
	assert_int_equal(copy(&to, NULL), 0);
	assert_int_equal(to.size, sizeof(to));
	assert_int_equal(to.flags | to.more | to.since, 0);
}

static void options_of_an_older_program_are_filled_up(void **state)
{
	struct first from = {sizeof(from), 2, 3};
	struct now to = {1, 1, 1, 1};

	(void)state;
	assert_int_equal(sizeof(from), OPTIONS_FIRST(struct now, more));
	assert_int_equal(copy(&to, &from), 0);
	assert_int_equal(to.flags, 2);
	assert_int_equal(to.more, 3);
	assert_int_equal(to.since, 0);
	from.size--;
	assert_int_equal(copy(&to, &from), -EINVAL);
	from.size = 0;
	assert_int_equal(copy(&to, &from), -EINVAL);
}

static void options_of_a_newer_program_may_say_nothing_new(void **state)
{
	struct later from = {{sizeof(from), 2, 3, 4}, 0};
	struct now to;

	(void)state;
	assert_int_equal(copy(&to, &from), 0);
	assert_int_equal(to.size, sizeof(to));
	assert_int_equal(to.since, 4);
	from.unknown = 1ull << 63;
	assert_int_equal(copy(&to, &from), -E2BIG);
	from.unknown = 1;
	assert_int_equal(copy(&to, &from), -E2BIG);
	from.now.size = SIZE_MAX;
	assert_int_equal(copy(&to, &from), -E2BIG);
}

static void results_fit_the_struct_of_the_program(void **state)
{
	struct now from = {0, 2, 3, 4};
	struct later ret;

	(void)state;
	memset(&ret, 0xff, sizeof(ret));
	assert_int_equal(
		result_give(&ret, sizeof(ret), &from, sizeof(from), "now"), 0);
	assert_int_equal(ret.now.since, 4);
	assert_int_equal(ret.unknown, 0);
	memset(&ret, 0xff, sizeof(ret));
	assert_int_equal(result_give(&ret, sizeof(struct first), &from,
				     sizeof(from), "now"),
			 0);
	assert_int_equal(ret.now.more, 3);
	assert_int_equal(ret.now.since, UINT64_MAX);
	assert_int_equal(result_give(NULL, 8, &from, sizeof(from), "now"),
			 -EINVAL);
	assert_int_equal(result_give(&ret, 0, &from, sizeof(from), "now"),
			 -EINVAL);
}

static int64_t end_of(int64_t timeout_ns, uint32_t flags)
{
	struct wait wait = {.deadline_ns = -7};

	assert_int_equal(wait_begin(timeout_ns, flags, &wait), 0);
	assert_false(wait.interrupted);
	return wait.deadline_ns;
}

static void waits_end_at_their_time(void **state)
{
	int64_t now = clock_monotonic_ns();

	(void)state;
	assert_int_equal(end_of(0, 0), 0);
	assert_true(end_of(1000000000, 0) >= now + 1000000000);
	assert_true(end_of(FUSION_FOREVER, 0) < 0);
	assert_true(end_of(INT64_MAX, 0) < 0);
	assert_int_equal(end_of(0, FUSION_WAIT_UNTIL), 0);
	assert_int_equal(end_of(now, FUSION_WAIT_UNTIL), 0);
	assert_int_equal(end_of(now + 3600000000000, FUSION_WAIT_UNTIL),
			 now + 3600000000000);
	assert_int_equal(end_of(INT64_MAX, FUSION_WAIT_UNTIL), INT64_MAX);
	assert_true(end_of(FUSION_FOREVER, FUSION_WAIT_UNTIL) < 0);
}

static void bad_waits_are_refused(void **state)
{
	struct wait wait = {.deadline_ns = -7};

	(void)state;
	assert_int_equal(wait_begin(-2, 0, &wait), -EINVAL);
	assert_int_equal(wait_begin(-2, FUSION_WAIT_UNTIL, &wait), -EINVAL);
	assert_int_equal(wait_begin(INT64_MIN, 0, &wait), -EINVAL);
	assert_int_equal(wait_begin(0, 1, &wait), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "0x1"));
	assert_int_equal(wait_begin(0, ~0u, &wait), -EINVAL);
	assert_int_equal(wait.deadline_ns, -7);
}

/* What a signal ends, sleeps with a limit: SA_RESTART goes on with others. */
static void only_interruptible_waits_are_interrupted(void **state)
{
	struct wait wait;

	(void)state;
	assert_int_equal(wait_begin(FUSION_FOREVER, 0, &wait), 0);
	assert_true(wait_left(&wait) < 0);
	wait_slept(&wait, -EINTR);
	assert_true(wait_left(&wait) < 0);
	assert_int_equal(
		wait_begin(FUSION_FOREVER, FUSION_WAIT_INTERRUPTIBLE, &wait),
		0);
	assert_true(wait_left(&wait) > 0);
	wait_slept(&wait, -ETIMEDOUT);
	wait_slept(&wait, 0);
	assert_true(wait_left(&wait) > 0);
	wait_slept(&wait, -EINTR);
	assert_int_equal(wait_left(&wait), 0);
	assert_int_equal(wait_nap(&wait, 5), 0);
	assert_true(wait_is_over(&wait, clock_monotonic_ns()));
	assert_int_equal(wait_error(&wait), -EINTR);
	wait_slept(NULL, -EINTR);
	assert_int_equal(wait_nap(NULL, 5), 5);
	assert_true(wait_left(NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_are_not_given_are_zero),
		cmocka_unit_test(options_of_an_older_program_are_filled_up),
		cmocka_unit_test(
			options_of_a_newer_program_may_say_nothing_new),
		cmocka_unit_test(results_fit_the_struct_of_the_program),
		cmocka_unit_test(waits_end_at_their_time),
		cmocka_unit_test(bad_waits_are_refused),
		cmocka_unit_test(only_interruptible_waits_are_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
