/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work to be killed at: everything the API has, at random
 *
 * What workers have is published in a table in the arena, so that it outlives
 * them.  A worker's successor goes on with what it finds there.
 */
#ifndef TESTS_CRASH_WORK_H
#define TESTS_CRASH_WORK_H

#include <fusion/fusion.h>

#include "tests/crash/rng.h"

#define WORKERS 4
#define ROW 16

struct places {
	void *exact[WORKERS][ROW]; /* by malloc_to() and free_from() */
	void *plain[WORKERS][ROW]; /* exchanged by anybody */
};

/* What a death may leave that nobody knows: the two blocks of a realloc(). */
#define LEAK_MAX 2u

/* Put an empty table into the arena and make it the root. */
struct places *work_prepare(struct fusion_arena *a);

/* Be worker @w for @n operations. */
void work(struct fusion_arena *a, unsigned w, struct rng *rng, unsigned n);

/* Names of what worker @w may have left. */
void work_field_name(char name[32], unsigned w, unsigned i);
void work_pool_name(char name[32], unsigned w);

#endif
