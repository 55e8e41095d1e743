/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/reply.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/base/fuse.h"

void reply_err(struct fuse_req *req, int r)
{
	fuse_reply_err(req, -r);
}

void reply_ioctl(struct fuse_req *req, int r, const void *data, size_t size)
{
	if (r < 0)
		reply_err(req, r);
	else
		fuse_reply_ioctl(req, r, data, size);
}

/* libfuse 3.14 has no field for FOPEN_STREAM: this is the kernel's struct. */
int reply_stream(struct fuse_req *req, uint64_t handle)
{
	const struct fuse_open_out out = {
		.fh = handle,
		.open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE |
			      FOPEN_STREAM | FOPEN_NOFLUSH,
	};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

void reply_written(struct fuse_req *req, size_t size)
{
	fuse_reply_write(req, size);
}

int reply_data(struct fuse_req *req, const void *data, size_t size)
{
	return fuse_reply_buf(req, data, size);
}

void pollhandle_drop(struct fuse_pollhandle *ph)
{
	if (ph)
		fuse_pollhandle_destroy(ph);
}

void pollhandle_tell(struct fuse_pollhandle *ph)
{
	if (ph)
		fuse_lowlevel_notify_poll(ph);
	pollhandle_drop(ph);
}

/* Find the process of thread @tid, which is all that the context of a request
 * says.  Returns the process, -errno. */
static pid_t process_of(pid_t tid)
{
	char path[48], line[128];
	pid_t pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT || errno == EACCES ? -ESRCH : -errno;
	while (!pid && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Tgid:", 5))
			pid = (pid_t)strtol(line + 5, NULL, 10);
	fclose(f);
	return pid > 0 ? pid : -ESRCH;
}

int request_caller(struct fuse_req *req, struct caller *ret)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	pid_t pid;

	/* The kernel has no number for a process that is not in our pid
	 * namespace. */
	if (!ctx->pid)
		return -EREMOTE;
	pid = process_of(ctx->pid);
	if (pid < 0)
		return pid;
	*ret = (struct caller){.pid = pid, .uid = ctx->uid, .gid = ctx->gid};
	return 0;
}

uid_t request_uid(struct fuse_req *req)
{
	return fuse_req_ctx(req)->uid;
}

pid_t request_tid(struct fuse_req *req)
{
	return fuse_req_ctx(req)->pid;
}

int request_in_group(struct fuse_req *req, gid_t gid)
{
	gid_t groups[256];
	int n = fuse_req_getgroups(req, 256, groups);

	if (fuse_req_ctx(req)->gid == gid)
		return 1;
	for (int i = 0; i < n && i < 256; i++)
		if (groups[i] == gid)
			return 1;
	return 0;
}

void request_on_interrupt(struct fuse_req *req,
			  void (*fn)(struct fuse_req *req, void *data),
			  void *data)
{
	fuse_req_interrupt_func(req, fn, data);
}
