/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Later: work that met a lock of a member, and is tried again
 *
 * The daemon never sleeps for an arena.  It tries a lock once.  Work that
 * cannot go on is left as it is: a member to take out, an arena to take over, a
 * line for the events.  It is tried again by the clock, after a pause that
 * grows from one failure to the next.
 *
 * Requests of a shell that make or remove something are kept here meanwhile,
 * for LATER_REQUEST_NS.  A member that needs the lock for its work gives it
 * back in that time.  After it the requests are answered EBUSY.
 */
#ifndef FUSIONFS_LATER_H
#define FUSIONFS_LATER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fusionfs/world/world.h"

struct fuse_req;

/* Longest that a request waits for a lock inside the arena: the kernel keeps
 * the directory locked meanwhile, for all others. */
#define LATER_REQUEST_NS 200000000

/* Have what is to be done for @a tried again. */
void later(struct arena *a);
/* Try what is due by the clock.  Returns ns until the next attempt, -1: nothing
 * waits. */
int64_t later_retry(void);

/* A request, as it was asked. */
struct asked {
	void (*again)(struct fuse_req *req, const struct asked *asked);
	uint64_t ino;
	char name[256];
	mode_t mode;
	int flags;
};

/* Keep the request and call asked->again() later, which may keep it again.
 * false: it has waited for long enough, or there is no memory for it. */
bool later_request(struct arena *a, struct fuse_req *req,
		   const struct asked *asked);

extern const struct arena_service later_service;

#endif
