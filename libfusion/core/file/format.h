/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Format: how an empty file becomes an arena
 *
 * Only the daemon formats, in a file that no other process has yet.  The magic
 * number is stored last, so a file that has it is whole.
 */
#ifndef FUSION_CORE_FORMAT_H
#define FUSION_CORE_FORMAT_H

#include <stdint.h>

#include "libfusion/core/file/geometry.h"

/* What the superblock of a new arena says. */
struct arena_params {
	const char *name;
	uint64_t base, span, limit, epoch;
	uint32_t max_members, flags, on_master_death;
};

/* Compute the smallest limit, in bytes, that an arena can live with: empty, and
 * with one member that makes its first things. */
uint64_t format_least(const struct geometry *geo);

/*
 * Make an arena in state ARENA_EMPTY of the file @fd, which is empty and
 * writable: set its size, reserve first pages of the tables, fill the
 * superblock. 0. -ENOSPC the file system is full.  -EINVAL as geometry_init().
 */
int format_arena(int fd, const struct arena_params *params);

#endif
