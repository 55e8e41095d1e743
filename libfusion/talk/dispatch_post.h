/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_DISPATCH_POST_H
#define FUSION_DISPATCH_POST_H

#include "libfusion/talk/dispatcher.h"

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

/* Run what was posted.  As many as ran; turn is held. */
unsigned dispatch_run_posts(struct dispatcher *d);
bool dispatch_has_posts(const struct dispatcher *d);
/* The end: what was posted never runs, but cleanups do. */
void dispatch_drop_posts(struct dispatcher *d);

#endif
