/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference counters
 *
 * One member and its threads, under ThreadSanitizer too; test_ref_death.c has
 * the processes that are killed.
 */
#include "tests/unit/heap_member.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_lens.h"
#include "libfusion/core/refs/ref_pass.h"
#include "libfusion/refs/ref_watch.h"
#include "libfusion/talk/dispatch.h"

#define THREADS 4
#define ROUNDS 20000

static struct fusion_arena *arena;
static struct fusion_ref *ref;

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(16ull << 20, 0));
	return fusion_ref_create(arena, "ref", NULL, &ref);
}

static int tear_down(void **state)
{
	(void)state;
	watch_stop(arena);
	dispatch_stop(arena);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static struct fusion_ref_stat stat_of(struct fusion_ref *r)
{
	struct fusion_ref_stat s;

	assert_int_equal(fusion_ref_stat(r, &s, sizeof(s)), 0);
	return s;
}

static void assert_counts(struct fusion_ref *r, uint64_t total, uint64_t falls)
{
	struct fusion_ref_stat s = stat_of(r);

	assert_int_equal(s.total, total);
	assert_int_equal(s.falls, falls);
}

static struct fusion_ref *make(const char *name)
{
	struct fusion_ref *r;

	assert_int_equal(fusion_ref_create(arena, name, NULL, &r), 0);
	return r;
}

static void run(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	assert_int_equal(pthread_create(thread, NULL, fn, arg), 0);
}

static intptr_t join(pthread_t thread)
{
	void *r;

	assert_int_equal(pthread_join(thread, &r), 0);
	return (intptr_t)r;
}

/* --- Counting --------------------------------------------------------------
 */

static void test_local(void **state)
{
	(void)state;
	assert_counts(ref, 0, 0);
	assert_int_equal(fusion_ref_down(ref), -EPERM);
	for (unsigned i = 1; i <= 5; i++) {
		assert_int_equal(fusion_ref_up(ref), 0);
		assert_counts(ref, i, 0);
	}
	assert_int_equal(stat_of(ref).local, 5);
	assert_int_equal(stat_of(ref).members, 1);
	for (unsigned i = 5; i-- > 0;) {
		assert_int_equal(fusion_ref_down(ref), 0);
		assert_counts(ref, i, i == 0);
	}
	assert_int_equal(fusion_ref_down(ref), -EPERM);
	assert_int_equal(stat_of(ref).members, 0);
	/* Again and again. */
	for (unsigned i = 2; i < 10; i++) {
		assert_int_equal(fusion_ref_up(ref), 0);
		assert_int_equal(fusion_ref_down(ref), 0);
		assert_counts(ref, 0, i);
	}
}

static void test_global(void **state)
{
	(void)state;
	assert_int_equal(fusion_ref_down_global(ref), -EPERM);
	assert_int_equal(fusion_ref_up_global(ref), 0);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_counts(ref, 2, 0);
	assert_int_equal(stat_of(ref).global, 1);
	/* One kind is not the other. */
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_int_equal(fusion_ref_down(ref), -EPERM);
	assert_counts(ref, 1, 0);
	assert_int_equal(fusion_ref_down_global(ref), 0);
	assert_counts(ref, 0, 1);
}

static void test_names(void **state)
{
	struct fusion_ref *r, *t;
	char name[80];

	(void)state;
	assert_int_equal(fusion_ref_create(arena, "ref", NULL, &r), -EEXIST);
	assert_int_equal(fusion_ref_create(arena, "a/b", NULL, &r), -EINVAL);
	assert_int_equal(fusion_ref_create(arena, "x", NULL, NULL), -EINVAL);
	assert_int_equal(fusion_ref_lookup(arena, "none", &r), -ENOENT);
	assert_int_equal(fusion_ref_lookup(arena, "ref", &r), 0);
	assert_ptr_equal(r, ref);
	r = make(NULL);
	snprintf(name, sizeof(name), "#%u",
		 ((struct ref *)handle_entry(r))->e.id);
	assert_int_equal(fusion_ref_lookup(arena, name, &t), 0);
	assert_ptr_equal(r, t);
}

static void test_open(void **state)
{
	struct fusion_ref *r = NULL, *t;
	char name[80];

	(void)state;
	assert_int_equal(fusion_ref_open(arena, "ref", NULL, &r), 0);
	assert_ptr_equal(r, ref);
	assert_int_equal(fusion_ref_open(arena, "new", NULL, &r), 0);
	assert_int_equal(fusion_ref_lookup(arena, "new", &t), 0);
	assert_ptr_equal(r, t);
	assert_int_equal(fusion_ref_destroy(r), 0);
	assert_int_equal(fusion_ref_open(arena, "new", NULL, &t), 0);
	assert_counts(t, 0, 0);
	r = make(NULL);
	snprintf(name, sizeof(name), "#%u", fusion_ref_id(r));
	assert_int_equal(fusion_ref_open(arena, name, NULL, &t), 0);
	assert_ptr_equal(r, t);
	t = NULL;
	assert_int_equal(fusion_ref_open(arena, "#4000000", NULL, &t), -EINVAL);
	assert_int_equal(fusion_ref_open(arena, NULL, NULL, &t), -EINVAL);
	assert_int_equal(fusion_ref_open(arena, "a/b", NULL, &t), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "ref 'a/b'"));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(fusion_ref_open(arena, name, NULL, &t), -ENAMETOOLONG);
	assert_int_equal(fusion_ref_open(NULL, "x", NULL, &t), -EINVAL);
	assert_int_equal(fusion_ref_open(arena, "x", NULL, NULL), -EINVAL);
	assert_null(t);
}

