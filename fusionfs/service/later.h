/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Later: what met a lock that somebody in the arena holds
 *
 * The daemon never sleeps for an arena.  It tries a lock once; work that
 * cannot go on (a member to take out, an arena to take over, a line for the
 * events) is left as it is and tried again by the clock, after a nap that
 * grows from one failure to the next.  Requests of a shell that make or remove
 * something are kept here meanwhile, for so long that nobody who holds such a
 * lock in earnest makes them fail; then they are answered EBUSY.
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

/* Something of @a is to be tried again. */
void later(struct arena *a);
/* By the clock.  ns until the next attempt, -1 nothing waits. */
int64_t later_retry(void);

/* A request, as it was asked. */
struct asked {
	void (*again)(struct fuse_req *req, const struct asked *asked);
	uint64_t ino;
	char name[256];
	mode_t mode;
	int flags;
};

/* Keep the request and run asked->again() later, which may keep it again.
 * false: it has waited for long enough, or there is no memory for it. */
bool later_request(struct arena *a, struct fuse_req *req,
		   const struct asked *asked);
/* Whatever is kept of this arena fails. */
void later_forget(struct arena *a, int error);

extern const struct arena_service later_service;

#endif
