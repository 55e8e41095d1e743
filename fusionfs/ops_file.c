/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about open files: find the handle, call its kind. */
#include "fusionfs/ops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/files/handle.h"
#include "fusionfs/ops_reply.h"
#include "fusionfs/world/ino.h"

struct handle *ops_handle(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

void ops_fill_file(struct handle *h, struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	/* Without a FLUSH no process waits at its exit.  Only a value that may
	 * end by a close needs it. */
	fi->noflush = !h->ops->flush;
}

static int reply_opened(fuse_req_t req, struct handle *h,
			struct fuse_file_info *fi)
{
	if (h->ops->is_stream)
		return reply_stream(req, (uintptr_t)h);
	ops_fill_file(h, fi);
	return fuse_reply_open(req, fi);
}

static void open_again(fuse_req_t req, const struct asked *a)
{
	struct fuse_file_info fi = {.flags = a->flags};

	op_open(req, a->ino, &fi);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct asked asked = {open_again, .ino = ino, .flags = fi->flags};
	struct handle *h = NULL;
	struct node n;
	int r = 0;

	if (!ino_get_node(req, ino, &n))
		return;
	if ((fi->flags & O_ACCMODE) != O_RDONLY && !n.row->store &&
	    !n.row->locks && !n.row->port)
		r = -EACCES;
	if (r == 0)
		r = handle_open(req, &n, fi->flags, &h);
	if (ops_put_off(req, &n, &r, &asked, ""))
		return;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	if (reply_opened(req, h, fi) < 0)
		handle_close(h);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_close(ops_handle(fi));
	reply_err(req, 0);
}

/* Find data or a hole of the heap.  No other file has holes, and the kernel
 * knows where they end. */
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
	      struct fuse_file_info *fi)
{
	struct handle *h = ops_handle(fi);
	struct node n;
	off_t at;

	if (!ino_get_node(req, ino, &n))
		return;
	at = h->ops->seek ? h->ops->seek(h, &n, off, whence) : -ENOSYS;
	if (at < 0)
		reply_err(req, (int)at);
	else
		fuse_reply_lseek(req, at);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	     struct fuse_file_info *fi)
{
	struct handle *h = ops_handle(fi);
	const struct transfer t = {
		.size = size,
		.off = (uint64_t)off,
		.flags = fi->flags,
		/* The kernel names no owner of locks when it fills a page. */
		.paged = !fi->lock_owner,
	};

	if (h->ops->read)
		h->ops->read(h, req, ino, &t);
	else
		reply_err(req, -EACCES);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
	      off_t off, struct fuse_file_info *fi)
{
	struct handle *h = ops_handle(fi);
	const struct transfer t = {
		.size = size,
		.off = (uint64_t)off,
		.flags = fi->flags,
	};
	struct node n;

	if (h->ops->write)
		h->ops->write(h, req, ino, buf, &t);
	else if (ino_get_node(req, ino, &n))
		reply_err(req, -EACCES);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = ops_handle(fi);

	if (h->ops->flush)
		h->ops->flush(h, req, ino);
	else
		reply_err(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	      struct fuse_file_info *fi)
{
	(void)datasync;
	op_flush(req, ino, fi);
}

void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
	struct handle *h = ops_handle(fi);

	(void)ino;
	if (h->ops->flock)
		h->ops->flock(h, req, op);
	else
		reply_err(req, -EOPNOTSUPP);
}

/* Refuse locks of fcntl(2), which would exclude no member. */
void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	      struct flock *lock)
{
	(void)ino;
	(void)fi;
	(void)lock;
	reply_err(req, -EOPNOTSUPP);
}

void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	      struct flock *lock, int sleep)
{
	(void)sleep;
	op_getlk(req, ino, fi, lock);
}

void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	     struct fuse_pollhandle *ph)
{
	struct handle *h = ops_handle(fi);

	(void)ino;
	if (h->ops->poll) {
		fuse_reply_poll(req, h->ops->poll(h, ph));
		return;
	}
	pollhandle_drop(ph);
	fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}