static void *open_and_destroy(void *unused)
{
	struct fusion_ref *r;
	intptr_t e = 0;

	(void)unused;
	for (int i = 0; i < 2000 && !e; i++) {
		e = fusion_ref_open(arena, "common", NULL, &r);
		if (!e && i % 3 == 0)
			fusion_ref_destroy(r);
	}
	return (void *)e;
}

/* Between a look that finds nothing and the creation, another one creates it;
 * and destroys it before the next look. */
static void test_many_open_at_once(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		run(&threads[i], open_and_destroy, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(threads[i]), 0);
}

static void test_options(void **state)
{
	struct {
		struct fusion_ref_options now;
		uint64_t later;
	} o = {FUSION_REF_OPTIONS_INIT, 0};
	struct fusion_ref *r = NULL;

	(void)state;
	assert_int_equal(fusion_ref_create(arena, "a", &o.now, &r), 0);
	o.now.size = sizeof(o);
	assert_int_equal(fusion_ref_create(arena, "b", &o.now, &r), 0);
	r = NULL;
	o.later = 1;
	assert_int_equal(fusion_ref_create(arena, "c", &o.now, &r), -E2BIG);
	assert_int_equal(fusion_ref_open(arena, "a", &o.now, &r), -E2BIG);
	o.now.size = sizeof(o.now.size);
	assert_int_equal(fusion_ref_create(arena, "c", &o.now, &r), -EINVAL);
	o.now = (struct fusion_ref_options)FUSION_REF_OPTIONS_INIT;
	o.now.flags = 1;
	assert_int_equal(fusion_ref_create(arena, "c", &o.now, &r), -EINVAL);
	assert_int_equal(fusion_ref_open(arena, "a", &o.now, &r), -EINVAL);
	o.now.flags = 0;
	o.now.reserved = 1;
	assert_int_equal(fusion_ref_create(arena, "c", &o.now, &r), -EINVAL);
	assert_null(r);
	assert_int_equal(fusion_ref_lookup(arena, "c", &r), -ENOENT);
}

static void test_ids(void **state)
{
	struct fusion_ref *r = NULL, *other = make(NULL);
	fusion_id_t id = fusion_ref_id(ref);

	(void)state;
	assert_int_not_equal(id, 0);
	assert_int_not_equal(id, fusion_ref_id(other));
	assert_int_equal(fusion_ref_get(arena, id, &r), 0);
	assert_ptr_equal(r, ref);
	assert_int_equal(fusion_ref_get(arena, fusion_ref_id(other), &r), 0);
	assert_ptr_equal(r, other);
	id = fusion_ref_id(other);
	assert_int_equal(fusion_ref_destroy(other), 0);
	assert_int_equal(fusion_ref_id(other), 0);
	assert_int_equal(fusion_ref_id(NULL), 0);
	assert_int_equal(fusion_ref_id((struct fusion_ref *)&arena), 0);
	r = NULL;
	assert_int_equal(fusion_ref_get(arena, id, &r), -ENOENT);
	assert_int_equal(fusion_ref_get(arena, 0, &r), -EINVAL);
	assert_int_equal(fusion_ref_get(NULL, id, &r), -EINVAL);
	assert_int_equal(fusion_ref_get(arena, id, NULL), -EINVAL);
	assert_null(r);
}

/* Of a program that was built with another version. */
static void test_stat_of_another_size(void **state)
{
	struct {
		struct fusion_ref_stat now;
		uint64_t later;
	} s;

	(void)state;
	memset(&s, 1, sizeof(s));
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_stat(ref, &s.now, sizeof(s)), 0);
	assert_int_equal(s.now.total, 1);
	assert_int_equal(s.later, 0);
	memset(&s, 1, sizeof(s));
	assert_int_equal(
		fusion_ref_stat(ref, &s.now,
				offsetof(struct fusion_ref_stat, global)),
		0);
	assert_int_equal(s.now.id, fusion_ref_id(ref));
	assert_int_equal(s.now.total, 1);
	assert_int_equal(s.now.global, 0x0101010101010101ull);
	assert_int_equal(fusion_ref_down(ref), 0);
}

static void on_fall(struct fusion_ref *r, void *ctx)
{
	(void)r;
	add_release((uint32_t *)ctx, 1);
	futex_wake(ctx, 1);
}

