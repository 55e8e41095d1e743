/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libfuse, for the files at the top and reply.c, and for no other file. */
#ifndef FUSIONFS_FUSE_H
#define FUSIONFS_FUSE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#endif
