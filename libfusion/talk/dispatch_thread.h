/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's threads, and handlers that block. */
#ifndef FUSION_DISPATCH_THREAD_H
#define FUSION_DISPATCH_THREAD_H

#include "libfusion/talk/dispatcher.h"

/* Start one more thread of the library; lock is held.  0, -errno. */
int dispatch_thread_start(struct dispatcher *d);
/* End the library's threads, for good; none of them runs when this returns.
 */
void dispatch_threads_stop(struct dispatcher *d);
/* Give the turn away before the calling thread blocks, if it took this turn
 * last.  True: it did, and must call dispatch_unblock() afterwards. */
bool dispatch_block(struct fusion_arena *arena);
void dispatch_unblock(struct fusion_arena *arena);

#endif
