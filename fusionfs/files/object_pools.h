/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pools/NAME: status, and a file for each object */
#ifndef FUSIONFS_OBJECT_POOLS_H
#define FUSIONFS_OBJECT_POOLS_H

#include "fusionfs/world/node.h"

extern const struct items_ops object_pool_items;

int object_pool_status_show(const struct node *n, struct text *t);
int object_show(const struct node *n, struct text *t);

#endif
