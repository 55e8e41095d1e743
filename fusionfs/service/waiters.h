/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Membership requests, and those of them that have to wait
 *
 * A JOIN waits while an arena is initialising or shutting down, a slave's also
 * while there is no master; an EXIT while others are on their way out and it
 * may become the last.  A parked request is a record here and nothing else: no
 * thread, no memory of the arena.
 */
#ifndef FUSIONFS_WAITERS_H
#define FUSIONFS_WAITERS_H

#include "fusionfs/base/reply.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/file/protocol.h"

/* May @uid, who asks, join and write?  0, -EACCES, -EIO. */
int request_may_write(struct arena *a, struct fuse_req *req, uid_t uid);

/* @dir: the open directory it came through. */
void request_join(struct arena *a, struct fuse_req *req,
		  const struct ioc_join *j, const void *dir);
void request_ready(struct arena *a, struct fuse_req *req,
		   const struct ioc_member *m);
void request_exit(struct arena *a, struct fuse_req *req,
		  const struct ioc_member *m);
void request_leave(struct arena *a, struct fuse_req *req,
		   const struct ioc_member *m);

/* Its descriptors once more. */
void request_renew(struct arena *a, struct fuse_req *req,
		   const struct ioc_renew *r);

/* Something has changed: who can be answered now? */
void waiters_look(struct arena *a);
/* That member is out: if it waits to be told, it is.  At once, as its slot and
 * id may be another's when the arena is used anew. */
void waiters_let_go(struct arena *a, uint32_t slot, uint32_t id);
/* From time to time: an arena that was made to be entered, by a process that
 * was killed before it did, vanishes. */
void waiters_idle(struct arena *a);
/* All of @a get this error, or all that want to join. */
void waiters_fail(struct arena *a, int error);
void waiters_fail_joins(struct arena *a, int error);
/* Time-outs.  Returns ns until the next, -1 there is none. */
int64_t waiters_expire(void);

extern const struct arena_service waiters_service;

#endif
