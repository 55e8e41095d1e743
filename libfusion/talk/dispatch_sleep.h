/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between two turns: is there anything to do, or may the dispatcher sleep? */
#ifndef FUSION_DISPATCH_SLEEP_H
#define FUSION_DISPATCH_SLEEP_H

#include "libfusion/talk/dispatcher.h"

/* Flag in the queue, at d->next, that the dispatcher sleeps.  False: something
 * has come meanwhile, and there is no flag.  Turn is held. */
bool dispatch_arm(struct dispatcher *d);
/* Is there anything to do?  Turn is held. */
bool dispatch_is_there(const struct dispatcher *d);
/* Look for a while, with or without the turn.  True: something is there. */
bool dispatch_spin(struct dispatcher *d);
/* Wake the thread that sleeps for the dispatcher, so that it looks again. */
void dispatch_rouse(struct dispatcher *d);
/* Look for dead members and lost news, after a sleep that nobody ended. */
void dispatch_idle(struct dispatcher *d);

#endif
