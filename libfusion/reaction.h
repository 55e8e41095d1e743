/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reactions: what this process has attached to reactors. */
#ifndef FUSION_REACTION_H
#define FUSION_REACTION_H

#include <fusion/reactor.h>

#include "libfusion/core/reactor.h"
#include "libfusion/tls.h"

/* Have own reactions see a message now, on this thread. */
void reactions_run(struct fusion_arena *arena, uint32_t id,
		   const struct fusion_reactor_message *message);
/* fusion_reactor_attach(); @done: behind all others, any channel. */
int reaction_add(struct fusion_arena *arena, struct reactor *re,
		 uint32_t channel, bool done, fusion_reaction_fn fn, void *ctx,
		 const struct fusion_reactor_policy *policy,
		 struct fusion_reaction **ret);
/* Take away what fusion_reactor_set_done() has set. */
void reaction_remove_done(struct fusion_arena *arena, uint32_t id);

#endif
