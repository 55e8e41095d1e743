/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkers: each looks at one part of a quiet arena and counts its faults
 *
 * Each part of core has a function that checks its invariants.  That function
 * makes a struct checker, or a larger struct around one, and calls
 * check_fault() for each invariant that does not hold.  A checker only reads
 * shared memory.
 */
#ifndef FUSION_CORE_CHECKER_H
#define FUSION_CORE_CHECKER_H

/* Receives one fault, as a line without newline. */
typedef void (*check_report_fn)(void *ctx, const char *what);

struct checker {
	check_report_fn report; /* NULL: faults are only counted */
	void *ctx;		/* what report() gets */
	unsigned faults;
};

/* Count a fault, and report the text that @format makes. */
__attribute__((format(printf, 2, 3))) void check_fault(struct checker *c,
						       const char *format, ...);

#endif
