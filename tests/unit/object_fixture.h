/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool whose destructor counts, and may be held, for tests of objects. */
#ifndef TESTS_OBJECT_FIXTURE_H
#define TESTS_OBJECT_FIXTURE_H

#include "tests/unit/member_child.h"

#include <fusion/fusion.h>
#include <fusion/object_methods.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/objects/object_duty.h"
#include "libfusion/refs/ref_watch.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/reaction.h"

struct thing {
	uint64_t number;
	struct fusion_object *next;
};
FUSION_OBJECT_METHODS(struct thing, thing)

/* Options of a pool, with the members that are given. */
#define POOL_OPTIONS(...)                                          \
	(&(const struct fusion_object_pool_options){               \
		.size = sizeof(struct fusion_object_pool_options), \
		__VA_ARGS__})

/* In shared memory: each member counts there. */
struct tally {
	uint32_t ended;	  /* destructors begun, atomic, futex */
	uint32_t zombies; /* atomic */
	uint32_t hold;	  /* atomic, futex: destructors wait while it is 1 */
	uint32_t gone;	  /* destructors done, atomic, futex */
	uint64_t sum;	  /* of the numbers, atomic */
	struct fusion_object *slot[4];
};

static struct fusion_arena *arena;
static struct fusion_object_pool *pool;
static struct tally *tally;

static inline void bump(uint32_t *n)
{
	add_release(n, 1);
	futex_wake(n, 64);
}

static inline void await(const uint32_t *n, uint32_t want)
{
	uint32_t seen;

	while ((seen = load_acquire(n)) < want)
		futex_wait(n, seen, -1);
	assert_int_equal(seen, want);
}

static inline void hold(uint32_t is)
{
	store_release(&tally->hold, is);
	futex_wake(&tally->hold, 64);
}

static inline void destructor(struct fusion_object *o, bool zombie, void *ctx)
{
	const struct thing *t = fusion_object_data(o);

	(void)ctx;
	if (zombie)
		add_relaxed(&tally->zombies, 1);
	add_relaxed(&tally->sum, t->number);
	bump(&tally->ended);
	while (load_acquire(&tally->hold) == 1)
		futex_wait(&tally->hold, 1, -1);
	bump(&tally->gone);
}

/* Runs on the dispatcher: whatever was posted before is done. */
static inline void bump_it(void *ctx)
{
	bump(ctx);
}

static inline size_t size_of_pool(void)
{
	uint64_t n;

	assert_int_equal(fusion_object_pool_count(pool, &n), 0);
	return n;
}

/* Destroyed things are freed behind their destructor. */
static inline void await_size(size_t want)
{
	while (size_of_pool() != want)
		sched_yield();
}

static inline struct fusion_object *active(uint64_t number)
{
	struct fusion_object *o;

	assert_int_equal(fusion_object_create(pool, &o), 0);
	((struct thing *)fusion_object_data(o))->number = number;
	assert_int_equal(fusion_object_activate(o), 0);
	return o;
}

static inline struct fusion_object_stat stat_of(struct fusion_object *o)
{
	struct fusion_object_stat s;

	assert_int_equal(fusion_object_stat(o, &s, sizeof(s)), 0);
	return s;
}

static inline int fixture_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(16ull << 20, 0));
	tally = fusion_calloc(arena, 1, sizeof(*tally));
	assert_non_null(tally);
	return fusion_object_pool_create(
		arena, "things",
		POOL_OPTIONS(.object_size = sizeof(struct thing),
			     .destructor = destructor),
		&pool);
}

static inline int fixture_down(void **state)
{
	(void)state;
	watch_stop(arena);
	duty_stop(arena);
	dispatch_stop(arena);
	reactor_stop(arena);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

#define object_test(name) \
	cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

#endif