static void test_no_ref(void **state)
{
	struct fusion_ref_stat s;
	struct fusion_skirmish *skirmish;
	struct fusion_ref *wrong[] = {
		NULL,
		(struct fusion_ref *)&arena,
		(struct fusion_ref *)((char *)ref + 64 * ENTRY_SIZE),
		NULL,
	};

	(void)state;
	assert_int_equal(fusion_skirmish_create(arena, NULL, NULL, &skirmish),
			 0);
	wrong[3] = (struct fusion_ref *)skirmish;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(fusion_ref_up(wrong[i]), -EINVAL);
		assert_int_equal(fusion_ref_down(wrong[i]), -EINVAL);
		assert_int_equal(fusion_ref_destroy(wrong[i]),
				 wrong[i] ? -EINVAL : 0);
		assert_int_equal(fusion_ref_stat(wrong[i], &s, sizeof(s)),
				 -EINVAL);
		assert_non_null(
			strstr(fusion_strerror(-EINVAL), "is no ref of"));
		assert_int_equal(fusion_ref_inherit(ref, wrong[i]), -EINVAL);
		assert_non_null(
			strstr(fusion_strerror(-EINVAL), "to inherit from"));
		assert_int_equal(
			fusion_ref_watch(wrong[i], on_fall, NULL, NULL, NULL),
			-EINVAL);
	}
	assert_int_equal(fusion_ref_stat(ref, &s, 0), -EINVAL);
	assert_int_equal(fusion_ref_stat(ref, NULL, sizeof(s)), -EINVAL);
}

static void test_destroyed(void **state)
{
	struct fusion_ref *other;

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_destroy(ref), 0);
	assert_int_equal(fusion_ref_destroy(ref), -EIDRM);
	assert_int_equal(fusion_ref_up(ref), -EIDRM);
	assert_int_equal(fusion_ref_down(ref), -EIDRM);
	assert_int_equal(fusion_ref_up_global(ref), -EIDRM);
	assert_int_equal(fusion_ref_catch(ref), -EIDRM);
	/* In its place: nothing of what was counted there. */
	other = make("other");
	assert_ptr_equal(handle_entry(other), handle_entry(ref));
	assert_counts(other, 0, 0);
	assert_int_equal(fusion_ref_down(other), -EPERM);
	assert_int_equal(fusion_ref_up(other), 0);
	assert_counts(other, 1, 0);
}

static void test_overflow(void **state)
{
	struct ref_row *row;

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	row = row_at(&arena->view,
		     ((struct ref *)handle_entry(ref))->first_row - 1);
	row->word += ROW_COUNT_MAX - 2;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up(ref), -EOVERFLOW);
	assert_int_equal(stat_of(ref).local, ROW_COUNT_MAX);
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_int_equal(stat_of(ref).total, ROW_COUNT_MAX - 1);
}

/* --- At zero ---------------------------------------------------------------
 */

static void test_zero_trylock(void **state)
{
	(void)state;
	assert_int_equal(fusion_ref_unlock(ref), -EPERM);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_zero_trylock(ref), -EBUSY);
	assert_int_equal(fusion_ref_zero_lock(ref, 0, 0), -ETIMEDOUT);
	assert_int_equal(fusion_ref_zero_lock(ref, -2, 0), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "time-out is -2"));
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_int_equal(fusion_ref_zero_trylock(ref), 0);
	assert_int_equal(stat_of(ref).locker, arena->id);
	assert_int_equal(fusion_ref_zero_trylock(ref), -EBUSY);
	assert_int_equal(fusion_ref_up(ref), -EBUSY);
	assert_int_equal(fusion_ref_down(ref), -EBUSY);
	assert_int_equal(fusion_ref_up_global(ref), -EBUSY);
	assert_int_equal(fusion_ref_down_global(ref), -EBUSY);
	assert_int_equal(fusion_ref_throw(ref, arena->id), -EBUSY);
	assert_counts(ref, 0, 1);
	assert_int_equal(fusion_ref_unlock(ref), 0);
	assert_int_equal(fusion_ref_unlock(ref), -EPERM);
	assert_int_equal(fusion_ref_up(ref), 0);
}

static void *lock_at_zero(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_ref_zero_lock(ref, FUSION_FOREVER, 0);
}

static void await_sleeper(void)
{
	while (!load_acquire(&((struct ref *)handle_entry(ref))->sleepers))
		sched_yield();
}

static void test_zero_lock_waits(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	run(&t, lock_at_zero, NULL);
	await_sleeper();
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_int_equal(join(t), 0);
	assert_int_equal(fusion_ref_up(ref), -EBUSY);
	/* And for the one who has locked it. */
	run(&t, lock_at_zero, NULL);
	await_sleeper();
	assert_int_equal(fusion_ref_unlock(ref), 0);
	assert_int_equal(join(t), 0);
	assert_int_equal(fusion_ref_unlock(ref), 0);
}

