/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to requests; the only place where an errno changes its sign. */
#ifndef FUSIONFS_REPLY_H
#define FUSIONFS_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fuse_pollhandle;
struct fuse_req;

/* Answer any request with 0 or -errno. */
void reply_err(struct fuse_req *req, int r);
/* Answer an ioctl with 0 and the data, or with -errno. */
void reply_ioctl(struct fuse_req *req, int r, const void *data, size_t size);

/*
 * Answer an open: the file has no positions.  The kernel locks the position of
 * any other file during a read or write, and a second process that shares the
 * descriptor sleeps for that lock, deaf to signals.  0; -errno: the request was
 * interrupted, and no process has the file open.
 */
int reply_stream(struct fuse_req *req, uint64_t handle);
/* Answer a read with @size bytes.  0; -errno: no process gets them. */
int reply_data(struct fuse_req *req, const void *data, size_t size);
/* Answer a write: @size bytes were written. */
void reply_written(struct fuse_req *req, size_t size);

/* A process that asks. */
struct caller {
	pid_t pid; /* of the process, not of the thread */
	uid_t uid;
	gid_t gid;
};

/*
 * Find the process that asks.
 *
 * Returns 0;
 * -EREMOTE: it is outside of the daemon's pid namespace;
 * -ESRCH: it cannot be found;
 * -EMFILE, -ENFILE, -ENOMEM: the daemon is short of what it takes to see it.
 */
int request_caller(struct fuse_req *req, struct caller *ret);
/* Return the user that asks. */
uid_t request_uid(struct fuse_req *req);
/* Return the thread that asks, 0: it is in a pid namespace outside. */
pid_t request_tid(struct fuse_req *req);
/* Is @gid among the groups of the process that asks? */
int request_in_group(struct fuse_req *req, gid_t gid);
/* Call @fn when the request is interrupted, at once if it was already. */
void request_on_interrupt(struct fuse_req *req,
			  void (*fn)(struct fuse_req *req, void *data),
			  void *data);

/* Tell the process that polls, and free @ph, which may be NULL. */
void pollhandle_tell(struct fuse_pollhandle *ph);
/* Free @ph, which may be NULL, without a word. */
void pollhandle_drop(struct fuse_pollhandle *ph);

#endif
