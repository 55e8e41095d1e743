/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of an arena itself, and the arenas in the root. */
#ifndef FUSIONFS_STATUS_H
#define FUSIONFS_STATUS_H

#include "fusionfs/world/node.h"

extern const struct items_ops root_items;

int arena_status_show(const struct node *n, struct text *t);
int arena_state_show(const struct node *n, struct text *t);
int arena_base_show(const struct node *n, struct text *t);
int arena_span_show(const struct node *n, struct text *t);
int arena_used_show(const struct node *n, struct text *t);
int arena_limit_show(const struct node *n, struct text *t);
int arena_master_target(const struct node *n, struct text *t);
int arena_limit_store(const struct node *n, const char *text);
int arena_limit_check(const char *text);
/* Is there a master to point to?  0, -ENOENT. */
int arena_master_check(const struct node *n);

#endif
