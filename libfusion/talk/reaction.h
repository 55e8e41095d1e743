/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attaching reactions to reactors, and detaching them. */
#ifndef FUSION_REACTION_H
#define FUSION_REACTION_H

#include "libfusion/talk/local_reactor.h"

/* Attach a reaction for fusion_reactor_attach().  0, -errno. */
int reaction_add(struct fusion_arena *arena, struct reactor *re,
		 const struct fusion_reactor_attach_options *options,
		 fusion_reaction_fn fn, void *ctx,
		 struct fusion_reaction **ret);
/* Free all reactions and done functions, as the process leaves; none of them
 * runs.  Their destroy functions run. */
void reactor_stop(struct fusion_arena *arena);

#endif
