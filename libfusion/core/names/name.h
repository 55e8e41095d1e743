/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which names arenas and entries may have. */
#ifndef FUSION_CORE_NAME_H
#define FUSION_CORE_NAME_H

#include "libfusion/core/names/table.h"

/* 1 to 63 bytes, no '/', no control characters, not beginning with '.'; an
 * object's not beginning with '#' either.  0, -EINVAL, -ENAMETOOLONG. */
int name_check_arena(const char *name);
int name_check_entry(const char *name);

#endif
