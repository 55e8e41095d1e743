/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUSIONFS_OPS_H
#define FUSIONFS_OPS_H

struct fuse_lowlevel_ops;

extern const struct fuse_lowlevel_ops ops;

/* Close what is still open, when no request can come any more. */
void ops_end(void);

#endif
