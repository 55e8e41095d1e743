/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle: is this image, once recovered, what it has to be?
 */
#ifndef TESTS_CRASH_ORACLE_H
#define TESTS_CRASH_ORACLE_H

#include "tests/crash/stage.h"

#define VERDICT_TEXT 200

struct verdict {
	unsigned bad;
	unsigned in_flight; /* blocks that nobody knows */
	uint64_t digest;
	char first[VERDICT_TEXT]; /* what was found first */
};

/* Who finds the dead. */
enum finder { FINDER_DAEMON, FINDER_SURVIVOR };

/*
 * Recover, in the overlay that is on, the victim and (if @recoverer) an
 * undertaker that died while it did the same; then check all there is to
 * check.  @extra blocks may be in flight.
 */
void oracle_ask(struct stage *s, enum finder finder, unsigned extra,
		struct verdict *ret);

#endif
