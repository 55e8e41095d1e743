/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/deadline.h"

#include <errno.h>
#include <inttypes.h>

#include <fusion/types.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"

int64_t deadline_of(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns < 0)
		return -1;
	now = clock_monotonic_ns();
	return timeout_ns < INT64_MAX - now ? now + timeout_ns : -1;
}

int deadline_begin(int64_t timeout_ns, int64_t *ret_deadline_ns)
{
	if (timeout_ns < FUSION_FOREVER)
		return refuse(-EINVAL,
			      "the time-out is %" PRId64
			      " ns: it has to be 0, positive, or "
			      "FUSION_FOREVER",
			      timeout_ns);
	*ret_deadline_ns = deadline_of(timeout_ns);
	return 0;
}

int64_t deadline_left(int64_t deadline_ns)
{
	int64_t left;

	if (deadline_ns < 0)
		return -1;
	left = deadline_ns - clock_monotonic_ns();
	return left < 0 ? 0 : left;
}

int64_t deadline_nap(int64_t deadline_ns, int64_t most_ns)
{
	int64_t left = deadline_left(deadline_ns);

	return left < 0 || left > most_ns ? most_ns : left;
}
