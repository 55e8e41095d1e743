/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Skirmishes
 *
 * Threads stand for members where ThreadSanitizer is to look on; processes
 * where somebody is killed.  Nothing here sleeps to let others come first: who
 * must be waiting is asked for in its record.
 */
#include "tests/unit/heap_member.h"

#include <pthread.h>
#include <sched.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/locks/skirmish_queue.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"

#define THREADS 4
#define ROUNDS 20000
#define NESTED 3

static struct fusion_arena *arena;
static struct fusion_skirmish *lock;
static uint64_t counter, check; /* guarded by lock */

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(64ull << 20, 0));
	counter = check = 0;
	return fusion_skirmish_create(arena, "lock", NULL, &lock);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static struct skirmish *word_of(struct fusion_skirmish *s)
{
	return handle_entry(s);
}

/* For threads and processes of their own, where cmocka cannot fail. */
static void must_prevail(struct fusion_skirmish *skirmish)
{
	if (fusion_skirmish_prevail(skirmish) != 0)
		abort();
}

static void must_wait(struct fusion_skirmish *skirmish)
{
	if (fusion_skirmish_wait(skirmish, FUSION_FOREVER, 0) != 0)
		abort();
}

/* -1: it does not say. */
static int levels_of(struct fusion_skirmish *skirmish)
{
	uint64_t levels;

	return fusion_skirmish_lock_count(skirmish, &levels) ? -1 : (int)levels;
}

/* Until @n threads wait for @s. */
static void await_waiters(struct fusion_skirmish *s, unsigned n)
{
	struct view *v = &arena->view;
	unsigned found;

	do {
		uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

		found = 0;
		for (uint32_t i = 1; i < hi; i++)
			found += load_acquire(&view_thread(v, i)->waits_for) ==
				 skirmish_index(v, word_of(s)) + 1;
		sched_yield();
	} while (found < n);
}

static void *run(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	assert_int_equal(pthread_create(thread, NULL, fn, arg), 0);
	return NULL;
}

static intptr_t join(pthread_t thread)
{
	void *r;

	assert_int_equal(pthread_join(thread, &r), 0);
	return (intptr_t)r;
}

static void *keep_it(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_skirmish_prevail(lock);
}

/* A thread ends with the lock. */
static void leave_dead(void)
{
	pthread_t t;

	run(&t, keep_it, NULL);
	assert_int_equal(join(t), 0);
}

/* --- One thread ------------------------------------------------------------
 */

static void test_levels(void **state)
{
	(void)state;
	assert_int_equal(levels_of(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), -EPERM);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(fusion_skirmish_prevail(lock), 0);
		assert_int_equal(levels_of(lock), i);
	}
	assert_int_equal(fusion_skirmish_swoop(lock), 0);
	for (int i = 3; i >= 0; i--) {
		assert_int_equal(fusion_skirmish_dismiss(lock), 0);
		assert_int_equal(levels_of(lock), i);
	}
	assert_int_equal(fusion_skirmish_dismiss(lock), -EPERM);
	assert_int_equal(word_of(lock)->word, 0);
	assert_int_equal(word_of(lock)->taken, 1);
}

static void test_names(void **state)
{
	const struct fusion_skirmish_options odd = {.size = sizeof(odd),
						    .flags = 0x80};
	struct fusion_skirmish *s, *t;
	char name[80];

	(void)state;
	assert_int_equal(fusion_skirmish_create(arena, "lock", NULL, &s),
			 -EEXIST);
	assert_int_equal(fusion_skirmish_create(arena, "", NULL, &s), -EINVAL);
	assert_int_equal(fusion_skirmish_create(arena, "#1", NULL, &s),
			 -EINVAL);
	assert_int_equal(fusion_skirmish_create(arena, "a/b", NULL, &s),
			 -EINVAL);
	assert_int_equal(fusion_skirmish_create(arena, "x", &odd, &s), -EINVAL);
	assert_int_equal(fusion_skirmish_create(arena, "x", NULL, NULL),
			 -EINVAL);
	memset(name, 'n', 64);
	name[64] = '\0';
	assert_int_equal(fusion_skirmish_create(arena, name, NULL, &s),
			 -ENAMETOOLONG);
	assert_int_equal(fusion_skirmish_lookup(arena, "none", &s), -ENOENT);
	assert_int_equal(fusion_skirmish_lookup(arena, "lock", &s), 0);
	assert_ptr_equal(s, lock);
	assert_int_equal(fusion_skirmish_create(arena, NULL, NULL, &s), 0);
	snprintf(name, sizeof(name), "#%u", word_of(s)->e.id);
	assert_string_equal(word_of(s)->e.name, name);
	assert_int_equal(fusion_skirmish_lookup(arena, name, &t), 0);
	assert_ptr_equal(s, t);
	/* A named one by its number, too. */
	snprintf(name, sizeof(name), "#%u", word_of(lock)->e.id);
	assert_int_equal(fusion_skirmish_lookup(arena, name, &t), 0);
	assert_ptr_equal(lock, t);
	assert_int_equal(fusion_skirmish_lookup(arena, "#0", &t), -EINVAL);
}

