/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_SYNC_H
#define FUSION_SYNC_H

#include "libfusion/talk/dispatcher.h"

/* Has what @s waits for been handled? */
bool sync_is_over(struct dispatcher *d, struct syncer *s);
void sync_look(struct dispatcher *d);

#endif
