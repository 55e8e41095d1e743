/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leave notices and their slots, and the dispatcher's jobs on which they run
 *
 * The events are written by hand: whoever they are about need not exist.
 */
#include "tests/unit/heap_member.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/event.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/life/notice.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_thread.h"

static struct fusion_arena *arena;

static struct {
	uint32_t n; /* atomic */
	fusion_id_t last;
	bool out_of_order, had_turn;
	pthread_t thread;
} got;

static int set_up(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	arena = image_enter(image_create(64ull << 20, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notice_stop(arena);
	dispatch_stop(arena);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static void happen(enum event_kind kind, uint32_t id)
{
	event_log(&arena->view, thread_rec_of(arena), kind, id, "test");
}

static void note(struct fusion_arena *a, enum fusion_notice how, fusion_id_t id,
		 void *ctx)
{
	(void)how, (void)ctx;
	got.out_of_order |= id <= got.last;
	got.last = id;
	got.had_turn = dispatch_is_mine(a);
	got.thread = pthread_self();
	add_release(&got.n, 1);
}

static void await(const uint32_t *word, uint32_t n)
{
	while (load_acquire(word) < n)
		sched_yield();
}

static void await_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, -1), 1);
}

/* --- Where they run ------------------------------------------------------- */

static void notices_come_to_the_dispatcher_in_order(void **state)
{
	(void)state;
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, NULL),
			 0);
	for (uint32_t id = 1001; id <= 1100; id++)
		happen(EVENT_PROMOTED, id);
	await(&got.n, 100);
	assert_true(got.had_turn);
	assert_false(got.out_of_order);
	assert_int_equal(got.last, 1100);
}

static void who_came_and_went_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, NULL),
			 0);
	happen(EVENT_LEAVE, 1000); /* nobody has seen it come */
	happen(EVENT_JOIN, 1001);
	happen(EVENT_JOIN, 1001);
	happen(EVENT_DEATH, 1001);
	happen(EVENT_DEATH, 1001);
	happen(EVENT_PROMOTED, 1002);
	await(&got.n, 2);
	assert_int_equal(got.last, 1002);
	assert_int_equal(load_acquire(&got.n), 2);
}

static void notices_run_where_the_program_dispatches(void **state)
{
	int fd;

	(void)state;
	image_dispatches(arena);
	fd = fusion_arena_fd(arena);
	assert_true(fd >= 0);
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, NULL),
			 0);
	while (fusion_arena_dispatch(arena, 0, 0) > 0)
		;
	happen(EVENT_PROMOTED, 1001);
	await_readable(fd);
	assert_int_equal(load_acquire(&got.n), 0);
	while (!load_acquire(&got.n))
		assert_true(fusion_arena_dispatch(arena, FUSION_FOREVER,
						  FUSION_WAIT_INTERRUPTIBLE) >=
			    0);
	assert_true(pthread_equal(got.thread, pthread_self()));
}

/* Who does not dispatch is told of all that can have gone meanwhile. */
static void more_events_than_are_kept_are_caught_up_with(void **state)
{
	(void)state;
	image_dispatches(arena);
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, NULL),
			 0);
	happen(EVENT_JOIN, 1001);
	while (fusion_arena_dispatch(arena, 0, 0) > 0)
		;
	for (uint32_t id = 2001; id <= 2000 + 2 * EVENTS; id++)
		happen(EVENT_PROMOTED, id);
	while (got.last < 2000 + 2 * EVENTS)
		assert_true(fusion_arena_dispatch(arena, FUSION_FOREVER,
						  FUSION_WAIT_INTERRUPTIBLE) >=
			    0);
	/* 1001 came and is not among the members: one notice of it, and it is
	 * not said too late that some were lost. */
	assert_true(got.n <= EVENTS + 1);
	assert_true(got.n > EVENTS / 2);
}

/* --- Ending them ---------------------------------------------------------- */

static struct fusion_slot *slot;
static uint32_t destroyed; /* atomic */

static void destroy(void *ctx)
{
	(void)ctx;
	add_release(&destroyed, 1);
}

static void end_itself(struct fusion_arena *a, enum fusion_notice how,
		       fusion_id_t id, void *ctx)
{
	note(a, how, id, ctx);
	assert_int_equal(fusion_slot_cancel(slot), 0);
	assert_int_equal(load_acquire(&destroyed), 0);
	assert_int_equal(fusion_slot_cancel(slot), -EINVAL);
}

