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

#include "libfusion/arena/tls.h"
#include "libfusion/core/talk/message.h"

/* Something needs the dispatcher: start its thread, unless the program does it
 * by hand.  0, -errno. */
int dispatch_start(struct fusion_arena *arena);
/* The process leaves: no handler runs any more when this returns (but the one
 * that calls it). */
void dispatch_stop(struct fusion_arena *arena);
/* In the child of a fork there is no thread: forget it. */
void dispatch_after_fork(struct fusion_arena *arena);

/* A function to run with the turn, in order.  Wakes the dispatcher.  0,
 * -ENOMEM. */
int dispatch_post(struct fusion_arena *arena, void (*fn)(void *), void *ctx);

/*
 * Work that comes again.  However often it is posted, it runs once for all that
 * was there before, and never beside itself: who posts it while it runs, or
 * waits in a call, has it run again.  It lies in what it is for.
 */
struct dispatch_job {
	unsigned (*run)(struct dispatch_job *job); /* functions of the user */
	void (*end)(struct dispatch_job *job); /* it runs no more: free it */

	/* Guarded by the dispatcher's lock. */
	bool queued, running, again, ended;
	bool orphan; /* who runs it ends it */
	struct dispatch_job *next;
};
/* Have it run.  Wakes the dispatcher, which was started before. */
void dispatch_job_post(struct fusion_arena *arena, struct dispatch_job *job);
/* It does not run when this returns and never will, and end() was called.  In a
 * handler that cannot be waited for: if it runs, end() is called after it. */
void dispatch_job_end(struct fusion_arena *arena, struct dispatch_job *job);
/* Wait for those that were ended so; not in a handler. */
void dispatch_jobs_settle(struct fusion_arena *arena);

/* Before the calling thread blocks, if it has the turn: give it away.  True:
 * it had it and must call dispatch_unblock(). */
bool dispatch_block(struct fusion_arena *arena);
void dispatch_unblock(struct fusion_arena *arena);
/* Is a handler running on the calling thread? */
bool dispatch_is_mine(struct fusion_arena *arena);

/*
 * Who else consumes.  call_receive() and reactor_news() get a record in the
 * queue; they have the turn.  @h is a copy, @data the payload in the queue
 * (MSG_BLOCK: the slot), both valid until they return or call
 * dispatch_release().
 */
struct dispatched {
	const struct msg_head *head;
	void *data;
};
void call_receive(struct fusion_arena *arena, const struct dispatched *d);
void reactor_news(struct fusion_arena *arena, const struct dispatched *d);
/* Look at all reactors that are attached: a bell was lost.  True: something
 * was there. */
bool reactor_look(struct fusion_arena *arena);
/* More of the reactors that have news; a bounded part.  True: there is more. */
bool reactor_run(struct fusion_arena *arena);

/* The process leaves: nothing of these runs any more. */
void reactor_stop(struct fusion_arena *arena);

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

/* A record has been copied out: its cells may be used again before the handler
 * has ended. */
void dispatch_release(struct fusion_arena *arena);

#endif
