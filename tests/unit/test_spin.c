/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long one looks before one sleeps: what a spinner learns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fusion/dispatch.h>

#include "libfusion/base/spin.h"
#include "libfusion/core/base/futex.h"

#define LIMIT 100000 /* ns */

struct looking {
	unsigned looks, until; /* found at this look, 0 never */
	int64_t pause_ns;      /* in the first look: as if off the processor */
};

static bool look(void *arg)
{
	struct looking *l = arg;
	int64_t end = clock_monotonic_ns() + l->pause_ns;

	while (l->looks == 20 && clock_monotonic_ns() < end)
		;
	return ++l->looks == l->until;
}

static bool in_vain(struct spinner *s)
{
	struct looking l = {0};

	return spin_until(s, look, &l);
}

static void nobody_looks_without_a_limit(void **state)
{
	struct spinner s = {0};
	struct looking l = {.until = 1};

	(void)state;
	assert_int_equal(fusion_set_spin(0), 0);
	assert_false(spin_until(&s, look, &l));
	assert_int_equal(l.looks, 0);
	assert_int_equal(fusion_set_spin(LIMIT), 0);
	assert_true(spin_until(&s, look, &l));
	assert_int_equal(l.looks, 1);
}

static void looking_in_vain_becomes_a_glance(void **state)
{
	struct spinner s = {0};

	(void)state;
	for (unsigned i = 0; s.budget_ns != SPIN_MIN_NS; i++) {
		assert_true(i < SPIN_TRY_FIRST);
		assert_false(in_vain(&s));
		if (s.budget_ns < SPIN_MIN_NS)
			s.budget_ns = SPIN_MIN_NS;
	}
}

static void what_pays_is_done_for_longer(void **state)
{
	struct spinner s = {.budget_ns = SPIN_MIN_NS};

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct looking l = {.until = 2};

		assert_true(spin_until(&s, look, &l));
	}
	assert_true(s.budget_ns >= LIMIT);
}

/* How many glances between two long looks. */
static unsigned until_a_long_look(struct spinner *s)
{
	unsigned n = 0;

	s->budget_ns = SPIN_MIN_NS;
	do
		assert_false(in_vain(s));
	while (++n < 10 * SPIN_TRY_LAST && s->budget_ns != LIMIT);
	assert_false(in_vain(s)); /* that one */
	return n;
}

static void long_looks_in_vain_become_rare_but_do_not_end(void **state)
{
	struct spinner s = {0};
	struct looking l = {.until = 2};
	unsigned n = 0, last = 0;

	(void)state;
	for (int i = 0; i < 12; i++, last = n) {
		n = until_a_long_look(&s);
		assert_true(n >= last);
		assert_true(n <= SPIN_TRY_LAST);
	}
	assert_true(n > SPIN_TRY_LAST - 2);
	/* One that pays is forgiven all before. */
	s.budget_ns = LIMIT;
	assert_true(spin_until(&s, look, &l));
	assert_true(until_a_long_look(&s) <= SPIN_TRY_FIRST);
}

static void who_loses_its_processor_only_glances(void **state)
{
	struct spinner s = {0};
	struct looking l = {.pause_ns = 1000000};

	(void)state;
	assert_false(spin_until(&s, look, &l));
	assert_int_equal(s.budget_ns, SPIN_MIN_NS);
	/* It did not look for as long as it might have. */
	assert_true(l.looks < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_looks_without_a_limit),
		cmocka_unit_test(looking_in_vain_becomes_a_glance),
		cmocka_unit_test(what_pays_is_done_for_longer),
		cmocka_unit_test(long_looks_in_vain_become_rare_but_do_not_end),
		cmocka_unit_test(who_loses_its_processor_only_glances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
