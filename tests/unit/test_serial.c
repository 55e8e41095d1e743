/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serials of the daemon, with numbers of 4 bits: 1 to 15. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fusionfs/base/serial.h"

static int finish(void **state)
{
	(void)state;
	serials_finish();
	return 0;
}

static void serial_is_never_given_twice(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t s = serial_begin();

		assert_true(s > last);
		assert_int_not_equal(SERIAL_NUMBER(s), 0);
		last = s;
		serial_end(s);
	}
	assert_true(SERIAL_GENERATION(last) > 5);
}

static void serial_number_of_a_thing_that_is_there_is_taken(void **state)
{
	uint64_t kept = serial_begin();

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t s = serial_begin();

		assert_int_not_equal(SERIAL_NUMBER(s), SERIAL_NUMBER(kept));
		serial_end(s);
	}
}

static void serial_number_that_the_kernel_knows_is_taken(void **state)
{
	uint64_t gone = serial_begin(), s = 0;
	uint32_t number = SERIAL_NUMBER(gone);

	(void)state;
	serial_looked_up(number);
	serial_looked_up(number);
	serial_looked_up(number);
	serial_end(gone);
	serial_forgotten(number, 2);
	for (int i = 0; i < 100; i++) {
		s = serial_begin();
		assert_int_not_equal(SERIAL_NUMBER(s), number);
		serial_end(s);
	}
	serial_forgotten(number, 1);
	for (int i = 0; i < 16 && SERIAL_NUMBER(s) != number; i++) {
		s = serial_begin();
		serial_end(s);
	}
	assert_int_equal(SERIAL_NUMBER(s), number);
	assert_true(SERIAL_GENERATION(s) > SERIAL_GENERATION(gone));
}

static void serial_numbers_can_run_out_and_come_back(void **state)
{
	uint64_t all[15];

	(void)state;
	for (int i = 0; i < 15; i++) {
		all[i] = serial_begin();
		assert_true(all[i] != 0);
	}
	assert_int_equal(serial_begin(), 0);
	serial_end(all[7]);
	assert_int_equal(SERIAL_NUMBER(serial_begin()), SERIAL_NUMBER(all[7]));
}

static void serial_of_nothing_is_taken_in_silence(void **state)
{
	(void)state;
	serial_end(0);
	serial_looked_up(3);
	serial_forgotten(3, 1);
	serial_forgotten(0, 5);
	assert_true(serial_begin() != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(serial_is_never_given_twice, finish),
		cmocka_unit_test_teardown(
			serial_number_of_a_thing_that_is_there_is_taken,
			finish),
		cmocka_unit_test_teardown(
			serial_number_that_the_kernel_knows_is_taken, finish),
		cmocka_unit_test_teardown(
			serial_numbers_can_run_out_and_come_back, finish),
		cmocka_unit_test_teardown(serial_of_nothing_is_taken_in_silence,
					  finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
