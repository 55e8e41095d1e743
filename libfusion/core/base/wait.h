/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits: when one ends, and whether a signal ends it
 *
 * A signal handler that ends a wait does what the clock does: the time of the
 * wait is over.  So a wait has one way out, and only the errno differs.
 *
 * The kernel goes on with a sleep without a limit behind a handler that was
 * installed with SA_RESTART.  A sleep with a limit it never goes on with
 * (signal(7)).  So each sleep of a wait that signals end has a limit.
 */
#ifndef FUSION_CORE_WAIT_H
#define FUSION_CORE_WAIT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libfusion/core/base/futex.h"

#define WAIT_LONGEST_SLEEP_NS 3600000000000LL /* when signals end the wait */

/* Functions take a pointer.  NULL: only what is waited for ends the wait. */
struct wait {
	int64_t deadline_ns; /* CLOCK_MONOTONIC; < 0 never; 0 over */
	bool interruptible;
	bool interrupted;
};

/* Is the wait over at @now? */
static inline bool wait_is_over(const struct wait *w, int64_t now)
{
	return w && w->deadline_ns >= 0 && now >= w->deadline_ns;
}

/* Note @r, with which a sleep of the wait has ended: of -EINTR a wait that
 * signals end is over. */
static inline void wait_slept(struct wait *w, int r)
{
	if (r != -EINTR || !w || !w->interruptible)
		return;
	w->deadline_ns = 0;
	w->interrupted = true;
}

/* Return what a wait that is over fails with. */
static inline int wait_error(const struct wait *w)
{
	return w->interrupted ? -EINTR : -ETIMEDOUT;
}

/* Return how long to sleep at most: < 0 for ever, 0 the wait is over. */
static inline int64_t wait_left(const struct wait *w)
{
	int64_t left;

	if (!w || w->deadline_ns < 0)
		return w && w->interruptible ? WAIT_LONGEST_SLEEP_NS : -1;
	left = w->deadline_ns ? w->deadline_ns - clock_monotonic_ns() : 0;
	return left < 0 ? 0 : left;
}

/* As wait_left(), and at most @most_ns. */
static inline int64_t wait_nap(const struct wait *w, int64_t most_ns)
{
	int64_t left = wait_left(w);

	return left < 0 || left > most_ns ? most_ns : left;
}

#endif
