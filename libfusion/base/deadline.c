/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/deadline.h"

#include <errno.h>
#include <inttypes.h>

#include <fusion/types.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"

/* Return the end of a wait of @timeout_ns that begins now; < 0 never. */
static int64_t deadline_of(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns < 0)
		return -1;
	now = clock_monotonic_ns();
	return timeout_ns < INT64_MAX - now ? now + timeout_ns : -1;
}

static int check_timeout(int64_t timeout_ns)
{
	if (timeout_ns >= FUSION_FOREVER)
		return 0;
	return refuse(-EINVAL,
		      "the time-out is %" PRId64
		      " ns: it has to be 0, positive, or FUSION_FOREVER",
		      timeout_ns);
}

/* Return the end of a wait that begins now, 0 if it is over already. */
static int64_t wait_end(int64_t timeout_ns, bool until)
{
	if (timeout_ns <= 0 || !until)
		return timeout_ns ? deadline_of(timeout_ns) : 0;
	return timeout_ns > clock_monotonic_ns() ? timeout_ns : 0;
}

int wait_begin(int64_t timeout_ns, uint32_t flags, struct wait *ret)
{
	int r = check_timeout(timeout_ns);

	if (flags & ~WAIT_FLAGS)
		return refuse_flags("the wait", flags, WAIT_FLAGS);
	if (r == 0)
		*ret = (struct wait){
			.deadline_ns =
				wait_end(timeout_ns, flags & FUSION_WAIT_UNTIL),
			.interruptible = flags & FUSION_WAIT_INTERRUPTIBLE,
		};
	return r;
}

int64_t deadline_left(int64_t deadline_ns)
{
	int64_t left;

	if (deadline_ns < 0)
		return -1;
	left = deadline_ns - clock_monotonic_ns();
	return left < 0 ? 0 : left;
}
