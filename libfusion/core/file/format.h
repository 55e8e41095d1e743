/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Format: how an empty file becomes an arena. */
#ifndef FUSION_CORE_FORMAT_H
#define FUSION_CORE_FORMAT_H

#include <stdint.h>

#include "libfusion/core/file/geometry.h"

struct arena_params {
	const char *name;
	uint64_t base, span, limit, epoch;
	uint32_t max_members, flags, on_master_death;
};

/* The smallest limit that an arena can live with: empty, and one member that
 * makes its first things.  Bytes. */
uint64_t format_least(const struct geometry *geo);

/* Make @fd, empty and writable, an arena in state ARENA_EMPTY: sized, the
 * tables' first pages reserved, superblock valid.  0, -ENOSPC, -EINVAL. */
int format_arena(int fd, const struct arena_params *params);

#endif
