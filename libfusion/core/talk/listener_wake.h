/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waking the listeners of a reactor. */
#ifndef FUSION_CORE_LISTENER_WAKE_H
#define FUSION_CORE_LISTENER_WAKE_H

#include "libfusion/core/talk/reactor.h"

/* Channel for listeners_wake(): all listeners, also those that are not marked
 * as idle: a dispatcher that died may have taken the mark and not woken. */
#define LISTENERS_ALL UINT64_MAX

/* Have the listener with cursor @c look at the reactor that has the ring @r
 * now, if the listener is idle (or @always). */
void listener_wake(struct view *v, struct thread_rec *me, const struct ring *r,
		   struct cursor *c, bool always);
/* Have all idle listeners to @channel look, after the message is committed. */
void listeners_wake(struct view *v, struct thread_rec *me, struct ring *r,
		    uint64_t channel);

#endif
