/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reactor as an open file names it. */
#ifndef FUSIONFS_REACTORS_H
#define FUSIONFS_REACTORS_H

#include "fusionfs/world/node.h"
#include "libfusion/core/talk/reactor.h"

struct reactor_ref {
	uint32_t index, id;
};

/* 0, -ENOENT, -EIO. */
int reactor_ref_of(const struct node *n, struct reactor_ref *ret);
/* Under the guard.  NULL: destroyed. */
struct reactor *reactor_at(struct view *v, const struct reactor_ref *ref);

#endif
