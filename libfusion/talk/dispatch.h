/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dispatcher from its first use to the end of its arena
 *
 * All handlers of a process for an arena run one at a time: the thread that
 * runs one has the turn.  That is a thread of the library; or, after
 * FUSION_ENTER_MANUAL, one that calls fusion_arena_dispatch().  When a handler
 * blocks in a call, its thread gives the turn away and a parked thread takes
 * over, so that two dispatchers may call each other.
 */
#ifndef FUSION_DISPATCH_PRIVATE_H
#define FUSION_DISPATCH_PRIVATE_H

#include "libfusion/talk/dispatcher.h"

/* Make the dispatcher, and start its thread unless it runs or the program
 * dispatches by hand.  0, -errno. */
int dispatch_start(struct fusion_arena *arena);
/* Start the thread of a dispatcher that is there, as dispatch_start() does. Its
 * lock is held. */
int dispatch_start_locked(struct dispatcher *d);
/* End the dispatcher, as the process leaves.  When this returns no handler
 * runs, but one that calls this. */
void dispatch_stop(struct fusion_arena *arena);
/* Forget the parent's dispatcher, in the child of a fork. */
void dispatch_after_fork(struct fusion_arena *arena);

/* Is a handler running on the calling thread? */
bool dispatch_is_mine(struct fusion_arena *arena);

/* Return the arena's dispatcher, made when there is none; NULL and *ret_error.
 */
struct dispatcher *dispatcher_of(struct fusion_arena *arena, int *ret_error);
/* Return the dispatcher of @arena, which a program gave and may be any pointer.
 * NULL and *ret_error: -EINVAL or -ECHILD it is not an arena that we are in. */
struct dispatcher *dispatcher_asked_for(struct fusion_arena *arena,
					int *ret_error);

#endif
