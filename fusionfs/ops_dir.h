/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUSIONFS_OPS_DIR_H
#define FUSIONFS_OPS_DIR_H

#include "fusionfs/base/fuse.h"

/* Rows of the table of requests in ops.c. */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);

#endif
