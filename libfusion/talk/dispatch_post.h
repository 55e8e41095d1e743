/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions, cleanups and jobs that the dispatcher runs for other threads. */
#ifndef FUSION_DISPATCH_POST_H
#define FUSION_DISPATCH_POST_H

#include "libfusion/talk/dispatcher.h"

/* Have @fn run once, with the turn, after those posted before.  Starts and
 * wakes the dispatcher.  0, -ENOMEM and dispatch_start()'s errors. */
int dispatch_post(struct fusion_arena *arena, void (*fn)(void *), void *ctx);

/*
 * Work that comes again and again.  A job runs once for all posts before that
 * run, and never beside itself: a post while the job runs, or waits in a call,
 * has it run again.  The job is part of a larger struct of its user.
 */
struct dispatch_job {
	unsigned (*run)(struct dispatch_job *job); /* returns how many of the
						    user's functions it ran */
	void (*end)(struct dispatch_job *job); /* free it, it runs no more */

	/* Guarded by the dispatcher's lock. */
	bool queued, running, again, ended;
	struct dispatch_job *next;
};
/* Have @job run.  Wakes the dispatcher, which was started before. */
void dispatch_job_post(struct fusion_arena *arena, struct dispatch_job *job);
/* End @job: when this returns it does not run and never will, and end() was
 * called.  Not in a handler of the arena. */
void dispatch_job_end(struct fusion_arena *arena, struct dispatch_job *job);

/* Run what was posted.  Returns how many functions ran.  Turn is held. */
unsigned dispatch_run_posts(struct dispatcher *d);
/* Was something posted that has not run? */
bool dispatch_has_posts(const struct dispatcher *d);
/* Run the cleanups and forget all other functions, as the process leaves. */
void dispatch_drop_posts(struct dispatcher *d);

#endif
