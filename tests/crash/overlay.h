/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The overlay: a look at the arena as a death now would leave it
 *
 * A killed process leaves only its shared memory, so "killed here" is "look
 * here".  The tester maps the file MAP_PRIVATE over its own view: what recovery
 * then writes is in copies of pages that are thrown away afterwards.
 */
#ifndef TESTS_CRASH_OVERLAY_H
#define TESTS_CRASH_OVERLAY_H

#include "tests/crash/stage.h"

void overlay_on(struct stage *s, int fd);
void overlay_off(struct stage *s, int fd); /* shared again */

/* All metadata below the high marks: another number, another state. */
uint64_t overlay_hash(const struct stage *s);

/* What members can tell apart: who is inside, fields, spans, blocks, pools.
 * Not the log, counters, free lists and hints. */
uint64_t overlay_digest(const struct stage *s);

#endif