static void test_zero_lock_of_destroyed(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	run(&t, lock_at_zero, NULL);
	await_sleeper();
	assert_int_equal(fusion_ref_destroy(ref), 0);
	assert_int_equal(join(t), -EIDRM);
}

/* --- Watches ---------------------------------------------------------------
 */

static uint32_t fired; /* atomic, futex */

static void await(const uint32_t *n, uint32_t want)
{
	uint32_t seen;

	while ((seen = load_acquire(n)) < want)
		futex_wait(n, seen, -1);
	assert_int_equal(seen, want);
}

static struct fusion_slot *watching;

static void test_watch(void **state)
{
	uint32_t later = 0;

	(void)state;
	fired = 0;
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL),
			 -EINVAL);
	assert_int_equal(fusion_ref_watch(ref, NULL, NULL, NULL, NULL),
			 -EINVAL);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(
		fusion_ref_watch(ref, on_fall, &fired, NULL, &watching), 0);
	assert_int_equal(stat_of(ref).watcher, arena->id);
	/* It stays. */
	for (uint32_t i = 1; i <= 100; i++) {
		assert_int_equal(fusion_ref_down(ref), 0);
		if (i % 10 == 0)
			await(&fired, i);
		assert_int_equal(fusion_ref_up_global(ref), 0);
		assert_int_equal(fusion_ref_up(ref), 0);
		assert_int_equal(fusion_ref_down_global(ref), 0);
	}
	assert_counts(ref, 1, 100);
	assert_int_equal(fusion_slot_cancel(watching), 0);
	assert_int_equal(stat_of(ref).watcher, 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	/* Falls of before are not told. */
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_watch(ref, on_fall, &later, NULL, NULL), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	await(&later, 1);
	assert_int_equal(fired, 100);
}

static void destroy_it(struct fusion_ref *r, void *ctx)
{
	int rc = fusion_ref_zero_trylock(r);

	if (rc == 0)
		rc = fusion_ref_destroy(r);
	if (rc == 0)
		on_fall(r, ctx);
}

static void stop_it(struct fusion_ref *r, void *ctx)
{
	if (fusion_slot_cancel(watching) == 0)
		on_fall(r, ctx);
}

static void test_watch_ends_itself(void **state)
{
	struct fusion_ref *other;

	(void)state;
	fired = 0;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(
		fusion_ref_watch(ref, stop_it, &fired, NULL, &watching), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	await(&fired, 1);
	/* When the function has returned. */
	while (stat_of(ref).watcher)
		sched_yield();
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_watch(ref, destroy_it, &fired, NULL, NULL),
			 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	await(&fired, 2);
	/* Another one in its place has no watch. */
	other = make("other");
	assert_ptr_equal(handle_entry(other), handle_entry(ref));
	assert_int_equal(fusion_ref_up(other), 0);
	assert_int_equal(fusion_ref_watch(other, on_fall, &fired, NULL, NULL),
			 0);
	assert_int_equal(fusion_ref_down(other), 0);
	await(&fired, 3);
}

static uint32_t in_fn, let_go, stopping;

static void take_long(struct fusion_ref *r, void *ctx)
{
	(void)r;
	store_release(&in_fn, 1);
	futex_wake(&in_fn, 1);
	while (!load_acquire(&let_go))
		futex_wait(&let_go, 0, -1);
	store_release((uint32_t *)ctx, 1);
}

static void *stop_watch(void *arg)
{
	intptr_t r;

	store_release(&stopping, 1);
	r = fusion_slot_cancel(watching);
	/* When it returns the function has ended. */
	return (void *)(r ? r : !load_acquire((uint32_t *)arg));
}

static void test_stop_waits_for_the_function(void **state)
{
	uint32_t ended = 0;
	pthread_t t;

	(void)state;
	in_fn = let_go = stopping = 0;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(
		fusion_ref_watch(ref, take_long, &ended, NULL, &watching), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	await(&in_fn, 1);
	run(&t, stop_watch, &ended);
	/* It may be waiting, or be about to; it must not come out of it. */
	while (!load_acquire(&stopping))
		sched_yield();
	for (int i = 0; i < 100; i++)
		sched_yield();
	store_release(&let_go, 1);
	futex_wake(&let_go, 1);
	assert_int_equal(join(t), 0);
}

static pthread_t told_by;
static unsigned n_told;

static void note_thread(struct fusion_ref *r, void *ctx)
{
	told_by = pthread_self();
	n_told++;
	*(bool *)ctx = dispatch_is_mine(arena_of(r));
}

static void fall(struct fusion_ref *r)
{
	assert_int_equal(fusion_ref_up(r), 0);
	assert_int_equal(fusion_ref_down(r), 0);
}

static void await_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, -1), 1);
}

