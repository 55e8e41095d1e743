/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Killing who has purchased a property. */
#ifndef FUSIONFS_HOLD_UP_H
#define FUSIONFS_HOLD_UP_H

#include "fusionfs/world.h"
#include "libfusion/core/protocol.h"

struct fuse_req;

void request_hold_up(struct arena *a, struct fuse_req *req,
		     const struct ioc_hold_up *h);

#endif