static void notice_may_end_itself(void **state)
{
	(void)state;
	image_dispatches(arena);
	destroyed = 0;
	assert_int_equal(
		fusion_arena_on_leave(arena, end_itself, NULL, destroy, &slot),
		0);
	for (uint32_t id = 1001; id <= 1010; id++)
		happen(EVENT_PROMOTED, id);
	while (!got.n)
		assert_true(fusion_arena_dispatch(arena, FUSION_FOREVER,
						  FUSION_WAIT_INTERRUPTIBLE) >=
			    0);
	happen(EVENT_PROMOTED, 1011);
	while (fusion_arena_dispatch(arena, 0, 0) > 0)
		;
	assert_int_equal(got.n, 1);
	assert_int_equal(got.last, 1001);
	assert_int_equal(destroyed, 1);
}

static void replace_itself(struct fusion_arena *a, enum fusion_notice how,
			   fusion_id_t id, void *ctx)
{
	(void)how, (void)id;
	assert_int_equal(fusion_slot_cancel(slot), 0);
	assert_int_equal(fusion_arena_on_leave(a, note, NULL, NULL, NULL), 0);
	add_release((uint32_t *)ctx, 1);
}

static void notice_may_ask_for_another(void **state)
{
	uint32_t n = 0;

	(void)state;
	assert_int_equal(
		fusion_arena_on_leave(arena, replace_itself, &n, NULL, &slot),
		0);
	happen(EVENT_PROMOTED, 1001);
	await(&n, 1);
	happen(EVENT_PROMOTED, 1002);
	await(&got.n, 1);
	assert_int_equal(got.last, 1002);
	assert_int_equal(load_acquire(&n), 1);
}

static void what_was_not_dispatched_is_dropped_with_it(void **state)
{
	int fd;

	(void)state;
	image_dispatches(arena);
	fd = fusion_arena_fd(arena);
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, &slot),
			 0);
	while (fusion_arena_dispatch(arena, 0, 0) > 0)
		;
	happen(EVENT_PROMOTED, 1001);
	await_readable(fd);
	assert_int_equal(fusion_slot_cancel(slot), 0);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(got.n, 0);
}

static struct {
	uint32_t in, go, out, stopped; /* atomic */
	bool ends_itself;
} slow;

static void take_long(struct fusion_arena *a, enum fusion_notice how,
		      fusion_id_t id, void *ctx)
{
	(void)how, (void)id, (void)ctx;
	(void)a;
	if (slow.ends_itself)
		assert_int_equal(fusion_slot_cancel(slot), 0);
	store_release(&slow.in, 1u);
	await(&slow.go, 1);
	store_release(&slow.out, 1u);
}

static void *stop(void *arg)
{
	(void)arg;
	store_release(&slow.stopped, 1u);
	if (fusion_slot_cancel(slot) < 0)
		return "failed";
	if (!load_acquire(&slow.out))
		return "it has not waited";
	return load_acquire(&destroyed) ? NULL : "it has not destroyed";
}

static void who_cancels_it_waits_until_it_has_ended(void **state)
{
	pthread_t t;
	void *wrong;

	(void)state;
	memset(&slow, 0, sizeof(slow));
	destroyed = 0;
	assert_int_equal(
		fusion_arena_on_leave(arena, take_long, NULL, destroy, &slot),
		0);
	happen(EVENT_PROMOTED, 1001);
	await(&slow.in, 1);
	assert_int_equal(pthread_create(&t, NULL, stop, NULL), 0);
	await(&slow.stopped, 1);
	/* It may be waiting, or be about to; it must not come out of it. */
	for (int i = 0; i < 100; i++)
		sched_yield();
	assert_int_equal(load_acquire(&destroyed), 0);
	store_release(&slow.go, 1u);
	assert_int_equal(pthread_join(t, &wrong), 0);
	assert_null(wrong);
}

static void *leave(void *arg)
{
	(void)arg;
	store_release(&slow.stopped, 1u);
	notice_stop(arena);
	if (!load_acquire(&slow.out))
		return "it has not waited";
	return load_acquire(&destroyed) == 2 ? NULL : "it has not destroyed";
}

