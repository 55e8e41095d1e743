/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leave notices. */
#ifndef FUSION_NOTICE_H
#define FUSION_NOTICE_H

#include "libfusion/arena/arena_private.h"

/* End all subscriptions: no function of one runs when this returns.  Not in a
 * handler. */
void notice_stop(struct fusion_arena *arena);

#endif
