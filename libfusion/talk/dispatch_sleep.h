/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between two turns: whether there is anything to do, and sleep. */
#ifndef FUSION_DISPATCH_SLEEP_H
#define FUSION_DISPATCH_SLEEP_H

#include "libfusion/talk/dispatcher.h"

/* Nothing is there: flag that we sleep, at d->next.  False: something has come
 * meanwhile.  Turn is held. */
bool dispatch_arm(struct dispatcher *d);
/* Is there anything to do?  Turn is held. */
bool dispatch_is_there(const struct dispatcher *d);
/* Look for a while, with or without the turn; true: something is there. */
bool dispatch_spin(struct dispatcher *d);
/* Whoever sleeps looks again. */
void dispatch_rouse(struct dispatcher *d);
/* A sleep that nobody ended: look at what may have gone wrong. */
void dispatch_idle(struct dispatcher *d);

#endif
