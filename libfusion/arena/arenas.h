/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of arenas this process is in. */
#ifndef FUSION_ARENAS_H
#define FUSION_ARENAS_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/base/wait.h"

extern pthread_mutex_t arenas_lock; /* outermost of all our locks */
extern struct fusion_arena *arenas; /* guarded by arenas_lock */

/* Sleep until a handle has changed state, or the wait is over; arenas_lock is
 * held.  0 look again, -ETIMEDOUT, -EINTR. */
int arenas_wait(struct wait *wait);
/* Change the state of a handle, and wake waiters. */
void arena_set_state(struct fusion_arena *arena, enum handle_state state);
/* The calling thread has given up entering with @arena, which is perhaps freed
 * already: another thread goes on with it. */
void arena_abandon(const struct fusion_arena *arena);
/* Take a handle off the list, and wake waiters. */
void arena_unlist(struct fusion_arena *arena);
/* Make the lock anew, in the child of a fork. */
void arenas_after_fork_child(void);

#endif
