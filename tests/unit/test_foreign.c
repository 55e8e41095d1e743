/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inline functions of the headers, called by their names
 *
 * A foreign-function interface finds them with dlsym(), and passes and returns
 * structs by value.  This program is linked with the shared library, as
 * programs are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>

#include <fusion/fusion.h>

/* Store the library's function @name in @fn, which must not be a copy of this
 * program's own. */
static void find(const char *name, void *fn, size_t size)
{
	void *at = dlsym(RTLD_DEFAULT, name);
	Dl_info info, library;

	assert_non_null(at);
	assert_int_equal(size, sizeof(at));
	memcpy(fn, &at, size);
	/* This string lies in the library, too. */
	assert_int_not_equal(dladdr(fusion_version(), &library), 0);
	assert_int_not_equal(dladdr(at, &info), 0);
	assert_string_equal(info.dli_fname, library.dli_fname);
}

#define FIND(name, fn) find(name, &(fn), sizeof(fn))

static void values(void **state)
{
	struct fusion_value (*of_pointer)(const void *), (*of_word)(uint64_t);
	void *(*get)(struct fusion_value);

	FIND("fusion_value_pointer", of_pointer);
	FIND("fusion_value_word", of_word);
	FIND("fusion_value_get_pointer", get);
	assert_ptr_equal(get(of_pointer(state)), state);
	assert_int_equal(of_word(UINT64_MAX).word, UINT64_MAX);
	assert_int_equal(of_pointer(state).word,
			 fusion_value_pointer(state).word);
	assert_ptr_equal(fusion_value_get_pointer(of_pointer(state)), state);
}

static void expect_key(struct fusion_key key, uint64_t at, uint32_t type,
		       uint32_t size)
{
	assert_int_equal(key.at, at);
	assert_int_equal(key.type, type);
	assert_int_equal(key.size, size);
}

static void keys(void **state)
{
	static const char text[] = "text";
	struct fusion_key (*string)(const char *), (*integer)(uint64_t),
		(*pointer)(const void *), (*bytes)(const void *, uint32_t);
	const void *(*get)(struct fusion_key);

	(void)state;
	FIND("fusion_key_string", string);
	FIND("fusion_key_int", integer);
	FIND("fusion_key_pointer", pointer);
	FIND("fusion_key_bytes", bytes);
	FIND("fusion_key_get_pointer", get);
	expect_key(string(text), (uintptr_t)text, FUSION_KEY_STRING, 0);
	expect_key(integer(UINT64_MAX), UINT64_MAX, FUSION_KEY_INT, 0);
	expect_key(pointer(text), (uintptr_t)text, FUSION_KEY_POINTER, 0);
	expect_key(bytes(text, 3), (uintptr_t)text, FUSION_KEY_BYTES, 3);
	assert_ptr_equal(get(bytes(text, 3)), text);
	assert_ptr_equal(fusion_key_get_pointer(string(text)), text);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests_name("foreign", all, NULL, NULL);
}
