/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading what reactors bring, and running reactions. */
#ifndef FUSION_REACTION_RUN_H
#define FUSION_REACTION_RUN_H

#include "libfusion/talk/local_reactor.h"

/* Run this process' reactions to reactor @id for @message, on the calling
 * thread.
 */
void reactions_run(struct fusion_arena *arena, uint32_t id,
		   const struct fusion_reactor_message *message);
/* Tell whether this thread is in a reaction of the arena, perhaps as it
 * dispatches. */
bool reaction_runs_here(const struct fusion_arena *arena);
/* Is a reaction running on the calling thread? */
bool reaction_is_running(void);

/* Handle the record @d, which says that a reactor has news. */
void reactor_news(struct fusion_arena *arena, const struct dispatched *d);
/* Take all reactors for ones with news, as the record of news may be lost.
 * True: there is one. */
bool reactor_look(struct fusion_arena *arena);
/* Read a bounded part of the reactors that have news.  *ret_ran receives how
 * many reactions have run.  True: there is more.  Turn is held. */
bool reactor_run(struct fusion_arena *arena, unsigned *ret_ran);

#endif