static void options_grow_by_one_rule(void **state)
{
	struct {
		struct fusion_skirmish_options o;
		uint64_t later;
	} next = {.o = FUSION_SKIRMISH_OPTIONS_INIT};
	struct fusion_skirmish *s, *before = NULL;

	(void)state;
	assert_int_equal(next.o.size, sizeof(next.o));
	assert_int_equal(fusion_skirmish_create(arena, "a", &next.o, &s), 0);
	next.o.size = sizeof(next);
	assert_int_equal(fusion_skirmish_create(arena, "b", &next.o, &s), 0);
	next.later = 1;
	s = before;
	assert_int_equal(fusion_skirmish_create(arena, "c", &next.o, &s),
			 -E2BIG);
	assert_int_equal(fusion_skirmish_open(arena, "c", &next.o, &s), -E2BIG);
	next.o.size = offsetof(struct fusion_skirmish_options, flags);
	assert_int_equal(fusion_skirmish_create(arena, "c", &next.o, &s),
			 -EINVAL);
	assert_ptr_equal(s, before);
}

static void get_finds_by_id_and_not_a_successor(void **state)
{
	struct fusion_skirmish *s = NULL, *again;
	fusion_id_t id = fusion_skirmish_id(lock);

	(void)state;
	assert_int_equal(id, word_of(lock)->e.id);
	assert_int_equal(fusion_skirmish_get(arena, id, &s), 0);
	assert_ptr_equal(s, lock);
	assert_int_equal(fusion_skirmish_get(arena, 0, &s), -EINVAL);
	assert_int_equal(fusion_skirmish_get(arena, id, NULL), -EINVAL);
	assert_int_equal(fusion_skirmish_get(NULL, id, &s), -EINVAL);
	assert_int_equal(fusion_skirmish_destroy(lock), 0);
	assert_int_equal(fusion_skirmish_id(lock), 0);
	assert_int_equal(fusion_skirmish_get(arena, id, &s), -ENOENT);
	assert_non_null(strstr(fusion_strerror(-ENOENT), "skirmish #"));
	assert_int_equal(fusion_skirmish_create(arena, "lock", NULL, &again),
			 0);
	assert_int_not_equal(fusion_skirmish_id(again), id);
	assert_int_equal(fusion_skirmish_get(arena, id, &s), -ENOENT);
}

