/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUSIONFS_OPS_NAME_H
#define FUSIONFS_OPS_NAME_H

#include "fusionfs/base/fuse.h"

/* Rows of the table of requests in ops.c. */
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	      dev_t rdev);
void op_refuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		      fuse_ino_t newparent, const char *newname,
		      unsigned int flags);
void op_refuse_symlink(fuse_req_t req, const char *link, fuse_ino_t parent,
		       const char *name);
void op_refuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
		    const char *newname);

#endif
