/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/spin.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include <fusion/dispatch.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"

#define LOOKS 16     /* between two looks at the clock */
#define CUT_NS 20000 /* no pause is as long */
#define SPIN_MAX_NS 1000000000LL

static int64_t limit = -1; /* atomic; -1 not known yet */

static int64_t limit_of_environment(void)
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

static int64_t limit_of_machine(void)
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
	ns = limit_of_environment();
	if (ns < 0)
		ns = limit_of_machine();
	/* Relaxed: a number of its own. */
	return cas_relaxed(&limit, &unknown, ns) ? ns : unknown;
}

FUSION_API int fusion_set_spin(int64_t ns)
{
	if (ns > SPIN_MAX_NS)
		return told(-EINVAL);
	store_relaxed(&limit, ns < 0 ? -1 : ns);
	return 0;
}

/* Look as long as @budget.  *ret_cut: this thread lost its processor meanwhile,
 * so another thread wants the processor. */
static bool spin_for(int64_t budget, bool (*look)(void *), void *ctx,
		     bool *ret_cut)
{
	int64_t now, last = clock_monotonic_ns(), end = last + budget;

	for (unsigned n = 1;; n++) {
		if (look(ctx))
			return true;
		cpu_relax();
		if (n % LOOKS)
			continue;
		now = clock_monotonic_ns();
		*ret_cut = now - last > CUT_NS;
		if (*ret_cut || now >= end)
			return false;
		last = now;
	}
}

static bool spin_briefly(bool (*look)(void *), void *ctx)
{
	for (unsigned n = 0; n < LOOKS; n++) {
		if (look(ctx))
			return true;
		cpu_relax();
	}
	return false;
}

bool spin_until(struct spinner *s, bool (*look)(void *), void *ctx)
{
	int64_t most = spin_limit_ns();
	bool cut = false;

	if (!most)
		return false;
	if (!s->budget_ns || s->budget_ns > most)
		s->budget_ns = most;
	if (!s->every)
		s->every = SPIN_TRY_FIRST;
	/* A short look does not ask the clock, which would take too long. */
	if (spin_briefly(look, ctx) ||
	    (s->budget_ns > SPIN_MIN_NS &&
	     spin_for(s->budget_ns, look, ctx, &cut))) {
		if (s->budget_ns == most)
			s->every = SPIN_TRY_FIRST;
		s->budget_ns *= 2;
		return true;
	}
	if ((cut || s->budget_ns == most) && s->every < SPIN_TRY_LAST)
		s->every *= 2;
	if (++s->in_vain >= s->every) {
		s->in_vain = 0;
		s->budget_ns = most;
	} else if (cut) {
		s->budget_ns = SPIN_MIN_NS;
	} else if (s->budget_ns > SPIN_MIN_NS) {
		s->budget_ns /= 2;
	}
	return false;
}
