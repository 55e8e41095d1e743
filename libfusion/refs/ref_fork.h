/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REF_FORK_H
#define FUSION_REF_FORK_H

#include "libfusion/arena/arena_private.h"

/* Call these around fork(), for each arena that the child enters again.  In the
 * child, after detach(): ref_fork_joining() once it has opened the file and
 * before it has a witness; ref_fork_child() once it is a member, or has failed
 * (@joined). */
void ref_fork_before(struct fusion_arena *arena);
void ref_fork_parent(struct fusion_arena *arena);
int ref_fork_joining(struct fusion_arena *arena);
void ref_fork_child(struct fusion_arena *arena, bool joined);
/* Free what the handle of an arena has. */
void ref_fork_free(struct fusion_arena *arena);

#endif