static void open_finds_or_creates(void **state)
{
	const struct fusion_skirmish_options o = {
		.size = sizeof(o),
		.flags = FUSION_SKIRMISH_ERRORCHECK,
	};
	struct fusion_skirmish *s = NULL, *t = NULL;
	fusion_id_t id;

	(void)state;
	assert_int_equal(fusion_skirmish_open(arena, "lock", &o, &s), 0);
	assert_ptr_equal(s, lock);
	assert_int_equal(word_of(lock)->flags, 0);
	assert_int_equal(fusion_skirmish_open(arena, "new", &o, &s), 0);
	assert_int_equal(word_of(s)->flags, FUSION_SKIRMISH_ERRORCHECK);
	id = fusion_skirmish_id(s);
	/* Finding takes no ids. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fusion_skirmish_open(arena, "new", NULL, &t),
				 0);
		assert_ptr_equal(s, t);
	}
	assert_int_equal(fusion_skirmish_create(arena, NULL, NULL, &t), 0);
	assert_int_equal(fusion_skirmish_id(t), id + 1);
	t = NULL;
	assert_int_equal(fusion_skirmish_open(arena, NULL, NULL, &t), -EINVAL);
	assert_int_equal(fusion_skirmish_open(arena, "a/b", NULL, &t), -EINVAL);
	assert_int_equal(fusion_skirmish_open(arena, "#77777", NULL, &t),
			 -EINVAL);
	assert_int_equal(fusion_skirmish_open(arena, "x", NULL, NULL), -EINVAL);
	assert_int_equal(fusion_skirmish_open(NULL, "x", NULL, &t), -EINVAL);
	assert_null(t);
}

#define NAMES 200

static void *open_all(void *arg)
{
	struct fusion_skirmish **mine = arg;
	char name[16];
	int r = 0;

	for (int i = 0; i < NAMES && !r; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		r = fusion_skirmish_open(arena, name, NULL, &mine[i]);
	}
	return (void *)(intptr_t)r;
}

/* The first thread creates it, and no thread is told -EEXIST or -ENOENT. */
static void threads_that_open_a_name_get_the_same(void **state)
{
	static struct fusion_skirmish *all[THREADS][NAMES];
	pthread_t t[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		run(&t[i], open_all, all[i]);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
	for (int i = 1; i < THREADS; i++)
		assert_memory_equal(all[0], all[i], sizeof(all[0]));
}

static void *look_at_it(void *arg)
{
	struct fusion_skirmish_stat *stat = arg;

	return (void *)(intptr_t)fusion_skirmish_stat(lock, stat,
						      sizeof(*stat));
}

static void stat_tells_who_has_it(void **state)
{
	struct fusion_skirmish_stat stat;
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_skirmish_stat(lock, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.id, fusion_skirmish_id(lock));
	assert_int_equal(stat.owner, 0);
	assert_int_equal(stat.levels, 0);
	assert_false(stat.mine || stat.died);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_stat(lock, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.owner, arena->id);
	assert_int_equal(stat.levels, 2);
	assert_true(stat.mine);
	run(&t, look_at_it, &stat);
	assert_int_equal(join(t), 0);
	assert_int_equal(stat.levels, 2);
	assert_false(stat.mine);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);

	leave_dead();
	assert_int_equal(fusion_skirmish_stat(lock, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.levels, 0);
	assert_true(stat.died);
	assert_int_equal(fusion_skirmish_stat(lock, &stat, 0), -EINVAL);
	assert_int_equal(fusion_skirmish_stat(lock, NULL, sizeof(stat)),
			 -EINVAL);
	assert_int_equal(fusion_skirmish_lock_count(lock, NULL), -EINVAL);
	assert_int_equal(fusion_skirmish_destroy(lock), 0);
	assert_int_equal(fusion_skirmish_stat(lock, &stat, sizeof(stat)),
			 -EIDRM);
	assert_int_equal(levels_of(lock), -1);
}

static void test_no_skirmish(void **state)
{
	struct fusion_skirmish *wrong[] = {
		NULL,
		(struct fusion_skirmish *)&counter,
		(struct fusion_skirmish *)((char *)lock + 64 * ENTRY_SIZE),
		fusion_malloc(arena, 64),
	};
	struct fusion_skirmish_stat stat;
	uint64_t levels;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(fusion_skirmish_prevail(wrong[i]), -EINVAL);
		assert_int_equal(fusion_skirmish_swoop(wrong[i]), -EINVAL);
		assert_int_equal(fusion_skirmish_dismiss(wrong[i]), -EINVAL);
		assert_int_equal(fusion_skirmish_wait(wrong[i], 0, 0), -EINVAL);
		assert_int_equal(fusion_skirmish_notify(wrong[i], true),
				 -EINVAL);
		assert_int_equal(fusion_skirmish_destroy(wrong[i]),
				 wrong[i] ? -EINVAL : 0);
		assert_int_equal(fusion_skirmish_lock_count(wrong[i], &levels),
				 -EINVAL);
		assert_int_equal(
			fusion_skirmish_stat(wrong[i], &stat, sizeof(stat)),
			-EINVAL);
		assert_int_equal(fusion_skirmish_id(wrong[i]), 0);
		assert_int_equal(fusion_skirmish_consistent(wrong[i]), -EINVAL);
	}
	fusion_free(wrong[3]);
	assert_int_equal(fusion_skirmish_prevail_timed(lock, -2, 0), -EINVAL);
	assert_int_equal(fusion_skirmish_wait(lock, -2, 0), -EINVAL);
	assert_int_equal(fusion_skirmish_wait(lock, 0, 0), -EPERM);
	assert_int_equal(fusion_skirmish_notify(lock, true), -EPERM);
	assert_int_equal(fusion_skirmish_consistent(lock), -EPERM);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_consistent(lock), -EALREADY);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
}

