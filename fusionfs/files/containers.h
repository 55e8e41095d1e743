/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hashes/, vectors/, lists/ */
#ifndef FUSIONFS_CONTAINERS_H
#define FUSIONFS_CONTAINERS_H

#include "fusionfs/world/node.h"

int hash_show(const struct node *n, struct text *t);
int vector_show(const struct node *n, struct text *t);
int list_show(const struct node *n, struct text *t);

#endif
