/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An arena that this process is in already, or just enters or leaves. */
#ifndef FUSION_ENTER_AGAIN_H
#define FUSION_ENTER_AGAIN_H

#include "libfusion/arena/arena_private.h"

/* Is this process in the arena of @arena's directory already?  Waits until
 * @deadline_ns for threads that are just entering or leaving.  1 and *ret: yes,
 * and counted; 0: no, and @arena is on the list for it; -errno. */
int enter_again(struct fusion_arena *arena,
		const struct fusion_arena_options *options, int64_t deadline_ns,
		struct fusion_arena **ret);

#endif