static void test_too_many(void **state)
{
	struct fusion_skirmish *s[FUSION_SKIRMISHES_HELD + 1];

	(void)state;
	for (int i = 0; i <= FUSION_SKIRMISHES_HELD; i++)
		assert_int_equal(
			fusion_skirmish_create(arena, NULL, NULL, &s[i]), 0);
	assert_int_equal(
		fusion_skirmish_prevail_multi(s, FUSION_SKIRMISHES_HELD + 1),
		-ENOLCK);
	for (int i = 0; i <= FUSION_SKIRMISHES_HELD; i++)
		assert_int_equal(word_of(s[i])->word, 0);
	assert_int_equal(
		fusion_skirmish_prevail_multi(s, FUSION_SKIRMISHES_HELD), 0);
	assert_int_equal(fusion_skirmish_swoop(s[FUSION_SKIRMISHES_HELD]),
			 -ENOLCK);
	/* Given back in another order than taken. */
	for (int i = 0; i < FUSION_SKIRMISHES_HELD; i++)
		assert_int_equal(fusion_skirmish_dismiss(
					 s[i * 5 % FUSION_SKIRMISHES_HELD]),
				 0);
}

static void time_outs_saturate_and_are_checked(void **state)
{
	const int64_t bad[] = {-2, INT64_MIN};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fusion_skirmish_lock_timed(lock, bad[i], 0),
				 -EINVAL);
		assert_non_null(strstr(fusion_strerror(-EINVAL), "time-out"));
		assert_int_equal(fusion_skirmish_wait(lock, bad[i], 0),
				 -EINVAL);
		assert_non_null(strstr(fusion_strerror(-EINVAL), "time-out"));
	}
	assert_int_equal(fusion_skirmish_lock_timed(lock, INT64_MAX, 0), 0);
	assert_int_equal(fusion_skirmish_lock_timed(lock, FUSION_FOREVER, 0),
			 0);
	assert_int_equal(fusion_skirmish_lock_timed(lock, 0, 0), 0);
	assert_int_equal(levels_of(lock), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fusion_skirmish_unlock(lock), 0);
}

static void test_timed_wait_alone(void **state)
{
	(void)state;
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_wait(lock, 1000000, 0), -ETIMEDOUT);
	assert_int_equal(levels_of(lock), 2);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
}

/* --- Threads ---------------------------------------------------------------
 */

static void *count_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (fusion_skirmish_prevail(lock) != 0)
			return (void *)1;
		for (int k = 1; k < i % NESTED; k++)
			if (fusion_skirmish_prevail(lock) != 0)
				return (void *)2;
		counter++;
		check += counter;
		for (int k = 1; k < i % NESTED; k++)
			if (fusion_skirmish_dismiss(lock) != 0)
				return (void *)3;
		if (fusion_skirmish_dismiss(lock) != 0)
			return (void *)4;
	}
	return NULL;
}

