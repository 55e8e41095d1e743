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
	struct fusion_heap_pool *pool;
};

/* Memory that is not what it should be: the parent hears of the signal. */
void fail(const struct worker *k, const char *what, const void *p)
	__attribute__((noreturn));
/* The same, with an error's text. */
void fail_error(const struct worker *k, const char *what, int r)
	__attribute__((noreturn));

/* Does @r say that it was done? */
void must(struct worker *k, int r, const char *what);

void do_malloc(struct worker *k);

int work_prepare_locks(struct fusion_arena *a, struct places *t);
void do_lock(struct worker *k);
void do_locks(struct worker *k);
void do_property(struct worker *k);
void do_make_lock(struct worker *k);
void do_their_lock(struct worker *k);

int work_prepare_refs(struct fusion_arena *a, struct places *t);
/* Whoever was this worker before: is all as its end leaves it? */
void work_begin_refs(struct worker *k);
void do_count(struct worker *k);
void do_count_light(struct worker *k);
void do_throw(struct worker *k);
void do_zero(struct worker *k);
void do_global(struct worker *k);
void do_own(struct worker *k);
void do_make_ref(struct worker *k);
void do_their_ref(struct worker *k);

int work_prepare_objects(struct fusion_arena *a, struct places *t);
void work_begin_objects(struct worker *k);
void do_make_object(struct worker *k);
void do_use_object(struct worker *k);
void do_catch_object(struct worker *k);
void do_unlink_object(struct worker *k);
void do_get_object(struct worker *k);
void do_duty(struct worker *k);
void do_object_pool(struct worker *k);
/* That a place names, or has named; NULL. */
struct fusion_object *some_object(struct worker *k);

int work_prepare_reactors(struct fusion_arena *a, struct places *t);
void work_begin_reactors(struct worker *k);
void work_end_reactors(struct worker *k);
void do_listen(struct worker *k);
void do_say(struct worker *k);
void do_make_reactor(struct worker *k);
void do_their_reactor(struct worker *k);
void do_hear_object(struct worker *k);
/* Everything that has come is heard. */
void do_hear(struct worker *k);

#endif
