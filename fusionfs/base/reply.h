/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to requests; the only place where an errno changes its sign. */
#ifndef FUSIONFS_REPLY_H
#define FUSIONFS_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fuse_pollhandle;
struct fuse_req;

void reply_err(struct fuse_req *req, int r); /* 0 or -errno */
/* To an ioctl: 0 or -errno, and on 0 the data. */
void reply_ioctl(struct fuse_req *req, int r, const void *data, size_t size);

/*
 * To an open: a file without positions.  The kernel locks the position of any
 * other file during a read or write, and a second process that shares the
 * descriptor sleeps for that lock, deaf to signals.  0; -errno: nobody has
 * opened it.
 */
int reply_stream(struct fuse_req *req, uint64_t handle);
/* To a read: so many bytes.  0; -errno: nobody gets them. */
int reply_data(struct fuse_req *req, const void *data, size_t size);
/* So many bytes were written. */
void reply_written(struct fuse_req *req, size_t size);

struct caller {
	pid_t pid; /* of the process, not of the thread */
	uid_t uid;
	gid_t gid;
};

/* The process that asks.  0; -EREMOTE it is outside of the daemon's pid
 * namespace; -ESRCH it cannot be found; -EMFILE, -ENFILE, -ENOMEM we are short
 * of what it takes to see it. */
int request_caller(struct fuse_req *req, struct caller *ret);
uid_t request_uid(struct fuse_req *req);
pid_t request_tid(struct fuse_req *req); /* 0: not to be seen from here */
/* Is @gid among the groups of who asks? */
int request_in_group(struct fuse_req *req, gid_t gid);
/* Call @fn when the request is interrupted. */
void request_on_interrupt(struct fuse_req *req,
			  void (*fn)(struct fuse_req *req, void *data),
			  void *data);

/* Who polls: is told, or is not.  It is used up; may be NULL. */
void pollhandle_tell(struct fuse_pollhandle *ph);
void pollhandle_drop(struct fuse_pollhandle *ph);

#endif