static void test_exclusion(void **state)
{
	const uint64_t n = THREADS * ROUNDS;
	pthread_t t[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		run(&t[i], count_up, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(counter, n);
	assert_int_equal(check, n * (n + 1) / 2);
	assert_int_equal(word_of(lock)->taken, n);
}

static void *prevail_dismiss(void *arg)
{
	struct fusion_skirmish *s = arg ? arg : lock;
	int r = fusion_skirmish_prevail(s);

	if (r == 0 || r == -EOWNERDEAD)
		fusion_skirmish_dismiss(s);
	return (void *)(intptr_t)r;
}

static void *try_all(void *arg)
{
	(void)arg;
	if (fusion_skirmish_swoop(lock) != -EBUSY ||
	    fusion_skirmish_prevail_timed(lock, 0, 0) != -ETIMEDOUT ||
	    fusion_skirmish_prevail_timed(lock, 3000000, 0) != -ETIMEDOUT ||
	    fusion_skirmish_dismiss(lock) != -EPERM || levels_of(lock) != 0)
		return (void *)1;
	return NULL;
}

static void test_busy(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	run(&t, try_all, NULL);
	assert_int_equal(join(t), 0);
	/* It was the heir for a while, and is not any more. */
	assert_int_equal(SKIRMISH_HEIR(load_acquire(&word_of(lock)->word)), 0);
	run(&t, prevail_dismiss, NULL);
	await_waiters(lock, 1);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(join(t), 0);
}

/* A waiter gets the lock though another thread takes it again at once. */
static void test_hand_over(void **state)
{
	uint64_t w;
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	run(&t, prevail_dismiss, NULL);
	do
		w = load_acquire(&word_of(lock)->word);
	while (!SKIRMISH_HEIR(w));
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	/* Handed over in the same step: it was never free. */
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(word_of(lock)->taken, 3);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(join(t), 0);
}

/* The plain names are the functions of the founding ones, not copies. */
static void plain_names_are_aliases(void **state)
{
	(void)state;
	assert_ptr_equal(fusion_skirmish_lock, fusion_skirmish_prevail);
	assert_ptr_equal(fusion_skirmish_lock_timed,
			 fusion_skirmish_prevail_timed);
	assert_ptr_equal(fusion_skirmish_trylock, fusion_skirmish_swoop);
	assert_ptr_equal(fusion_skirmish_unlock, fusion_skirmish_dismiss);
	assert_int_equal(fusion_skirmish_lock(lock), 0);
	assert_int_equal(fusion_skirmish_lock_timed(lock, 0, 0), 0);
	assert_int_equal(fusion_skirmish_trylock(lock), 0);
	assert_int_equal(levels_of(lock), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fusion_skirmish_unlock(lock), 0);
	assert_int_equal(fusion_skirmish_unlock(lock), -EPERM);
}

static void test_thread_ends(void **state)
{
	pthread_t t;

	(void)state;
	run(&t, keep_it, NULL);
	assert_int_equal(join(t), 0);
	assert_int_equal(fusion_skirmish_swoop(lock), -EOWNERDEAD);
	assert_int_equal(levels_of(lock), 1);
	assert_int_equal(fusion_skirmish_consistent(lock), 0);
	assert_int_equal(fusion_skirmish_consistent(lock), -EALREADY);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	run(&t, keep_it, NULL);
	assert_int_equal(join(t), 0);
	/* Nobody has mended it: told again when this one goes as well. */
	run(&t, keep_it, NULL);
	assert_int_equal(join(t), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_prevail(lock), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(word_of(lock)->recovered, 3);
}

/* However the lock goes on, the mark stays until somebody has mended. */
static void unlocking_does_not_forgive_a_death(void **state)
{
	struct fusion_skirmish *list[] = {lock};
	pthread_t t;

	(void)state;
	run(&t, keep_it, NULL);
	assert_int_equal(join(t), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fusion_skirmish_prevail(lock), -EOWNERDEAD);
		assert_int_equal(fusion_skirmish_prevail(lock), 0);
		assert_int_equal(fusion_skirmish_dismiss(lock), 0);
		assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	}
	assert_int_equal(fusion_skirmish_swoop(lock), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_wait(lock, 1, 0), -EOWNERDEAD);
	/* Handed over to a thread that waits. */
	run(&t, prevail_dismiss, NULL);
	await_waiters(lock, 1);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(join(t), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_prevail_multi(list, 1), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_dismiss_multi(list, 1), 0);
	assert_int_equal(fusion_skirmish_prevail_timed(lock, 0, 0),
			 -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(load_relaxed(&word_of(lock)->word), 0);
}

/* --- Mending ---------------------------------------------------------------
 */

struct mending {
	int answer;
	unsigned n; /* how often it ran */
	jmp_buf *leave;
};

static int mend(struct fusion_skirmish *skirmish, void *ctx)
{
	struct mending *m = ctx;

	m->n++;
	assert_int_equal(levels_of(skirmish), 1);
	if (m->leave)
		longjmp(*m->leave, 1);
	return m->answer;
}

static int mend_itself(struct fusion_skirmish *skirmish, void *ctx)
{
	(void)ctx;
	return fusion_skirmish_consistent(skirmish);
}

static int mend_and_unlock(struct fusion_skirmish *skirmish, void *ctx)
{
	(void)ctx;
	return fusion_skirmish_dismiss(skirmish);
}

static int mend_and_destroy(struct fusion_skirmish *skirmish, void *ctx)
{
	(void)ctx;
	return fusion_skirmish_destroy(skirmish);
}

static void prevail_mend_repairs_once(void **state)
{
	struct mending m = {.answer = 0};

	(void)state;
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend, &m), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(m.n, 0);
	leave_dead();
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend, &m), 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(fusion_skirmish_consistent(lock), -EALREADY);
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend, &m), 0);
	assert_int_equal(levels_of(lock), 2);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(m.n, 1);

	leave_dead();
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend_itself, NULL),
			 0);
	assert_int_equal(levels_of(lock), 1);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_prevail_mend(lock, NULL, NULL),
			 -EINVAL);
}

