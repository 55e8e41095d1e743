/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Level 2: the recoverer is killed, too. */
#ifndef TESTS_CRASH_NESTED_H
#define TESTS_CRASH_NESTED_H

#include "tests/crash/oracle.h"

struct nested {
	int fd; /* a copy of the arena, for the recoverer to work on */
	char *copy;
	uint64_t steps, states;
	uint64_t pc; /* of the recoverer, when something was bad */
	uint64_t step;
};

void nested_open(struct nested *n, struct stage *s);
void nested_close(struct nested *n, struct stage *s);

/* A daemon recovers the arena as it is now and is itself killed after every
 * instruction that changes it; the next must come to what @want says. */
void nested_check(struct nested *n, struct stage *s, unsigned extra,
		  const struct verdict *want, struct verdict *ret);

#endif
