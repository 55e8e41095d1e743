/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REF_FORK_H
#define FUSION_REF_FORK_H

#include "libfusion/arena/arena_private.h"

/* Around fork(), of each arena whose child enters again.  In the child, after
 * detach(), ref_fork_joining() when it has opened the file and before it has a
 * witness, ref_fork_child() when it is in, or not (@joined). */
void ref_fork_before(struct fusion_arena *arena);
void ref_fork_parent(struct fusion_arena *arena);
int ref_fork_joining(struct fusion_arena *arena);
void ref_fork_child(struct fusion_arena *arena, bool joined);
/* The handle goes. */
void ref_fork_free(struct fusion_arena *arena);

#endif
