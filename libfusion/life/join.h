/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JOIN: become a member of an arena whose directory is open. */
#ifndef FUSION_JOIN_H
#define FUSION_JOIN_H

#include <errno.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/file/protocol.h"

/* The arena ended, or its daemon was replaced, between two steps: start over.
 */
#define LOST_RACE (-ESTALE)
/* Start over, and the arena is to lie where nothing of this process does. */
#define MUST_MOVE (-EXDEV)

/* Join, fetch the descriptors, and map the heap, until @deadline_ns.  The
 * answer is in *join, which the caller prepares with flags.  0, LOST_RACE,
 * MUST_MOVE, -errno: not joined. */
int join_arena(struct fusion_arena *arena,
	       const struct fusion_arena_options *options, int64_t deadline_ns,
	       struct ioc_join *join);
/* Refuse to wait longer for @what: -EINTR a signal came, else the time is
 * over. */
int refuse_to_wait(int r, const char *path, const char *what);

#endif
