/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Membership: how processes join an arena and leave it
 *
 * A JOIN waits while an arena is initialising or shutting down, a slave's also
 * while there is no master; an EXIT while others are on their way out and it
 * may become the last.  Those that wait are in waiters.h.
 */
#ifndef FUSIONFS_MEMBERSHIP_H
#define FUSIONFS_MEMBERSHIP_H

#include <sys/types.h>

#include "libfusion/core/file/protocol.h"

struct arena;
struct fuse_req;

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

#endif
