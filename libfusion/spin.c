/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/spin.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <fusion/dispatch.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"

#define LOOKS 32 /* between two looks at the clock */
#define SPIN_MAX_NS 1000000000LL

static int64_t limit = -1; /* atomic; -1 not known yet */

static int64_t of_environment(void)
{
	const char *s = getenv("FUSION_SPIN_NS");
	char *end;
	long long n;

	if (!s || !*s)
		return -1;
	errno = 0;
	n = strtoll(s, &end, 10);
	return errno || *end || n < 0 || n > SPIN_MAX_NS ? -1 : n;
}

static int64_t of_machine(void)
{
	cpu_set_t set;

	/* More processors than the set has room for are more than one. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0 &&
	    CPU_COUNT(&set) == 1)
		return 0;
	return SPIN_DEFAULT_NS;
}

int64_t spin_limit_ns(void)
{
	int64_t ns = load_relaxed(&limit), unknown = -1;

	if (ns >= 0)
		return ns;
	ns = of_environment();
	if (ns < 0)
		ns = of_machine();
	/* Relaxed: a number of its own. */
	return cas_relaxed(&limit, &unknown, ns) ? ns : unknown;
}

FUSION_API int fusion_set_spin(int64_t ns)
{
	if (ns > SPIN_MAX_NS)
		return -EINVAL;
	store_relaxed(&limit, ns < 0 ? -1 : ns);
	return 0;
}

bool spin_until(struct spinner *s, bool (*look)(void *), void *ctx)
{
	int64_t most = spin_limit_ns(), end = 0;

	if (!most)
		return false;
	if (!s->budget_ns || s->budget_ns > most)
		s->budget_ns = most;
	for (unsigned n = 1;; n++) {
		if (look(ctx)) {
			s->budget_ns *= 2;
			return true;
		}
		cpu_relax();
		if (n % LOOKS)
			continue;
		if (!end)
			end = clock_monotonic_ns() + s->budget_ns;
		else if (clock_monotonic_ns() >= end)
			break;
	}
	if (++s->in_vain % SPIN_TRY_EVERY == 0)
		s->budget_ns = most;
	else if (s->budget_ns > SPIN_MIN_NS)
		s->budget_ns /= 2;
	return false;
}
