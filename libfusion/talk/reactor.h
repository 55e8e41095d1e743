/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others ask of reactors, without having one. */
#ifndef FUSION_REACTOR_OF_PROCESS_H
#define FUSION_REACTOR_OF_PROCESS_H

#include <fusion/reactor.h>

#include "libfusion/arena/arena_private.h"

/* Tell whether this thread dispatches, and is in a global reaction. */
bool globals_run_here(const struct fusion_arena *arena);
/* Check the arguments of fusion_reactor_dispatch(), for a reactor of the usual
 * size that was not made yet.  0, -EINVAL, -E2BIG, -EMSGSIZE. */
int reactor_check_dispatch(
	const struct fusion_reactor_dispatch_options *options, const void *data,
	size_t size);

#endif