static void prevail_mend_that_fails_leaves_the_mark(void **state)
{
	struct mending m = {.answer = -ENODATA};

	(void)state;
	leave_dead();
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend, &m),
			 -ENODATA);
	assert_non_null(strstr(fusion_strerror(-ENODATA), "mend()"));
	assert_int_equal(levels_of(lock), 0);
	/* -EOWNERDEAD would say that the caller has it. */
	m.answer = -EOWNERDEAD;
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend, &m),
			 -ENOTRECOVERABLE);
	assert_int_equal(levels_of(lock), 0);
	assert_int_equal(
		fusion_skirmish_prevail_mend(lock, mend_and_unlock, NULL),
		-EPERM);
	assert_int_equal(fusion_skirmish_prevail(lock), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(
		fusion_skirmish_prevail_mend(lock, mend_and_destroy, NULL),
		-EIDRM);
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend, &m), -EIDRM);
	assert_int_equal(m.n, 2);
}

static void prevail_mend_that_is_left_unlocks(void **state)
{
	static struct mending m; /* longjmp() keeps it */
	struct fusion_skirmish *other;
	jmp_buf out;

	(void)state;
	m = (struct mending){.leave = &out};
	leave_dead();
	if (!setjmp(out))
		fail_msg("%d", fusion_skirmish_prevail_mend(lock, mend, &m));
	assert_int_equal(m.n, 1);
	/* The library finds out when the thread calls it again. */
	assert_int_equal(fusion_skirmish_create(arena, NULL, NULL, &other), 0);
	m.leave = NULL;
	assert_int_equal(fusion_skirmish_prevail_mend(other, mend, &m), 0);
	assert_int_equal(levels_of(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(other), 0);
	assert_int_equal(fusion_skirmish_prevail_mend(lock, mend, &m), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
}

static unsigned ready, awake; /* guarded by lock */

static void *wait_for_go(void *arg)
{
	int r;

	(void)arg;
	must_prevail(lock);
	must_prevail(lock);
	ready++;
	do
		r = fusion_skirmish_wait(lock, FUSION_FOREVER, 0);
	while (r == 0 && !counter);
	if (levels_of(lock) != 2)
		r = 1;
	counter--;
	awake++;
	fusion_skirmish_dismiss(lock);
	fusion_skirmish_dismiss(lock);
	return (void *)(intptr_t)r;
}

static unsigned value_of(const unsigned *p)
{
	unsigned n;

	must_prevail(lock);
	n = *p;
	fusion_skirmish_dismiss(lock);
	return n;
}

static void go(unsigned n, bool all)
{
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	counter += n;
	assert_int_equal(fusion_skirmish_notify(lock, all), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
}

static void test_notify(void **state)
{
	pthread_t t[THREADS];

	(void)state;
	ready = awake = 0;
	for (int i = 0; i < THREADS; i++)
		run(&t[i], wait_for_go, NULL);
	while (value_of(&ready) < THREADS)
		sched_yield();
	go(1, false);
	while (value_of(&awake) < 1)
		sched_yield();
	go(THREADS - 1, true);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(awake, THREADS);
	assert_int_equal(counter, 0);
}

/* A queue of one place: each hand-over needs its notify. */
static void *produce(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 4; i++) {
		must_prevail(lock);
		while (counter)
			must_wait(lock);
		counter = 1;
		fusion_skirmish_notify(lock, true);
		fusion_skirmish_dismiss(lock);
	}
	return NULL;
}

static void *consume(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 4; i++) {
		must_prevail(lock);
		while (!counter)
			must_wait(lock);
		counter = 0;
		check++;
		fusion_skirmish_notify(lock, true);
		fusion_skirmish_dismiss(lock);
	}
	return NULL;
}

static void test_queue(void **state)
{
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		run(&t[i], i % 2 ? produce : consume, NULL);
	for (int i = 0; i < 4; i++)
		join(t[i]);
	assert_int_equal(check, 2 * (ROUNDS / 4));
}

/* A thread that has given the lock back and is about to sleep must not: the one
 * that died cannot notify it any more. */
static void death_of_a_notifier_ends_sleeps_that_begin(void **state)
{
	uint32_t seq = load_relaxed(&word_of(lock)->seq);

	(void)state;
	leave_dead();
	assert_int_not_equal(load_relaxed(&word_of(lock)->seq), seq);
}

static void *wait_on(void *arg)
{
	(void)arg;
	must_prevail(lock);
	ready++;
	return (void *)(intptr_t)fusion_skirmish_wait(lock, FUSION_FOREVER, 0);
}

static void test_destroy(void **state)
{
	struct fusion_skirmish *s;
	pthread_t sleeper, waiter;

	(void)state;
	ready = 0;
	run(&sleeper, wait_on, NULL);
	while (value_of(&ready) < 1)
		sched_yield();
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	run(&waiter, prevail_dismiss, NULL);
	await_waiters(lock, 1);
	assert_int_equal(fusion_skirmish_destroy(lock), 0);
	assert_int_equal(join(waiter), -EIDRM);
	assert_int_equal(join(sleeper), -EIDRM);
	assert_int_equal(fusion_skirmish_destroy(lock), -EIDRM);
	assert_int_equal(fusion_skirmish_prevail(lock), -EIDRM);
	assert_int_equal(fusion_skirmish_swoop(lock), -EIDRM);
	/* In the same place, free though the old one was held. */
	assert_int_equal(fusion_skirmish_create(arena, "lock", NULL, &s), 0);
	assert_ptr_equal(handle_entry(s), handle_entry(lock));
	assert_int_equal(fusion_skirmish_dismiss(lock), -EIDRM);
	lock = s;
	assert_int_equal(fusion_skirmish_dismiss(lock), -EPERM);
	run(&waiter, prevail_dismiss, NULL);
	assert_int_equal(join(waiter), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), -EPERM);
}

