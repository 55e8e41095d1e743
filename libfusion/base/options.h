/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Structs that grow: options that a program gives, and results that it gets
 *
 * Program and library may have been built with different versions of a struct.
 * The rule for options is that of openat2(2): what the library does not know
 * has to be zero.
 */
#ifndef FUSION_OPTIONS_H
#define FUSION_OPTIONS_H

#include <stddef.h>

/* Return the size of @type up to its member @last: that of the first version,
 * for which @last was the last member. */
#define OPTIONS_FIRST(type, last) \
	(offsetof(type, last) + sizeof(((type *)NULL)->last))

/*
 * Copy the options @from, whose first member is size_t size, to @to, which has
 * @to_size bytes.  What @from is too short for is zero.  NULL: all is zero.
 * @first is the size of the first version, @name the struct's name.
 *
 *   0
 *   -EINVAL  @from is shorter than @first
 *   -E2BIG   @from is longer than @to, and says something there; or it is
 * longer
 *            than a page
 */
int options_copy(void *to, size_t to_size, size_t first, const void *from,
		 const char *name);

/* Give the program the result @from of @from_size bytes, in @ret, which has
 * @size bytes.  What the library does not know is zeroed.  0; -EINVAL @ret is
 * NULL, or @size is 0. */
int result_give(void *ret, size_t size, const void *from, size_t from_size,
		const char *name);

#endif