static void test_watch_is_told_where_the_program_dispatches(void **state)
{
	struct fusion_ref *other = make("other");
	bool has_turn = false;
	int fd;

	(void)state;
	n_told = 0;
	image_dispatches(arena);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up(other), 0);
	assert_int_equal(
		fusion_ref_watch(ref, note_thread, &has_turn, NULL, NULL), 0);
	assert_int_equal(fusion_ref_watch(other, note_thread, &has_turn, NULL,
					  &watching),
			 0);
	fd = fusion_arena_fd(arena);
	assert_true(fd >= 0);
	while (fusion_arena_dispatch(arena, 0, 0) > 0)
		;
	assert_int_equal(fusion_ref_down(ref), 0);
	await_readable(fd);
	assert_int_equal(n_told, 0);
	assert_int_equal(fusion_arena_dispatch(arena, FUSION_FOREVER,
					       FUSION_WAIT_INTERRUPTIBLE),
			 1);
	assert_int_equal(n_told, 1);
	assert_true(pthread_equal(told_by, pthread_self()));
	assert_true(has_turn);
	/* What is stopped before it is dispatched is never told. */
	assert_int_equal(fusion_ref_down(other), 0);
	await_readable(fd);
	assert_int_equal(fusion_slot_cancel(watching), 0);
	fall(ref);
	while (n_told < 2)
		assert_true(fusion_arena_dispatch(arena, FUSION_FOREVER,
						  FUSION_WAIT_INTERRUPTIBLE) >=
			    0);
	assert_int_equal(n_told, 2);
	/* And not at the end either. */
	fall(ref);
	await_readable(fd);
	watch_stop(arena);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(n_told, 2);
}

static char order[16];
static unsigned n_destroyed;

static void append(struct fusion_ref *r, void *ctx)
{
	(void)r;
	strcat(order, ctx);
}

static void count_destroy(void *ctx)
{
	(void)ctx;
	n_destroyed++;
}

static void dispatch_until(size_t n)
{
	while (strlen(order) < n)
		assert_true(fusion_arena_dispatch(arena, FUSION_FOREVER,
						  FUSION_WAIT_INTERRUPTIBLE) >=
			    0);
}

static void test_watch_has_functions_in_order(void **state)
{
	struct fusion_slot *a, *b;

	(void)state;
	order[0] = 0;
	n_destroyed = 0;
	image_dispatches(arena);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_watch(ref, append, "a", count_destroy, &a),
			 0);
	assert_int_equal(fusion_ref_watch(ref, append, "b", count_destroy, &b),
			 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	/* Too late for that fall; and the total need not be above 0. */
	assert_int_equal(
		fusion_ref_watch(ref, append, "c", count_destroy, NULL), 0);
	dispatch_until(2);
	assert_string_equal(order, "ab");
	assert_int_equal(fusion_slot_cancel(a), 0);
	assert_int_equal(n_destroyed, 1);
	assert_int_equal(stat_of(ref).watcher, arena->id);
	fall(ref);
	dispatch_until(4);
	assert_string_equal(order, "abbc");
	/* The reference takes its subscriptions with it. */
	assert_int_equal(fusion_ref_destroy(ref), 0);
	while (n_destroyed < 3) {
		assert_true(fusion_arena_dispatch(arena, 0, 0) >= 0);
		sched_yield();
	}
	assert_int_equal(fusion_slot_cancel(b), -EINVAL);
}

static void test_last_cancel_lets_others_watch(void **state)
{
	struct fusion_slot *a, *b;

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_watch(ref, append, "a", NULL, &a), 0);
	assert_int_equal(fusion_ref_watch(ref, append, "b", NULL, &b), 0);
	assert_int_equal(fusion_slot_cancel(b), 0);
	assert_int_equal(stat_of(ref).watcher, arena->id);
	assert_int_equal(fusion_slot_cancel(a), 0);
	assert_int_equal(stat_of(ref).watcher, 0);
}

static void *watch_and_cancel(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		struct fusion_slot *s;
		intptr_t r = fusion_ref_watch(ref, on_fall, arg, NULL, &s);

		if (r == 0)
			r = fusion_slot_cancel(s);
		if (r)
			return (void *)r;
	}
	return NULL;
}

