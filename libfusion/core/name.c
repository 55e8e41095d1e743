/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "libfusion/core/field.h"

static int check(const char *name, size_t max, char forbidden)
{
	size_t len;

	if (!name || !*name || *name == forbidden)
		return -EINVAL;
	len = strnlen(name, max + 1);
	if (len > max)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++)
		if (name[i] == '/' || (unsigned char)name[i] < 0x20 ||
		    name[i] == 0x7f)
			return -EINVAL;
	return 0;
}

int name_check_arena(const char *name)
{
	return check(name, ARENA_NAME_MAX, '.');
}

int name_check_object(const char *name)
{
	/* These two would be the directory and its parent in the tree. */
	if (name && (!strcmp(name, ".") || !strcmp(name, "..")))
		return -EINVAL;
	return check(name, OBJECT_NAME_MAX, '#');
}
