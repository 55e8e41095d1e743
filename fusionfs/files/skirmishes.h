/* SPDX-License-Identifier: GPL-2.0-or-later */
/* skirmishes/ */
#ifndef FUSIONFS_SKIRMISHES_H
#define FUSIONFS_SKIRMISHES_H

#include "fusionfs/world/node.h"

extern const struct lock_ops skirmish_locks;

int skirmish_show(const struct node *n, struct text *t);
/* For row.create. */
int skirmish_make(struct view *v, struct thread_rec *me, const char *name,
		  uint32_t *ret_index);

#endif
