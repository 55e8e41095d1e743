/* SPDX-License-Identifier: GPL-2.0-or-later */
/* members/ */
#ifndef FUSIONFS_MEMBERS_H
#define FUSIONFS_MEMBERS_H

#include "fusionfs/world/node.h"

extern const struct items_ops member_items;

int member_status_show(const struct node *n, struct text *t);
int member_pid_show(const struct node *n, struct text *t);
int member_comm_show(const struct node *n, struct text *t);
int member_role_show(const struct node *n, struct text *t);
int member_joined_show(const struct node *n, struct text *t);
int member_held_show(const struct node *n, struct text *t);
int member_waiting_show(const struct node *n, struct text *t);
int member_refs_show(const struct node *n, struct text *t);
/* Find the slot of the member @n.  0, -ENOENT, -EIO. */
int member_slot(const struct node *n, uint32_t *slot);

#endif
