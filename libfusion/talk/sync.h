/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fusion_arena_sync(): waiting until what has come is handled. */
#ifndef FUSION_SYNC_H
#define FUSION_SYNC_H

#include "libfusion/talk/dispatcher.h"

/* Has all that @s waits for been handled?  The caller has the
 * turn, here and below. */
bool sync_is_over(struct dispatcher *d, struct syncer *s);
/* Look which callers of fusion_arena_sync() may go on, and wake them. */
void sync_look(struct dispatcher *d);

#endif
