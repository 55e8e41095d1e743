/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a wait ends: a time of CLOCK_MONOTONIC in ns, or < 0 for never. */
#ifndef FUSION_DEADLINE_H
#define FUSION_DEADLINE_H

#include <stdint.h>

#include <fusion/types.h>

#include "libfusion/core/base/wait.h"

/* The flags of each wait. */
#define WAIT_FLAGS (FUSION_WAIT_INTERRUPTIBLE | FUSION_WAIT_UNTIL)

/* Begin a wait of @timeout_ns with @flags, which a program gives as arguments.
 * 0; -EINVAL one of them is not valid. */
int wait_begin(int64_t timeout_ns, uint32_t flags, struct wait *ret);
/* Return how long it is until @deadline_ns: < 0 for ever, 0 it is over. */
int64_t deadline_left(int64_t deadline_ns);

#endif