static void test_threads_watch_and_cancel(void **state)
{
	pthread_t t[4];

	(void)state;
	fired = 0;
	assert_int_equal(fusion_ref_up_global(ref), 0);
	for (int i = 0; i < 4; i++)
		run(&t[i], watch_and_cancel, &fired);
	for (int i = 0; i < 4; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(stat_of(ref).watcher, 0);
	assert_int_equal(fired, 0);
}

/* --- Inheritance -----------------------------------------------------------
 */

static void test_inherit(void **state)
{
	struct fusion_ref *a = make("a"), *b = make("b"), *c = make("c");

	(void)state;
	assert_int_equal(fusion_ref_up(a), 0);
	assert_int_equal(fusion_ref_inherit(b, a), 0);
	assert_int_equal(fusion_ref_inherit(b, c), -EEXIST);
	assert_int_equal(fusion_ref_inherit(c, b), 0);
	assert_int_equal(fusion_ref_inherit(a, c), -ELOOP);
	assert_int_equal(fusion_ref_inherit(a, a), -ELOOP);
	assert_counts(b, 1, 0);
	assert_counts(c, 1, 0);
	assert_int_equal(stat_of(c).inherited, 1);
	assert_int_equal(fusion_ref_up(a), 0);
	assert_int_equal(fusion_ref_up(b), 0);
	assert_int_equal(fusion_ref_up_global(a), 0);
	assert_counts(a, 3, 0);
	assert_counts(b, 3, 0);
	assert_counts(c, 3, 0);
	assert_int_equal(fusion_ref_down(b), 0);
	assert_int_equal(fusion_ref_down(a), 0);
	assert_int_equal(fusion_ref_down(a), 0);
	/* Its global count is not theirs. */
	assert_counts(a, 1, 0);
	assert_counts(b, 0, 1);
	assert_counts(c, 0, 1);
	assert_int_equal(fusion_ref_up(b), 0);
	assert_counts(c, 1, 1);
	assert_int_equal(fusion_ref_down(b), 0);
	assert_counts(b, 0, 2);
	assert_counts(c, 0, 2);
}

static void test_inherit_from_destroyed(void **state)
{
	struct fusion_ref *a = make("a"), *b = make("b"), *c = make("c"), *d;

	(void)state;
	fired = 0;
	assert_int_equal(fusion_ref_inherit(b, a), 0);
	assert_int_equal(fusion_ref_inherit(ref, a), 0);
	assert_int_equal(fusion_ref_inherit(c, b), 0);
	assert_int_equal(fusion_ref_up(a), 0);
	assert_int_equal(fusion_ref_up_global(ref), 0);
	assert_int_equal(fusion_ref_watch(c, on_fall, &fired, NULL, NULL), 0);
	assert_int_equal(fusion_ref_destroy(a), 0);
	await(&fired, 1);
	assert_counts(b, 0, 1);
	assert_counts(c, 0, 1);
	assert_counts(ref, 1, 0);
	/* What comes in its place has no heirs. */
	d = make("d");
	assert_ptr_equal(handle_entry(d), handle_entry(a));
	assert_int_equal(fusion_ref_up(d), 0);
	assert_counts(b, 0, 1);
	/* They may inherit again; one in the middle of the list goes. */
	assert_int_equal(fusion_ref_inherit(b, d), 0);
	assert_int_equal(fusion_ref_inherit(ref, d), 0);
	assert_counts(c, 1, 1);
	assert_int_equal(fusion_ref_destroy(b), 0);
	assert_counts(c, 0, 2);
	assert_counts(ref, 2, 0);
	assert_int_equal(fusion_ref_down(d), 0);
	assert_counts(ref, 1, 0);
}

static void test_inherit_of_locked(void **state)
{
	struct fusion_ref *a = make("a");

	(void)state;
	assert_int_equal(fusion_ref_zero_trylock(ref), 0);
	assert_int_equal(fusion_ref_inherit(ref, a), -EBUSY);
	assert_int_equal(fusion_ref_unlock(ref), 0);
	assert_int_equal(fusion_ref_inherit(ref, a), 0);
	assert_int_equal(fusion_ref_up(a), 0);
	assert_int_equal(fusion_ref_zero_trylock(ref), -EBUSY);
	assert_int_equal(fusion_ref_down(a), 0);
	assert_int_equal(fusion_ref_zero_trylock(ref), 0);
	assert_int_equal(fusion_ref_unlock(ref), 0);
}

/* --- Throwing --------------------------------------------------------------
 */

static void test_throw_to_myself(void **state)
{
	(void)state;
	assert_int_equal(fusion_ref_throw(ref, 4711), -ESRCH);
	assert_int_equal(fusion_ref_throw(ref, arena->id), -EPERM);
	assert_int_equal(fusion_ref_catch(ref), -ENODATA);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_throw(ref, arena->id), 0);
	assert_counts(ref, 1, 0);
	assert_int_equal(stat_of(ref).local, 0);
	assert_int_equal(stat_of(ref).pending, 1);
	assert_int_equal(fusion_ref_down(ref), -EPERM);
	assert_int_equal(fusion_ref_zero_trylock(ref), -EBUSY);
	assert_int_equal(fusion_ref_catch(ref), 0);
	assert_int_equal(fusion_ref_catch(ref), -ENODATA);
	assert_int_equal(stat_of(ref).local, 1);
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_counts(ref, 0, 1);
}

/* --- Threads ---------------------------------------------------------------
 */

