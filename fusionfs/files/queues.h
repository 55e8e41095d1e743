/* SPDX-License-Identifier: GPL-2.0-or-later */
/* members/ID/queue and inbox */
#ifndef FUSIONFS_QUEUES_H
#define FUSIONFS_QUEUES_H

#include "fusionfs/world/node.h"

extern const struct port_ops inbox_port;

int member_queue_show(const struct node *n, struct text *t);

#endif
