/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which names arenas and entries may have. */
#ifndef FUSION_CORE_NAME_H
#define FUSION_CORE_NAME_H

#include "libfusion/core/names/table.h"

/* Check the name of an arena: 1 to 63 bytes without '/' and control characters,
 * and no '.' at the beginning.  0, -EINVAL, -ENAMETOOLONG. */
int name_check_arena(const char *name);
/* Check the name of an entry, which does not begin with '#' either: "#<id>" is
 * the name of a nameless entry.  0, -EINVAL, -ENAMETOOLONG. */
int name_check_entry(const char *name);

#endif
