/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handles: open files and directories
 *
 * An open file is a text, a value, a lock, a port or another kind of thing: its
 * row and its open flags decide.  Each kind is a table of functions and a
 * struct that begins with a struct handle.
 */
#ifndef FUSIONFS_HANDLE_H
#define FUSIONFS_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fusionfs/base/quota.h"
#include "fusionfs/service/sizes.h"

struct fuse_pollhandle;
struct fuse_req;
struct handle;
struct node;

/* What a read or a write asks for. */
struct transfer {
	size_t size;
	uint64_t off;
	int flags;  /* O_NONBLOCK and so on */
	bool paged; /* a read that fills a page of the kernel's */
};

/* All may be NULL; read() to poll() answer the request. */
struct handle_ops {
	size_t size; /* of the struct */
	/* Programs may seek in it, and its size is told (sizes.h). */
	bool is_sized;
	/* It has no positions: reply_stream(). */
	bool is_stream;
	/* 0, -errno. */
	int (*open)(struct handle *h, const struct node *n,
		    struct fuse_req *req, int flags);
	void (*close)(struct handle *h);
	void (*read)(struct handle *h, struct fuse_req *req, uint64_t ino,
		     const struct transfer *t);
	void (*write)(struct handle *h, struct fuse_req *req, uint64_t ino,
		      const char *data, const struct transfer *t);
	/* A descriptor is closed, or its data is to be safe. */
	void (*flush)(struct handle *h, struct fuse_req *req, uint64_t ino);
	void (*flock)(struct handle *h, struct fuse_req *req, int op);
	/* Return POLLIN and so on; if that is too little, @ph is told later. */
	unsigned (*poll)(struct handle *h, struct fuse_pollhandle *ph);
	/* lseek(2) to data or a hole: the offset, -errno. */
	int64_t (*seek)(struct handle *h, const struct node *n, int64_t off,
			int whence);
	/* The size of what a read of this open file gives.  0, -errno. */
	int (*get_size)(struct handle *h, const struct node *n, uint64_t *ret);
	/* Does what was written last end at offset @off? */
	bool (*ends_at)(const struct handle *h, uint64_t off);
};

struct handle {
	struct sized sized; /* first; of those with is_sized */
	const struct handle_ops *ops;
	struct handle *next, **link; /* all that are open */
	uint64_t serial;	     /* of the arena, 0 above the arenas */
	struct charge charge;	     /* of the user that opened it */
};

/* Open @n.  0; -EACCES, -EDQUOT, -EMFILE, -ENOMEM, or what the kind says. */
int handle_open(struct fuse_req *req, const struct node *n, int flags,
		struct handle **ret);
void handle_close(struct handle *h);
/* Does an open file of this node have a size? */
bool handle_has_size(const struct node *n);
/* Close all handles, as the daemon ends. */
void handles_end(void);

#endif
