/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Done functions: what a program runs when all listeners are done with a
 * message
 *
 * All done functions of a reactor share one cursor of this member, which reads
 * behind all others.  The first subscription takes the cursor.  It goes when
 * the last one is cancelled.
 */
#ifndef FUSION_REACTION_DONE_H
#define FUSION_REACTION_DONE_H

#include "libfusion/talk/local_reactor.h"

/* Subscribe a done function of @re, and store its slot at @ret unless that is
 * NULL.  0, -errno. */
int reaction_done_add(struct fusion_arena *arena, struct reactor *re,
		      const struct subscription *s, struct fusion_slot **ret);
/* Cancel the done functions of @l, as the process leaves; none of them runs.
 * reactors_lock is held, and let go meanwhile.  False: another thread has
 * cancelled the last one, and @l may have gone. */
bool reaction_done_stop(struct local_reactor *l);

#endif
