/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A living sleeper for each wake of the core
 *
 * A thread sleeps in the kernel, and this thread does what must wake it.  A
 * sleeper looks again only if it is woken (no_naps.h), so a wake that is
 * missing fails the test.  tests/wakes.txt says which test is for which wake.
 */
#include "tests/unit/heap_member.h"
#include "tests/unit/no_naps.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_recover.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/dispatch.h"

#define SLEEPERS 3

static struct fusion_arena *arena;

static struct sleep {
	pthread_t thread;
	int (*fn)(void);
	uint32_t tid;	   /* atomic */
	uint32_t returned; /* atomic */
	int result;
} sleeps[SLEEPERS];

static void *sleep_on_thread(void *arg)
{
	struct sleep *s = arg;

	store_release(&s->tid, (uint32_t)gettid());
	s->result = s->fn();
	store_release(&s->returned, 1u);
	return arg;
}

static bool is_asleep(uint32_t tid)
{
	char path[64], stat[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%u/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(stat, sizeof(stat), f))
		stat[0] = '\0';
	fclose(f);
	return strstr(stat, ") S ") != NULL;
}

/* Start @n threads that run @fn, and wait until each sleeps. */
static void put_to_sleep(unsigned n, int (*fn)(void))
{
	for (struct sleep *s = sleeps; s < sleeps + n; s++) {
		*s = (struct sleep){.fn = fn};
		assert_int_equal(
			pthread_create(&s->thread, NULL, sleep_on_thread, s),
			0);
		while (!load_acquire(&s->tid) ||
		       !is_asleep(load_relaxed(&s->tid)))
			sched_yield();
		assert_false(load_acquire(&s->returned));
	}
}

/* All @n threads come back, with @result. */
static void all_wake(unsigned n, int result)
{
	for (struct sleep *s = sleeps; s < sleeps + n; s++) {
		assert_int_equal(pthread_join(s->thread, NULL), 0);
		assert_int_equal(s->result, result);
	}
}

