/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of arenas this process is in. */
#ifndef FUSION_ARENAS_H
#define FUSION_ARENAS_H

#include "libfusion/arena_private.h"

extern pthread_mutex_t arenas_lock; /* outermost of all our locks */
extern struct fusion_arena *arenas; /* guarded by arenas_lock */

/* enter.c: unmap and free a handle that nobody is in any more. */
void arena_forget(struct fusion_arena *arena);
/* enter.c: the process is not in it any more. */
void arena_unregister(struct fusion_arena *arena);
/* enter.c: join again under the same path, as the child of a fork does. */
int arena_rejoin(struct fusion_arena *arena);
/* notice.c */
void notice_stop(struct fusion_arena *arena);
/* fork.c */
void fork_prepare_once(void);

#endif
