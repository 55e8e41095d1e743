/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list as one side of a transfer (transfer.h). */
#ifndef FUSION_LIST_TRANSFER_H
#define FUSION_LIST_TRANSFER_H

#include "libfusion/containers/list.h"
#include "libfusion/containers/transfer.h"

extern const struct transfer_kind list_transfer;

static inline struct transfer_side list_side(struct fusion_list *l,
					     struct fusion_list_node *node)
{
	return (struct transfer_side){.c = (struct container *)l,
				      .kind = &list_transfer,
				      .node = node};
}

#endif
