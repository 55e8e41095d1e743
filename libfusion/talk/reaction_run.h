/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading what reactors bring, and running reactions. */
#ifndef FUSION_REACTION_RUN_H
#define FUSION_REACTION_RUN_H

#include "libfusion/talk/local_reactor.h"

/* Have own reactions see a message now, on this thread. */
void reactions_run(struct fusion_arena *arena, uint32_t id,
		   const struct fusion_reactor_message *message);
/* Is a reaction running on the calling thread? */
bool reaction_is_running(void);

/* Handle a record that says that a reactor has news. */
void reactor_news(struct fusion_arena *arena, const struct dispatched *d);
/* Look at all reactors that are attached: a bell was lost.  True: something
 * was there. */
bool reactor_look(struct fusion_arena *arena);
/* More of the reactors that have news; a bounded part.  True: there is more. */
bool reactor_run(struct fusion_arena *arena);

#endif
