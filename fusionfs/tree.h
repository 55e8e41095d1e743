/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUSIONFS_TREE_H
#define FUSIONFS_TREE_H

#include "fusionfs/world/node.h"

/* For node_begin(). */
extern const struct row tree_rows[];
extern const int tree_n_rows;

#endif