/* --- Several ---------------------------------------------------------------
 */

static void *cross(void *arg)
{
	struct fusion_skirmish **s = arg, *list[4];

	for (int i = 0; i < ROUNDS / 4; i++) {
		/* Some order, one of them twice. */
		for (int k = 0; k < 4; k++)
			list[k] = s[(i + k * (1 + i % 3)) % 3];
		if (fusion_skirmish_prevail_multi(list, 4) != 0)
			return (void *)1;
		counter++;
		if (fusion_skirmish_dismiss_multi(list, 4) != 0)
			return (void *)2;
	}
	return NULL;
}

static void test_multi(void **state)
{
	struct fusion_skirmish *s[3], *gone;
	pthread_t t[THREADS];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			fusion_skirmish_create(arena, NULL, NULL, &s[i]), 0);
	for (int i = 0; i < THREADS; i++)
		run(&t[i], cross, s);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(fusion_skirmish_prevail_multi(s, 0), 0);
	assert_int_equal(fusion_skirmish_prevail_multi(NULL, 1), -EINVAL);

	/* None, if one of them is not to be had; nobody's death is forgotten.
	 */
	run(&t[0], keep_it, NULL);
	assert_int_equal(join(t[0]), 0);
	assert_int_equal(fusion_skirmish_create(arena, NULL, NULL, &gone), 0);
	assert_int_equal(fusion_skirmish_destroy(gone), 0);
	assert_int_equal(
		fusion_skirmish_prevail_multi(
			(struct fusion_skirmish *[]){gone, s[0], lock}, 3),
		-EIDRM);
	assert_int_equal(levels_of(s[0]), 0);
	assert_int_equal(levels_of(lock), 0);
	assert_int_equal(fusion_skirmish_prevail_multi(
				 (struct fusion_skirmish *[]){s[0], lock}, 2),
			 -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(s[0]), -EALREADY);
	assert_int_equal(fusion_skirmish_consistent(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss_multi(
				 (struct fusion_skirmish *[]){s[0], lock}, 2),
			 0);
}

static struct fusion_skirmish *ring[3];

static void *hold_and_want(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	int r;

	must_prevail(ring[i]);
	__atomic_fetch_add(&ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < 3)
		sched_yield();
	r = fusion_skirmish_prevail(ring[(i + 1) % 3]);
	if (r == 0)
		fusion_skirmish_dismiss(ring[(i + 1) % 3]);
	fusion_skirmish_dismiss(ring[i]);
	return (void *)(intptr_t)r;
}

