/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ioctl(2) of an arena's directory, by which libfusion talks to the daemon. */
#ifndef FUSIONFS_IOCTL_H
#define FUSIONFS_IOCTL_H

#include <stddef.h>

struct arena;
struct fuse_req;

/* What is asked. */
struct ioctl_request {
	struct arena *arena;
	struct fuse_req *req;
	const void *in;	 /* the struct that belongs to the command */
	const void *dir; /* the open directory that it came by */
};

/* Answer command @cmd, now or later. */
void ioctl_serve(struct arena *a, struct fuse_req *req, unsigned cmd,
		 const void *in, size_t in_size, const void *dir);

#endif
