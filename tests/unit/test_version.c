/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version that the headers say is that of the library and of meson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <fusion/fusion.h>

static void the_string_has_the_three_numbers(void **state)
{
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", FUSION_VERSION_MAJOR,
		 FUSION_VERSION_MINOR, FUSION_VERSION_PATCH);
	assert_string_equal(FUSION_VERSION_STRING, text);
}

static void headers_and_build_have_one_version(void **state)
{
	(void)state;
	assert_string_equal(FUSION_VERSION_STRING, FUSION_VERSION);
}

/* This test is linked with the shared library, as programs are. */
static void the_library_says_its_version(void **state)
{
	(void)state;
	assert_string_equal(fusion_version(), FUSION_VERSION_STRING);
	assert_ptr_equal(fusion_version(), fusion_version());
}

/* A program must find the function in the shared library, too. */
static void the_library_says_what_it_supports(void **state)
{
	(void)state;
	assert_true(fusion_supports("arena-manual"));
	assert_true(fusion_supports("arena-role"));
	assert_true(fusion_supports("field-check"));
	assert_false(fusion_supports("arena-manua"));
	assert_false(fusion_supports("arena-manual "));
	assert_false(fusion_supports(""));
	assert_false(fusion_supports(NULL));
}

int main(void)
{
	const struct CMUnitTest version[] = {
		cmocka_unit_test(the_string_has_the_three_numbers),
		cmocka_unit_test(headers_and_build_have_one_version),
		cmocka_unit_test(the_library_says_its_version),
		cmocka_unit_test(the_library_says_what_it_supports),
	};

	return cmocka_run_group_tests(version, NULL, NULL);
}
