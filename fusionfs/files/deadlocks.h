/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deadlocks */
#ifndef FUSIONFS_DEADLOCKS_H
#define FUSIONFS_DEADLOCKS_H

#include "fusionfs/world/node.h"

int arena_deadlocks_show(const struct node *n, struct text *t);

#endif
