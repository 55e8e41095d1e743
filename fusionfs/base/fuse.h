/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libfuse, for main.c, ops.c, reply.c and events.c, and nobody else. */
#ifndef FUSIONFS_FUSE_H
#define FUSIONFS_FUSE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#endif
