/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which names arenas and entries may have. */
#ifndef FUSION_CORE_NAME_H
#define FUSION_CORE_NAME_H

#include "libfusion/core/names/table.h"

/*
 * Check the name of an arena, or of an entry.  A name is 1 to 63 bytes without
 * '/' and control characters, and does not begin with '.'; an entry's does not
 * begin with '#' either, since "#<id>" stands for a nameless one.
 * 0, -EINVAL, -ENAMETOOLONG.
 */
int name_check_arena(const char *name);
int name_check_entry(const char *name);

#endif