static void test_deadlock(void **state)
{
	const struct fusion_skirmish_options o = {
		.size = sizeof(o),
		.flags = FUSION_SKIRMISH_ERRORCHECK,
	};
	pthread_t t[3];
	int n = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			fusion_skirmish_create(arena, NULL, &o, &ring[i]), 0);
	ready = 0;
	for (uintptr_t i = 0; i < 3; i++)
		run(&t[i], hold_and_want, (void *)i);
	for (int i = 0; i < 3; i++) {
		intptr_t r = join(t[i]);

		assert_true(r == 0 || r == -EDEADLK);
		n += r == -EDEADLK;
	}
	assert_in_range(n, 1, 3);
}

/* --- The daemon's way ------------------------------------------------------
 */

static void test_queued(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *visitor;
	struct skirmish *s = word_of(lock);

	(void)state;
	assert_int_equal(thread_claim(v, &visitor), 0);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(skirmish_queue(v, visitor, s), -EBUSY);
	assert_int_equal(skirmish_queue(v, visitor, s), -EBUSY);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_swoop(lock), -EBUSY);
	assert_int_equal(skirmish_queue(v, visitor, s), 0);
	assert_int_equal(skirmish_unlock(v, visitor, s), 1);

	/* Given up, once before and once after it was handed over. */
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(skirmish_queue(v, visitor, s), -EBUSY);
	skirmish_unqueue(v, visitor, s);
	assert_int_equal(skirmish_queue(v, visitor, s), -EBUSY);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	skirmish_unqueue(v, visitor, s);
	assert_int_equal(fusion_skirmish_swoop(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);

	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(skirmish_queue(v, visitor, s), -EBUSY);
	assert_int_equal(fusion_skirmish_destroy(lock), 0);
	assert_int_equal(skirmish_queue(v, visitor, s), -EIDRM);
	assert_int_equal(visitor->skirmishes[0], 0);
	thread_release(v, visitor);
	assert_int_equal(fusion_skirmish_dismiss(lock), -EIDRM);
	/* Destroyed by its owner: it counts no more against what one holds. */
	for (int i = 0; i <= 2 * FUSION_SKIRMISHES_HELD; i++) {
		assert_int_equal(
			fusion_skirmish_create(arena, NULL, NULL, &lock), 0);
		assert_int_equal(fusion_skirmish_prevail(lock), 0);
		assert_int_equal(fusion_skirmish_destroy(lock), 0);
	}
}

/* --- Processes -------------------------------------------------------------
 */

static void hold_deep(struct fusion_arena *a)
{
	struct fusion_skirmish *s;

	fusion_skirmish_lookup(a, "lock", &s);
	must_prevail(s);
	must_prevail(s);
}

static void test_killed(void **state)
{
	pthread_t t;

	(void)state;
	run_and_kill(arena, hold_deep);
	/* Nobody but the waiter itself finds out. */
	run(&t, prevail_dismiss, NULL);
	assert_int_equal(join(t), -EOWNERDEAD);
	assert_int_equal(word_of(lock)->recovered, 1);
}

/* However little patience one has, and no daemon. */
static void test_killed_and_impatient(void **state)
{
	int r;

	(void)state;
	run_and_kill(arena, hold_deep);
	r = fusion_skirmish_prevail_timed(lock, 1000, 0);
	assert_int_equal(r, -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
}

static void be_heir(struct fusion_arena *a)
{
	struct fusion_skirmish *s;

	fusion_skirmish_lookup(a, "lock", &s);
	skirmish_queue(&a->view, thread_rec_of(a), handle_entry(s));
}

static void test_heir_killed(void **state)
{
	(void)state;
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	run_and_kill(arena, be_heir);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	/* Handed over to a corpse. */
	assert_int_equal(fusion_skirmish_prevail(lock), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);

	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	run_and_kill(arena, be_heir);
	assert_int_equal(life_sweep(&arena->view), 1);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(options_grow_by_one_rule,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			get_finds_by_id_and_not_a_successor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(open_finds_or_creates, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			threads_that_open_a_name_get_the_same, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(stat_tells_who_has_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_no_skirmish, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_timed_wait_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_exclusion, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hand_over, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(plain_names_are_aliases, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_thread_ends, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			unlocking_does_not_forgive_a_death, set_up, tear_down),
		cmocka_unit_test_setup_teardown(prevail_mend_repairs_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			prevail_mend_that_fails_leaves_the_mark, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			prevail_mend_that_is_left_unlocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			time_outs_saturate_and_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_notify, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			death_of_a_notifier_ends_sleeps_that_begin, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_destroy, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_multi, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deadlock, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_queued, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_and_impatient,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_heir_killed, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("skirmish", all, NULL, NULL);
}
