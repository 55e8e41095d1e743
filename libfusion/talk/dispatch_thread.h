/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_DISPATCH_THREAD_H
#define FUSION_DISPATCH_THREAD_H

#include "libfusion/talk/dispatcher.h"

/* Start one more thread of the library; lock is held.  0, -errno. */
int dispatch_thread_start(struct dispatcher *d);
/* End all of them. */
void dispatch_threads_stop(struct dispatcher *d);
/* Before the calling thread blocks, if it has the turn: give it away.  True:
 * it had it and must call dispatch_unblock(). */
bool dispatch_block(struct fusion_arena *arena);
void dispatch_unblock(struct fusion_arena *arena);

#endif
