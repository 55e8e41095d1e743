/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory/: what the heap holds, counted anew for each reader. */
#ifndef FUSIONFS_MEMORY_H
#define FUSIONFS_MEMORY_H

#include "fusionfs/world/node.h"

int memory_status_show(const struct node *n, struct text *t);
int memory_classes_show(const struct node *n, struct text *t);
int memory_members_show(const struct node *n, struct text *t);
int memory_pools_show(const struct node *n, struct text *t);

#endif
