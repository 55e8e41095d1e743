/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REACTION_FORK_H
#define FUSION_REACTION_FORK_H

#include "libfusion/arena/arena_private.h"

/*
 * Around fork(); before() and parent() of each arena that the child enters
 * @again, wait() when parent() was called for all.  In the child, child() of
 * every arena, listen() of each that it is in, end() after all.
 */
void reactor_fork_before(struct fusion_arena *arena);
void reactor_fork_parent(struct fusion_arena *arena);
void reactor_fork_wait(void);
void reactor_fork_child(struct fusion_arena *arena, bool again);
void reactor_fork_listen(struct fusion_arena *arena);
void reactor_fork_end(void);

#endif
