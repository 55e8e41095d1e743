/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "libfusion/base/refuse.h"

/* No struct of options will ever be longer.  A size that was never set is not
 * followed into other memory. */
#define OPTIONS_MAX 4096

static bool is_zero(const char *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return !n;
}

int options_copy(void *to, size_t to_size, size_t first, const void *from,
		 const char *name)
{
	size_t size = 0;

	memset(to, 0, to_size);
	if (from)
		memcpy(&size, from, sizeof(size));
	if (from && size < first)
		return refuse_size(name, size, to_size);
	if (size > OPTIONS_MAX)
		return refuse(
			-E2BIG,
			"struct %s: its size is %zu, and %d are the most: "
			"set it to the sizeof of the struct",
			name, size, OPTIONS_MAX);
	if (size > to_size &&
	    !is_zero((const char *)from + to_size, size - to_size))
		return refuse(-E2BIG,
			      "struct %s: it asks for something that this "
			      "library does not know: its size is %zu, and %zu "
			      "for this library; update the library, or leave "
			      "the rest zero",
			      name, size, to_size);
	if (from)
		memcpy(to, from, size < to_size ? size : to_size);
	memcpy(to, &to_size, sizeof(to_size));
	return 0;
}

int result_give(void *ret, size_t size, const void *from, size_t from_size,
		const char *name)
{
	size_t n = size < from_size ? size : from_size;

	if (!ret)
		return refuse_null(name, "ret");
	if (!size)
		return refuse_size(name, size, from_size);
	memcpy(ret, from, n);
	memset((char *)ret + n, 0, size - n);
	return 0;
}
