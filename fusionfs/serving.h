/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serving: from the kernel's requests to ops.c
 *
 * Requests wait for their turns (turns.h) but for those that take something
 * back, for which nobody waits: RELEASE, RELEASEDIR and FORGET are done when
 * they are read.  So whoever closes a file and asks for what it held finds it
 * free, whichever user asks; and nothing overtakes a request about its own
 * file, as the kernel sends these only when all others are answered.  An
 * INTERRUPT stays right behind the request it is about.
 */
#ifndef FUSIONFS_SERVING_H
#define FUSIONFS_SERVING_H

#include <stdint.h>

struct fuse_session;

/* Read what is there and serve some of it.  In so many ns there is more to do,
 * -1: when the kernel has something.  world.quit: it has no more for us. */
int64_t serving_go_on(struct fuse_session *session);
void serving_end(void);

#endif
