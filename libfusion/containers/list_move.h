/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_LIST_MOVE_H
#define FUSION_LIST_MOVE_H

#include "libfusion/containers/list.h"

/* Has the announced move of the list reached its commit point? */
bool move_is_committed(const struct fusion_list *l,
		       const struct fusion_arena *a);
/* Finish or undo the announced move of one list.  Idempotent. */
void move_settle(struct fusion_list *l, const struct fusion_arena *a);

#endif
