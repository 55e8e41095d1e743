/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/names/name.h"

#include "libfusion/core/names/table.h"

#include <errno.h>
#include <string.h>

/* Say whether a control character begins at @p, which no terminal should get:
 * C0, DEL, and C1 in UTF-8. */
static bool is_control(const unsigned char *p)
{
	if (*p < 0x20 || *p == 0x7f)
		return true;
	return *p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
}

static int name_check(const char *name, size_t max)
{
	const unsigned char *p = (const unsigned char *)name;

	if (!name || !*name || *name == '.')
		return -EINVAL;
	for (; *p; p++) {
		if (*p == '/' || is_control(p))
			return -EINVAL;
		if ((size_t)(p - (const unsigned char *)name) >= max)
			return -ENAMETOOLONG;
	}
	return 0;
}

int name_check_arena(const char *name)
{
	return name_check(name, ARENA_NAME_MAX);
}

int name_check_entry(const char *name)
{
	if (name && *name == '#')
		return -EINVAL;
	return name_check(name, ENTRY_NAME_MAX);
}
