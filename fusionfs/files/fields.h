/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields/ */
#ifndef FUSIONFS_FIELDS_H
#define FUSIONFS_FIELDS_H

#include "fusionfs/world/node.h"

int field_show(const struct node *n, struct text *t);

#endif
