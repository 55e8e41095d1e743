/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The descriptor that is readable while there is something to dispatch
 *
 * It belongs to the handle of the arena, and exists only with
 * FUSION_ENTER_MANUAL: without that flag the first three do nothing.
 */
#ifndef FUSION_DISPATCH_FD_H
#define FUSION_DISPATCH_FD_H

#include "libfusion/talk/dispatcher.h"

/* Make the descriptor, as the process enters.  0, -errno. */
int dispatch_fd_open(struct fusion_arena *arena);
/* Make the child's own descriptor, of the same number, after a fork. */
void dispatch_fd_renew(struct fusion_arena *arena);
/* Close it, when no dispatcher is left. */
void dispatch_fd_close(struct fusion_arena *arena);
/* End the thread that watches, if there is one. */
void dispatch_fd_stop(struct dispatcher *d);

#endif
