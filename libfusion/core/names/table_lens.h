/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables: lookup and copies without a lock and without trust. */
#ifndef FUSION_CORE_TABLE_LENS_H
#define FUSION_CORE_TABLE_LENS_H

#include "libfusion/core/names/table.h"

/* Copy record @i, checked, to *ret, which has room for a record of @kind.
 * 0; -ENOENT it is not in use, or makes no sense. */
int table_copy(const struct view *v, enum entry_kind kind, uint32_t i,
	       void *ret);
/* Find the index of @name, by its chain or as "#<id>".  The walk is bounded.
 * 0, -ENOENT. */
int table_lookup(const struct view *v, enum entry_kind kind, const char *name,
		 uint32_t *ret_index);

#endif
