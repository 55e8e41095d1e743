/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cancellation: no function of the library is a cancellation point
 *
 * A thread cancels itself, then calls a function that has to wait.  The
 * function must come back, and leave no lock behind.  The thread ends at its
 * own pthread_testcancel().
 */
#include "tests/unit/heap_member.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "libfusion/core/life/liveness.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/dispatch.h"

#define LONG_NS 20000000 /* how long a handler keeps its caller waiting */

static struct fusion_arena *arena;
static uint32_t running; /* atomic: a handler is */
static uint32_t may_end; /* atomic: it may return */
static int result;
static bool came_back;

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(64ull << 20, 0));
	store_relaxed(&running, 0);
	store_relaxed(&may_end, 0);
	came_back = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dispatch_stop(arena);
	calls_stop(arena);
	image_leave(arena);
	return 0;
}

/* Run for a while, so that others have to wait. */
static void be_long(void)
{
	const struct timespec nap = {.tv_nsec = LONG_NS};

	store_release(&running, 1u);
	nanosleep(&nap, NULL);
	store_release(&running, 0u);
}

static void wait_until_running(void)
{
	while (!load_acquire(&running))
		sched_yield();
}

static void *run_cancelled(void *arg)
{
	int (*fn)(void) = *(int (**)(void))arg;

	pthread_cancel(pthread_self());
	result = fn();
	came_back = true;
	pthread_testcancel();
	return NULL;
}

/* Call @fn on a thread that is cancelled already.  Returns its result. */
static int call_cancelled(int (*fn)(void))
{
	pthread_t thread;
	void *end;

	assert_int_equal(pthread_create(&thread, NULL, run_cancelled, &fn), 0);
	assert_int_equal(pthread_join(thread, &end), 0);
	assert_true(came_back);
	assert_ptr_equal(end, PTHREAD_CANCELED);
	return result;
}

/* --- Messages ------------------------------------------------------------- */

static void handle(const struct fusion_message *message, void *ctx)
{
	(void)message;
	(void)ctx;
	be_long();
}

static struct fusion_slot *slot;

static void send_one(void)
{
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, &slot), 0);
	assert_int_equal(fusion_message_send(arena, fusion_arena_id(arena), 1,
					     NULL, 0, 0, FUSION_FOREVER),
			 0);
	wait_until_running();
}

static int sync_all(void)
{
	return fusion_arena_sync(arena, FUSION_FOREVER, 0);
}

static int remove_handler(void)
{
	return fusion_slot_cancel(slot);
}

static void test_a_sync_ends_for_a_cancelled_thread(void **state)
{
	(void)state;
	send_one();
	assert_int_equal(call_cancelled(sync_all), 0);
	/* The thread has left no lock behind. */
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
}

static void test_a_removal_waits_for_the_handler(void **state)
{
	(void)state;
	send_one();
	assert_int_equal(call_cancelled(remove_handler), 0);
	assert_int_equal(load_acquire(&running), 0);
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL), 0);
}

/* --- Calls ---------------------------------------------------------------- */

static struct fusion_call *call;

static int answer(const struct fusion_call_request *request, void *ctx)
{
	(void)request;
	(void)ctx;
	be_long();
	return 0;
}

static void *execute(void *arg)
{
	if (fusion_call_execute(call, NULL, 0, NULL, 0, NULL) == 0)
		return NULL;
	return arg;
}

static int destroy_call(void)
{
	return fusion_call_destroy(call);
}

static void test_a_destruction_waits_for_the_handler(void **state)
{
	struct fusion_call_options o = {.size = sizeof(o), .fn = answer};
	pthread_t thread;
	void *end;

	(void)state;
	assert_int_equal(fusion_call_create(arena, "c", &o, &call), 0);
	assert_int_equal(pthread_create(&thread, NULL, execute, call), 0);
	wait_until_running();
	assert_int_equal(call_cancelled(destroy_call), 0);
	assert_int_equal(load_acquire(&running), 0);
	assert_int_equal(pthread_join(thread, &end), 0);
	assert_null(end); /* the handler has answered */
	assert_int_equal(fusion_call_create(arena, "c", &o, &call), 0);
	assert_int_equal(fusion_call_destroy(call), 0);
}

/* --- Reactions ------------------------------------------------------------ */

static struct fusion_reaction *reaction;

static enum fusion_reaction_result
react(const struct fusion_reactor_message *message, void *ctx)
{
	(void)ctx;
	if (message->event == FUSION_REACTOR_DATA)
		be_long();
	return FUSION_REACTION_KEEP;
}

static int detach(void)
{
	return fusion_reactor_detach(reaction);
}

static void test_a_detachment_waits_for_the_reaction(void **state)
{
	struct fusion_reactor_dispatch_options o =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;
	struct fusion_reactor *reactor;

	(void)state;
	o.flags = FUSION_REACTOR_SELF;
	assert_int_equal(fusion_reactor_create(arena, "r", NULL, &reactor), 0);
	assert_int_equal(fusion_reactor_set_direct(reactor, false), 0);
	assert_int_equal(
		fusion_reactor_attach(reactor, NULL, react, NULL, &reaction),
		0);
	assert_int_equal(fusion_reactor_dispatch(reactor, &o, NULL, 0), 0);
	wait_until_running();
	assert_int_equal(call_cancelled(detach), 0);
	assert_int_equal(load_acquire(&running), 0);
	assert_int_equal(
		fusion_reactor_attach(reactor, NULL, react, NULL, &reaction),
		0);
	assert_int_equal(fusion_reactor_detach(reaction), 0);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
}

/* --- Files ---------------------------------------------------------------- */

static int look_at_files(void)
{
	/* Reads /proc/PID/stat, as the library does to find the dead. */
	return process_start_time(getpid()) ? 0 : -ESRCH;
}

static void test_reading_proc_leaves_no_descriptor(void **state)
{
	int next = dup(0);

	(void)state;
	close(next);
	assert_int_equal(call_cancelled(look_at_files), 0);
	assert_int_equal(dup(0), next);
	close(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_sync_ends_for_a_cancelled_thread, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_removal_waits_for_the_handler, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_destruction_waits_for_the_handler, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_detachment_waits_for_the_reaction, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_reading_proc_leaves_no_descriptor, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
