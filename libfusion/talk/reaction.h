/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attaching reactions to reactors, and detaching them. */
#ifndef FUSION_REACTION_H
#define FUSION_REACTION_H

#include "libfusion/talk/local_reactor.h"

/* Attach a reaction for fusion_reactor_attach(); @done: one that runs behind
 * all others, for any channel.  0, -errno. */
int reaction_add(struct fusion_arena *arena, struct reactor *re,
		 const struct fusion_reactor_attach_options *options, bool done,
		 fusion_reaction_fn fn, void *ctx,
		 struct fusion_reaction **ret);
/* Detach the done function of reactor @id, if it has one. */
void reaction_remove_done(struct fusion_arena *arena, uint32_t id);

/* Free all reactions, as the process leaves; none of them runs.  Their destroy
 * functions run. */
void reactor_stop(struct fusion_arena *arena);

#endif
