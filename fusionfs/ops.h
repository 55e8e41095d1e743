/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUSIONFS_OPS_H
#define FUSIONFS_OPS_H

struct fuse_lowlevel_ops;

extern const struct fuse_lowlevel_ops ops;

/* Nobody asks any more: forget what is still open. */
void ops_end(void);

#endif
