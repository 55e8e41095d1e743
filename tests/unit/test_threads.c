/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads of one process in one arena
 *
 * ThreadSanitizer sees one address space, so what it can say of the shared
 * heap, the fields and the core locks is said here, and without a fork.
 */
#include "tests/unit/member_image.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/lock.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/talk/dispatch.h"

#define THREADS 4
#define ROUNDS 20000
#define PLACES 256

static struct fusion_arena *arena;
static _Atomic(uint64_t *) places[PLACES];
static uint64_t counter; /* guarded by event_lock */

static void print_fault(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "# %s\n", what);
}

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(1ull << 30, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	dispatch_stop(arena);
	image_leave(arena);
	return 0;
}

static void run(void *(*fn)(void *))
{
	pthread_t threads[THREADS];
	void *result;

	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, fn, (void *)(i + 1)),
			0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* What was written before the exchange is read, and freed, after it. */
static void *allocate_here_free_there(void *arg)
{
	uint64_t x = (uintptr_t)arg * 0x9e3779b97f4a7c15ull;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t r = next_random(&x);
		size_t size = 16 + r % (r % 50 ? 1500 : 200000);
		uint64_t *p = fusion_malloc(arena, size), *old;

		if (!p)
			return "malloc";
		p[0] = size;
		p[1] = ~size;
		old = atomic_exchange(&places[r >> 32 & (PLACES - 1)], p);
		if (!old)
			continue;
		if (old[0] != ~old[1])
			return "torn block";
		if (fusion_free(old) < 0)
			return "free";
	}
	return NULL;
}

static void blocks_freed_by_other_threads_are_ordered(void **state)
{
	(void)state;
	run(allocate_here_free_there);
	for (int i = 0; i < PLACES; i++)
		fusion_free(atomic_exchange(&places[i], NULL));
}

static void *add_and_remove_fields(void *arg)
{
	char name[32], *p = fusion_malloc(arena, 16);
	void *got;
	int r;

	for (int i = 0; i < ROUNDS / 20; i++) {
		snprintf(name, sizeof(name), "f%d", i % 7);
		r = fusion_field_create(
			arena, name,
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = 16,
				.type = NULL,
				.data = p},
			NULL);
		if (r < 0 && r != -EEXIST)
			return "add";
		r = fusion_field_lookup(arena, name, 0, NULL, &got);
		if (r < 0 && r != -ENOENT)
			return "get";
		r = fusion_field_remove(arena, name);
		if (r < 0 && r != -ENOENT)
			return "remove";
	}
	fusion_free(p);
	(void)arg;
	return NULL;
}

static void fields_of_one_name_do_not_mix(void **state)
{
	(void)state;
	run(add_and_remove_fields);
	assert_int_equal(arena->view.sb->tables[KIND_FIELD].n, 0);
}

static void *count_under_lock(void *arg)
{
	struct thread_rec *me = thread_rec_of(arena);

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (core_lock(&arena->view, me, &arena->view.sb->event_lock))
			return "lock";
		counter++;
		core_unlock(&arena->view, me, &arena->view.sb->event_lock);
	}
	return NULL;
}

static void core_lock_orders_what_it_guards(void **state)
{
	(void)state;
	counter = 0;
	run(count_under_lock);
	assert_int_equal(counter, THREADS * ROUNDS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* --- Signals of the process ------------------------------------------------
 */

static uint32_t signals_here, signals_elsewhere, handled; /* atomic */
static pthread_t here;

static void count_signal(int signal)
{
	(void)signal;
	add_relaxed(pthread_equal(pthread_self(), here) ? &signals_here
							: &signals_elsewhere,
		    1);
}

static void count_message(const struct fusion_message *message, void *ctx)
{
	(void)message;
	(void)ctx;
	add_release(&handled, 1);
}

static int send_to_ourselves(void)
{
	return fusion_message_send(arena, fusion_arena_id(arena), 1, NULL, 0, 0,
				   FUSION_FOREVER);
}

/* The thread of the library has been in the kernel and back: it has run the
 * handlers of all signals that it takes. */
static void signal_of_the_process_comes_to_the_programs_thread(void **state)
{
	struct sigaction act = {.sa_handler = count_signal}, old;
	struct fusion_slot *slot;
	sigset_t set, mask;

	(void)state;
	here = pthread_self();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(sigaction(SIGUSR1, &act, &old), 0);
	assert_int_equal(fusion_message_handle(arena, 1, count_message, NULL,
					       NULL, &slot),
			 0);
	assert_int_equal(send_to_ourselves(), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	pthread_sigmask(SIG_BLOCK, &set, &mask);
	kill(getpid(), SIGUSR1);
	assert_int_equal(send_to_ourselves(), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(load_acquire(&handled), 2);
	assert_int_equal(load_relaxed(&signals_elsewhere), 0);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	assert_int_equal(load_relaxed(&signals_here), 1);
	assert_int_equal(fusion_slot_cancel(slot), 0);
	sigaction(SIGUSR1, &old, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(blocks_freed_by_other_threads_are_ordered),
		T(fields_of_one_name_do_not_mix),
		T(core_lock_orders_what_it_guards),
		T(signal_of_the_process_comes_to_the_programs_thread),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