static void *up_and_down(void *arg)
{
	struct fusion_ref *r = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (fusion_ref_up(r) < 0)
			return (void *)1;
		if (i % 3 == 0 && (fusion_ref_throw(r, arena->id) < 0 ||
				   fusion_ref_catch(r) < 0))
			return (void *)2;
		if (fusion_ref_down(r) < 0)
			return (void *)3;
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct fusion_ref *heir = make("heir");
	pthread_t t[THREADS];

	(void)state;
	fired = 0;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	for (int i = 0; i < THREADS; i++)
		run(&t[i], up_and_down, ref);
	assert_int_equal(fusion_ref_inherit(heir, ref), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(stat_of(ref).total, 0);
	assert_int_equal(stat_of(heir).total, 0);
	/* Each fall is told of, once. */
	await(&fired, (uint32_t)stat_of(ref).falls);
}

/* A row is not counted on after the last one is gone: whoever brings it down
 * to 0 sees what the others wrote. */
static uint64_t data[THREADS];

static void *write_and_down(void *arg)
{
	data[(intptr_t)arg] = 1;
	return (void *)(intptr_t)fusion_ref_down(ref);
}

static void test_release(void **state)
{
	pthread_t t[THREADS];

	(void)state;
	for (int round = 0; round < 50; round++) {
		memset(data, 0, sizeof(data));
		for (intptr_t i = 0; i < THREADS; i++)
			assert_int_equal(fusion_ref_up(ref), 0);
		for (intptr_t i = 0; i < THREADS; i++)
			run(&t[i], write_and_down, (void *)i);
		assert_int_equal(fusion_ref_zero_lock(ref, FUSION_FOREVER, 0),
				 0);
		for (intptr_t i = 0; i < THREADS; i++)
			assert_int_equal(data[i], 1);
		for (intptr_t i = 0; i < THREADS; i++)
			assert_int_equal(join(t[i]), 0);
		assert_int_equal(fusion_ref_unlock(ref), 0);
	}
}

static void *make_and_destroy(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 10; i++) {
		struct fusion_ref *r;

		if (fusion_ref_create(arena, NULL, NULL, &r) < 0)
			return (void *)1;
		if (fusion_ref_up(r) < 0 || fusion_ref_up(r) < 0)
			return (void *)2;
		if (fusion_ref_destroy(r) < 0)
			return (void *)3;
	}
	return NULL;
}

/* Others still use what is destroyed: they get an error and do no harm. */
static void *use_any(void *arg)
{
	struct view *v = &arena->view;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t hi = table_hi(v, KIND_REF);
		struct fusion_ref *r =
			view_entry(v, KIND_REF, (uint32_t)i % hi);

		if (r == ref || fusion_ref_up(r) < 0)
			continue;
		fusion_ref_down(r);
	}
	return NULL;
}

static void test_destroy_while_used(void **state)
{
	pthread_t t[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		run(&t[i], i % 2 ? use_any : make_and_destroy, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(fusion_ref_destroy(ref), 0);
	assert_int_equal(arena->view.sb->rows.n, 0);
}

/* --- Rows ------------------------------------------------------------------
 */

/* Another member, without a process of its own. */
static struct thread_rec *other_member(uint32_t *ret_slot)
{
	struct member_info info = {.pid = getpid(), .role = 2, .comm = "o"};
	uint32_t mine = arena->view.slot;
	struct thread_rec *rec;

	info.start_time = process_start_time(getpid());
	assert_int_equal(life_lock(&arena->view, -1), 0);
	assert_int_equal(member_claim(&arena->view, &info, ret_slot), 0);
	assert_int_equal(member_ready(&arena->view, *ret_slot), 0);
	life_unlock(&arena->view);
	arena->view.slot = *ret_slot;
	assert_int_equal(thread_claim(&arena->view, &rec), 0);
	arena->view.slot = mine;
	return rec;
}

static void depart(uint32_t slot)
{
	assert_int_equal(life_lock(&arena->view, -1), 0);
	assert_true(life_depart(&arena->view, slot, true) >= 0);
	life_unlock(&arena->view);
}

static void test_rows_that_count_nothing_give_way(void **state)
{
	uint32_t slots[6], most = arena->view.geo.max_rows;
	struct view *v = &arena->view;
	struct fusion_ref *refs[1000];

	(void)state;
	for (int i = 0; i < 1000; i++)
		refs[i] = make(NULL);
	for (int m = 0; m < 6; m++) {
		struct thread_rec *rec = other_member(&slots[m]);

		for (int i = 0; i < 1000; i++) {
			assert_int_equal(
				ref_up(v, rec, handle_entry(refs[i]), NULL), 0);
			/* The first one keeps what it has. */
			if (m)
				assert_int_equal(ref_down(v, rec,
							  handle_entry(refs[i]),
							  NULL),
						 0);
		}
	}
	assert_true(v->sb->rows.n <= most && v->sb->rows.n > most / 2);
	for (int i = 0; i < 1000; i++)
		assert_counts(refs[i], 1, 0);
	depart(slots[0]);
	for (int i = 0; i < 1000; i++)
		assert_counts(refs[i], 0, 1);
	for (int m = 1; m < 6; m++)
		depart(slots[m]);
	assert_int_equal(v->sb->rows.n, 0);
}

static void test_rows_run_out(void **state)
{
	uint32_t slots[5], n = 0, most = arena->view.geo.max_rows;
	struct view *v = &arena->view;
	struct fusion_ref *refs[1000];
	int r = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		refs[i] = make(NULL);
	for (int m = 0; m < 5; m++) {
		struct thread_rec *rec = other_member(&slots[m]);

		for (int i = 0; i < 1000 && !r; i++) {
			r = ref_up(v, rec, handle_entry(refs[i]), NULL);
			n += !r;
		}
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n, most);
	assert_int_equal(fusion_ref_up(refs[0]), -ENOSPC);
	/* What is counted already can be counted on. */
	assert_int_equal(fusion_ref_up_global(refs[0]), 0);
	depart(slots[0]);
	assert_int_equal(fusion_ref_up(refs[0]), 0);
	for (int m = 1; m < 5; m++)
		depart(slots[m]);
}

static void test_thrown_to_who_departs(void **state)
{
	struct thread_rec *rec;
	uint32_t slot, id;

	(void)state;
	rec = other_member(&slot);
	id = view_member(&arena->view, slot)->id;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_throw(ref, id), 0);
	assert_int_equal(fusion_ref_throw(ref, id), 0);
	assert_int_equal(stat_of(ref).local, 0);
	assert_int_equal(stat_of(ref).members, 1);
	assert_int_equal(ref_catch(&arena->view, rec, handle_entry(ref)), 0);
	assert_counts(ref, 2, 0);
	depart(slot);
	assert_counts(ref, 0, 1);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_throw(ref, id), -ESRCH);
	assert_counts(ref, 1, 1);
}

