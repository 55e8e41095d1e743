/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attaching reactions to reactors, and detaching them. */
#ifndef FUSION_REACTION_H
#define FUSION_REACTION_H

#include "libfusion/talk/local_reactor.h"

/* fusion_reactor_attach(); @done: behind all others, any channel. */
int reaction_add(struct fusion_arena *arena, struct reactor *re,
		 uint32_t channel, bool done, fusion_reaction_fn fn, void *ctx,
		 const struct fusion_reactor_policy *policy,
		 struct fusion_reaction **ret);
/* Take away what fusion_reactor_set_done() has set. */
void reaction_remove_done(struct fusion_arena *arena, uint32_t id);

/* The process leaves: nothing of these runs any more. */
void reactor_stop(struct fusion_arena *arena);

#endif
