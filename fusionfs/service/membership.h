/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Membership: how processes join an arena and leave it
 *
 * A JOIN waits while an arena is initialising or shutting down, and that of a
 * slave while there is no master.  An EXIT waits while others are on their way
 * out and its member may become the last.  Those that wait are in waiters.h.
 */
#ifndef FUSIONFS_MEMBERSHIP_H
#define FUSIONFS_MEMBERSHIP_H

#include <sys/types.h>

struct arena;
struct fuse_req;
struct ioctl_request;

/* May @uid, the user of request @req, join @a and write?  0, -EACCES. */
int request_may_write(struct arena *a, struct fuse_req *req, uid_t uid);

/* For ioctl.c. */
void request_join(const struct ioctl_request *q);
void request_ready(const struct ioctl_request *q);
void request_exit(const struct ioctl_request *q);
void request_leave(const struct ioctl_request *q);
/* Give a member its descriptors once more. */
void request_renew(const struct ioctl_request *q);

#endif