static void test_lens(void **state)
{
	struct view *v = &arena->view;
	uint32_t slot, i = ref_index(v, handle_entry(ref));
	struct thread_rec *rec = other_member(&slot);
	struct ref_share shares[4];
	struct ref_sum sum;
	struct entry e;

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up_global(ref), 0);
	assert_int_equal(ref_up(v, rec, handle_entry(ref), NULL), 0);
	assert_int_equal(fusion_ref_throw(ref, view_member(v, slot)->id), 0);
	assert_int_equal(ref_copy(v, i, &e, &sum), 0);
	assert_string_equal(e.name, "ref");
	assert_int_equal(sum.total, 4);
	assert_int_equal(sum.global, 1);
	assert_int_equal(sum.members, 2);
	assert_int_equal(ref_shares(v, i, shares, 0), 2);
	assert_int_equal(ref_shares(v, i, shares, 4), 2);
	assert_int_equal(shares[0].member, view_member(v, slot)->id);
	assert_int_equal(shares[0].local, 1);
	assert_int_equal(shares[0].pending, 1);
	assert_int_equal(shares[1].member, arena->id);
	assert_int_equal(shares[1].local, 1);
	/* A ring, as only a madman makes one, is walked once. */
	row_at(v, 0)->next = 1;
	assert_true(ref_shares(v, i, shares, 4) >= 1);
	row_at(v, 0)->next = 0;
	assert_int_equal(fusion_ref_destroy(ref), 0);
	assert_int_equal(ref_copy(v, i, &e, &sum), -ENOENT);
	assert_int_equal(ref_shares(v, i, shares, 4), -ENOENT);
	depart(slot);
}

int main(void)
{
#define REF_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		REF_TEST(test_local),
		REF_TEST(test_global),
		REF_TEST(test_names),
		REF_TEST(test_open),
		REF_TEST(test_many_open_at_once),
		REF_TEST(test_options),
		REF_TEST(test_ids),
		REF_TEST(test_stat_of_another_size),
		REF_TEST(test_no_ref),
		REF_TEST(test_destroyed),
		REF_TEST(test_overflow),
		REF_TEST(test_zero_trylock),
		REF_TEST(test_zero_lock_waits),
		REF_TEST(test_zero_lock_of_destroyed),
		REF_TEST(test_watch),
		REF_TEST(test_watch_ends_itself),
		REF_TEST(test_stop_waits_for_the_function),
		REF_TEST(test_watch_is_told_where_the_program_dispatches),
		REF_TEST(test_watch_has_functions_in_order),
		REF_TEST(test_last_cancel_lets_others_watch),
		REF_TEST(test_threads_watch_and_cancel),
		REF_TEST(test_inherit),
		REF_TEST(test_inherit_from_destroyed),
		REF_TEST(test_inherit_of_locked),
		REF_TEST(test_throw_to_myself),
		REF_TEST(test_threads),
		REF_TEST(test_release),
		REF_TEST(test_destroy_while_used),
		REF_TEST(test_rows_that_count_nothing_give_way),
		REF_TEST(test_rows_run_out),
		REF_TEST(test_thrown_to_who_departs),
		REF_TEST(test_lens),
	};

	return cmocka_run_group_tests_name("ref", tests, NULL, NULL);
}
