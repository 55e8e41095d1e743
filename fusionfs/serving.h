/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serving: from the kernel's requests to ops.c
 *
 * Requests wait for their turns (turns.h) but for those that take something
 * back, for which no process waits: RELEASE, RELEASEDIR and FORGET are served
 * when they are read.  So a process that closes a file and asks for what the
 * file held finds it free, whichever user asks.  And nothing overtakes a
 * request about its own file, as the kernel sends these only when all others
 * are answered.  An INTERRUPT stays right behind the request that it is about.
 */
#ifndef FUSIONFS_SERVING_H
#define FUSIONFS_SERVING_H

#include <stdint.h>

struct fuse_session;

/* Read the requests that are there and serve some of them.  Returns in how many
 * ns there is more to do, -1: when the kernel has a request.  Sets world.quit
 * if the kernel has no more of them. */
int64_t serving_go_on(struct fuse_session *session);
/* Drop the requests that wait. */
void serving_end(void);

#endif
