/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_REACTION_FORK_H
#define FUSION_REACTION_FORK_H

#include "libfusion/arena/arena_private.h"

/*
 * Around fork().  The parent calls before() and parent() for each arena that
 * the child enters @again, and wait() after the last parent().  The child calls
 * child() for every arena, listen() for each that it is in, and end() last.
 */
void reactor_fork_before(struct fusion_arena *arena);
void reactor_fork_parent(struct fusion_arena *arena);
void reactor_fork_wait(void);
void reactor_fork_child(struct fusion_arena *arena, bool again);
void reactor_fork_listen(struct fusion_arena *arena);
void reactor_fork_end(void);

#endif
