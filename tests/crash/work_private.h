/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a worker's deeds share. */
#ifndef TESTS_CRASH_WORK_PRIVATE_H
#define TESTS_CRASH_WORK_PRIVATE_H

#include "tests/crash/work.h"

struct worker {
	struct fusion_arena *arena;
	struct places *table;
	unsigned w;
	struct rng *rng;
	struct fusion_pool *pool;
};

/* Memory that is not what it should be: the parent hears of the signal. */
void fail(const struct worker *k, const char *what, const void *p)
	__attribute__((noreturn));
/* The same, with an error's text. */
void fail_error(const struct worker *k, const char *what, int r)
	__attribute__((noreturn));

void do_malloc(struct worker *k);

int work_prepare_locks(struct fusion_arena *a, struct places *t);
void do_lock(struct worker *k);
void do_locks(struct worker *k);
void do_property(struct worker *k);
void do_make_lock(struct worker *k);
void do_their_lock(struct worker *k);

#endif