/* The process exits while a function runs that has cancelled its slot. */
static void exit_waits_for_it_and_destroys(void **state)
{
	pthread_t t;
	void *wrong;

	(void)state;
	memset(&slow, 0, sizeof(slow));
	slow.ends_itself = true;
	destroyed = 0;
	assert_int_equal(
		fusion_arena_on_leave(arena, take_long, NULL, destroy, &slot),
		0);
	assert_int_equal(
		fusion_arena_on_leave(arena, note, NULL, destroy, NULL), 0);
	happen(EVENT_PROMOTED, 1001);
	await(&slow.in, 1);
	assert_int_equal(pthread_create(&t, NULL, leave, NULL), 0);
	await(&slow.stopped, 1);
	for (int i = 0; i < 100; i++)
		sched_yield();
	store_release(&slow.go, 1u);
	assert_int_equal(pthread_join(t, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(fusion_slot_cancel(slot), -EINVAL);
}

/* --- Several -------------------------------------------------------------- */

static char order[32];

static void append(struct fusion_arena *a, enum fusion_notice how,
		   fusion_id_t id, void *ctx)
{
	(void)a, (void)how, (void)id;
	strcat(order, ctx);
}

static void dispatch_all(void)
{
	await_readable(fusion_arena_fd(arena));
	while (fusion_arena_dispatch(arena, 0, 0) > 0)
		;
}

static void several_are_told_in_the_order_they_came(void **state)
{
	struct fusion_slot *b;

	(void)state;
	image_dispatches(arena);
	order[0] = 0;
	destroyed = 0;
	assert_int_equal(
		fusion_arena_on_leave(arena, append, "a", destroy, NULL), 0);
	assert_int_equal(fusion_arena_on_leave(arena, append, "b", destroy, &b),
			 0);
	happen(EVENT_PROMOTED, 1001);
	/* It came too late for 1001. */
	assert_int_equal(
		fusion_arena_on_leave(arena, append, "c", destroy, NULL), 0);
	while (!order[0])
		dispatch_all();
	assert_string_equal(order, "ab");
	assert_int_equal(fusion_slot_cancel(b), 0);
	assert_int_equal(destroyed, 1);
	happen(EVENT_PROMOTED, 1002);
	while (strlen(order) < 4)
		dispatch_all();
	assert_string_equal(order, "abac");
	assert_int_equal(destroyed, 1);
	notice_stop(arena);
	assert_int_equal(destroyed, 3);
}

static void what_is_no_slot_is_EINVAL(void **state)
{
	struct fusion_heap_pool *pool;
	int x;

	(void)state;
	assert_int_equal(fusion_slot_cancel(NULL), 0);
	assert_int_equal(fusion_slot_cancel((struct fusion_slot *)&x), -EINVAL);
	assert_int_equal(fusion_heap_pool_create(arena, NULL, NULL, &pool), 0);
	assert_int_equal(fusion_slot_cancel((struct fusion_slot *)pool),
			 -EINVAL);
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, &slot),
			 0);
	assert_int_equal(
		fusion_heap_pool_destroy((struct fusion_heap_pool *)slot),
		-EINVAL);
	assert_int_equal(fusion_slot_cancel(slot), 0);
	assert_int_equal(fusion_slot_cancel(slot), -EINVAL);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
	assert_int_equal(fusion_arena_on_leave(arena, NULL, NULL, NULL, &slot),
			 -EINVAL);
}

/* --- Beside others -------------------------------------------------------- */

static struct {
	uint32_t handled, entered, running, most; /* atomic */
} beside;

static void wait_for_message(struct fusion_arena *a, enum fusion_notice how,
			     fusion_id_t id, void *ctx)
{
	uint32_t n = add_relaxed(&beside.running, 1) + 1;

	(void)how, (void)id, (void)ctx;
	if (n > load_relaxed(&beside.most))
		store_relaxed(&beside.most, n);
	if (!load_acquire(&beside.handled)) {
		/* As a call in a handler does. */
		assert_true(dispatch_block(a));
		store_release(&beside.entered, 1u);
		await(&beside.handled, 1);
		dispatch_unblock(a);
	}
	sub_relaxed(&beside.running, 1);
	add_release(&got.n, 1);
}

static void handle(const struct fusion_message *m, void *ctx)
{
	(void)m, (void)ctx;
	store_release(&beside.handled, 1u);
}

/* Messages are handled while a notice waits, but the next notice waits. */
static void notices_run_one_at_a_time(void **state)
{
	(void)state;
	memset(&beside, 0, sizeof(beside));
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL), 0);
	assert_int_equal(fusion_arena_on_leave(arena, wait_for_message, NULL,
					       NULL, NULL),
			 0);
	happen(EVENT_PROMOTED, 1001);
	await(&beside.entered, 1);
	happen(EVENT_PROMOTED, 1002);
	assert_int_equal(fusion_message_send(arena, fusion_arena_id(arena), 1,
					     "", 0, 0, FUSION_FOREVER),
			 0);
	await(&got.n, 2);
	assert_int_equal(load_relaxed(&beside.most), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(notices_come_to_the_dispatcher_in_order),
		TEST(who_came_and_went_is_told_once),
		TEST(notices_run_where_the_program_dispatches),
		TEST(more_events_than_are_kept_are_caught_up_with),
		TEST(notice_may_end_itself),
		TEST(notice_may_ask_for_another),
		TEST(what_was_not_dispatched_is_dropped_with_it),
		TEST(who_cancels_it_waits_until_it_has_ended),
		TEST(exit_waits_for_it_and_destroys),
		TEST(several_are_told_in_the_order_they_came),
		TEST(what_is_no_slot_is_EINVAL),
		TEST(notices_run_one_at_a_time),
	};

	return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
