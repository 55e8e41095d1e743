/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dispatcher: the one consumer of this member's queue
 *
 * All handlers of a process for an arena run one at a time: who runs one has
 * the turn.  It is a thread of the library, or whoever calls
 * fusion_dispatch().  A handler of that thread which blocks in a call gives the
 * turn away, and a standby thread takes over, so that two dispatchers may call
 * each other.
 */
#ifndef FUSION_DISPATCH_PRIVATE_H
#define FUSION_DISPATCH_PRIVATE_H

#include "libfusion/talk/dispatcher.h"

/* Something needs the dispatcher: start its thread, unless the program does it
 * by hand.  0, -errno. */
int dispatch_start(struct fusion_arena *arena);
/* The process leaves: no handler runs any more when this returns (but the one
 * that calls it). */
void dispatch_stop(struct fusion_arena *arena);
/* In the child of a fork there is no thread: forget it. */
void dispatch_after_fork(struct fusion_arena *arena);

/* Is a handler running on the calling thread? */
bool dispatch_is_mine(struct fusion_arena *arena);

/* The arena's, made when there is none: NULL and *ret_error. */
struct dispatcher *dispatcher_of(struct fusion_arena *arena, int *ret_error);
/* The same for any pointer that a program may have given; -EINVAL. */
struct dispatcher *dispatcher_asked_for(struct fusion_arena *arena,
					int *ret_error);
/* Make it manual: no thread of ours dispatches any more.  0, -EDEADLK. */
int dispatch_by_hand(struct dispatcher *d);

#endif