static int set_up(void **state)
{
	bound_begin(*state);
	__atomic_store_n(&nap_from_ns, NAP_FROM_NS, __ATOMIC_RELAXED);
	arena = image_enter(image_create(64ull << 20, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	calls_stop(arena);
	dispatch_stop(arena);
	image_leave(arena);
	bound_end();
	return 0;
}

/* --- Core locks ------------------------------------------------------------
 */

static struct core_lock *core(void)
{
	return &arena->view.sb->tables[KIND_FIELD].lock;
}

static int lock_core(void)
{
	struct thread_rec *me = thread_rec_of(arena);
	int r = core_lock(&arena->view, me, core());

	if (r == 0)
		core_unlock(&arena->view, me, core());
	return r;
}

static void core_unlock_wakes(void **state)
{
	struct thread_rec *me = thread_rec_of(arena);

	(void)state;
	assert_int_equal(core_lock(&arena->view, me, core()), 0);
	put_to_sleep(SLEEPERS, lock_core);
	core_unlock(&arena->view, me, core());
	all_wake(SLEEPERS, 0);
}

static void recovery_of_core_lock_wakes(void **state)
{
	struct thread_rec *dead;

	(void)state;
	assert_int_equal(thread_claim(&arena->view, &dead), 0);
	assert_int_equal(core_lock(&arena->view, dead, core()), 0);
	put_to_sleep(1, lock_core);
	core_lock_recover(&arena->view, dead);
	all_wake(1, 0);
	thread_release(&arena->view, dead);
}

/* --- Skirmishes ------------------------------------------------------------
 */

static struct fusion_skirmish *lock;

static struct skirmish *rec(void)
{
	return handle_entry(lock);
}

static void have_lock(void)
{
	/* No sleeper becomes the heir: its first nap has no end. */
	__atomic_store_n(&nap_from_ns, 0ll, __ATOMIC_RELAXED);
	assert_int_equal(fusion_skirmish_create(arena, "s", NULL, &lock), 0);
	assert_int_equal(fusion_skirmish_lock(lock), 0);
}

static int take_lock(void)
{
	int r = fusion_skirmish_lock(lock);

	return r ? r : fusion_skirmish_unlock(lock);
}

static int wait_for_notify(void)
{
	int r = fusion_skirmish_lock(lock), slept;

	if (r)
		return r;
	slept = fusion_skirmish_wait(lock, FUSION_FOREVER, 0);
	if (slept != -EIDRM)
		fusion_skirmish_unlock(lock);
	return slept;
}

static void unlock_wakes_who_is_no_heir(void **state)
{
	(void)state;
	have_lock();
	put_to_sleep(SLEEPERS, take_lock);
	assert_int_equal(SKIRMISH_HEIR(load_relaxed(&rec()->word)), 0);
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
	all_wake(SLEEPERS, 0);
}

static void destruction_wakes_who_waits_for_lock(void **state)
{
	(void)state;
	have_lock();
	put_to_sleep(SLEEPERS, take_lock);
	assert_int_equal(fusion_skirmish_destroy(lock), 0);
	all_wake(SLEEPERS, -EIDRM);
}

static void destruction_wakes_who_waits_for_notify(void **state)
{
	(void)state;
	have_lock();
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
	put_to_sleep(SLEEPERS, wait_for_notify);
	assert_int_equal(fusion_skirmish_destroy(lock), 0);
	all_wake(SLEEPERS, -EIDRM);
}

static void notify_wakes_if_sleepers_cannot_be_moved(void **state)
{
	(void)state;
	have_lock();
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
	put_to_sleep(SLEEPERS, wait_for_notify);
	assert_int_equal(fusion_skirmish_lock(lock), 0);
	__atomic_store_n(&requeue_fails, true, __ATOMIC_RELAXED);
	assert_int_equal(fusion_skirmish_notify(lock, true), 0);
	__atomic_store_n(&requeue_fails, false, __ATOMIC_RELAXED);
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
	all_wake(SLEEPERS, 0);
}

/* A thread record that owns the lock, and whose thread is gone. */
static struct thread_rec *lock_by_dead(void)
{
	struct thread_rec *dead;

	assert_int_equal(thread_claim(&arena->view, &dead), 0);
	assert_int_equal(skirmish_try(&arena->view, dead, rec()), 0);
	return dead;
}

static void recovery_wakes_who_waits_for_lock(void **state)
{
	struct thread_rec *dead;

	(void)state;
	have_lock();
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
	dead = lock_by_dead();
	put_to_sleep(1, take_lock);
	skirmish_recover(&arena->view, dead, thread_rec_of(arena));
	all_wake(1, -EOWNERDEAD);
	thread_release(&arena->view, dead);
}

/* The dead owner may have been about to notify. */
static void recovery_wakes_who_waits_for_notify(void **state)
{
	struct thread_rec *dead;

	(void)state;
	have_lock();
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
	put_to_sleep(1, wait_for_notify);
	dead = lock_by_dead();
	skirmish_recover(&arena->view, dead, thread_rec_of(arena));
	all_wake(1, -EOWNERDEAD);
	thread_release(&arena->view, dead);
}

/* --- Calls, references -----------------------------------------------------
 */

static struct fusion_ref *ref;

static int lock_at_zero(void)
{
	return fusion_ref_zero_lock(ref, FUSION_FOREVER, 0);
}

static void destruction_wakes_who_waits_for_zero(void **state)
{
	(void)state;
	assert_int_equal(fusion_ref_create(arena, "r", NULL, &ref), 0);
	assert_int_equal(fusion_ref_up(ref), 0);
	put_to_sleep(SLEEPERS, lock_at_zero);
	assert_int_equal(fusion_ref_destroy(ref), 0);
	all_wake(SLEEPERS, -EIDRM);
}

static struct fusion_call *call;

static int execute(void)
{
	struct fusion_call_execute_options o = {
		.size = sizeof(o),
		.flags = FUSION_CALL_NODIRECT,
		.timeout_ns = FUSION_FOREVER,
	};

	return fusion_call_execute(call, &o, 0, NULL, 0, NULL);
}

static int never_called(const struct fusion_call_request *request, void *ctx)
{
	(void)request;
	(void)ctx;
	return -EPROTO;
}

static void destruction_wakes_who_waits_for_quota(void **state)
{
	struct fusion_call_options o = {.size = sizeof(o), .fn = never_called};

	(void)state;
	assert_int_equal(fusion_call_create(arena, "c", &o, &call), 0);
	assert_int_equal(fusion_call_set_quota(call, fusion_arena_id(arena), 0),
			 0);
	put_to_sleep(SLEEPERS, execute);
	assert_int_equal(fusion_call_destroy(call), 0);
	all_wake(SLEEPERS, -EIDRM);
}

#define TEST(name)                                                        \
	{                                                                 \
#name, name, set_up, tear_down, (void *)(uintptr_t) #name \
	}

int main(void)
{
	const struct CMUnitTest wakes[] = {
		TEST(core_unlock_wakes),
		TEST(recovery_of_core_lock_wakes),
		TEST(unlock_wakes_who_is_no_heir),
		TEST(destruction_wakes_who_waits_for_lock),
		TEST(destruction_wakes_who_waits_for_notify),
		TEST(notify_wakes_if_sleepers_cannot_be_moved),
		TEST(recovery_wakes_who_waits_for_lock),
		TEST(recovery_wakes_who_waits_for_notify),
		TEST(destruction_wakes_who_waits_for_zero),
		TEST(destruction_wakes_who_waits_for_quota),
	};

	return cmocka_run_group_tests(wakes, NULL, NULL);
}
