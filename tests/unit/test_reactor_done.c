/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions that run when all listeners are done with a message. */
#include "tests/unit/reactor_fixture.h"

#include <sched.h>

#include "libfusion/core/base/cancel.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/heap/tls.h"
#include "libfusion/names/entries.h"

/* --- The fixture ---------------------------------------------------------- */

static struct log {
	char text[128]; /* what ran, in order */
	uint32_t n;	/* atomic */
	uint32_t destroyed, ends;
} log_;

static int set_up(void **state)
{
	(void)state;
	log_ = (struct log){0};
	return reactor_set_up();
}

static int tear_down(void **state)
{
	(void)state;
	return reactor_tear_down();
}

static enum fusion_reaction_result note(const struct fusion_reactor_message *m,
					void *ctx)
{
	if (m->event != FUSION_REACTOR_DATA)
		add_release(&log_.ends, 1);
	log_.text[load_relaxed(&log_.n)] = *(const char *)ctx;
	add_release(&log_.n, 1);
	return FUSION_REACTION_KEEP;
}

static enum fusion_reaction_result
note_once(const struct fusion_reactor_message *m, void *ctx)
{
	note(m, ctx);
	return FUSION_REACTION_REMOVE;
}

static void count_destroy(void *ctx)
{
	(void)ctx;
	add_release(&log_.destroyed, 1);
}

static void on_done(fusion_reaction_fn fn, const char *what,
		    struct fusion_slot **ret)
{
	assert_int_equal(fusion_reactor_on_done(reactor, fn, (void *)what,
						count_destroy, ret),
			 0);
}

static void say_and_sync(void)
{
	assert_int_equal(dispatch_at(reactor, 0, "x", 1, 0), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
}

static void await(const uint32_t *word, uint32_t n)
{
	while (load_acquire(word) < n)
		sched_yield();
}

/* --- The tests ------------------------------------------------------------ */

static void all_run_in_order_and_each_is_cancelled_alone(void **state)
{
	struct fusion_slot *a, *b;

	(void)state;
	on_done(note, "a", &a);
	say_and_sync();
	on_done(note, "b", &b);
	on_done(note, "c", NULL);
	say_and_sync();
	assert_string_equal(log_.text, "aabc");
	assert_int_equal(fusion_slot_cancel(a), 0);
	assert_int_equal(log_.destroyed, 1);
	assert_int_equal(fusion_slot_cancel(a), -EINVAL);
	say_and_sync();
	assert_string_equal(log_.text, "aabcbc");
	assert_int_equal(fusion_slot_cancel(b), 0);
	say_and_sync();
	assert_string_equal(log_.text, "aabcbcc");
	/* The third one goes as the process leaves. */
	dispatch_stop(arena);
	reactor_stop(arena);
	assert_int_equal(log_.destroyed, 3);
}

/* A ring has as many cursors as the reactor can have listeners. */
static void all_have_one_place_among_the_listeners(void **state)
{
	const struct fusion_reactor_options o = {
		.size = sizeof(o), .cells = 64, .listeners = 1};
	struct fusion_slot *slot[20];

	(void)state;
	assert_int_equal(fusion_reactor_create(arena, NULL, &o, &reactor), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20; i++)
			on_done(note, "a", &slot[i]);
		for (int i = 0; i < 20; i++)
			assert_int_equal(fusion_slot_cancel(slot[i]), 0);
	}
	assert_int_equal(log_.destroyed, 60);
	assert_int_equal(dispatch_at(reactor, 0, "x", 1, 0), 0);
}

static void one_that_removes_itself_runs_once(void **state)
{
	struct fusion_slot *slot;

	(void)state;
	on_done(note_once, "a", &slot);
	on_done(note, "b", NULL);
	say_and_sync();
	say_and_sync();
	assert_string_equal(log_.text, "abb");
	assert_int_equal(log_.destroyed, 1);
	assert_int_equal(fusion_slot_cancel(slot), -EINVAL);
}

static struct fusion_slot *own;

static enum fusion_reaction_result
cancel_own(const struct fusion_reactor_message *m, void *ctx)
{
	assert_int_equal(fusion_slot_cancel(own), 0);
	assert_int_equal(log_.destroyed, 0);
	return note_once(m, ctx);
}

static void one_may_cancel_itself(void **state)
{
	(void)state;
	on_done(cancel_own, "a", &own);
	say_and_sync();
	say_and_sync();
	assert_string_equal(log_.text, "a");
	assert_int_equal(log_.destroyed, 1);
}

static uint32_t inside, go_on; /* atomic */

static enum fusion_reaction_result
linger(const struct fusion_reactor_message *m, void *ctx)
{
	add_release(&inside, 1);
	await(&go_on, 1);
	return note(m, ctx);
}

static void *let_go(void *unused)
{
	(void)unused;
	sleep_ns(20000000);
	add_release(&go_on, 1);
	return NULL;
}

/* Also if the reactor is destroyed meanwhile. */
static void cancelling_waits_for_the_function(void **state)
{
	struct fusion_slot *slot;
	pthread_t thread;

	(void)state;
	inside = go_on = 0;
	on_done(linger, "a", &slot);
	assert_int_equal(dispatch_at(reactor, 0, "x", 1, 0), 0);
	await(&inside, 1);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_equal(pthread_create(&thread, NULL, let_go, NULL), 0);
	assert_int_equal(fusion_slot_cancel(slot), 0);
	assert_string_equal(log_.text, "a");
	assert_int_equal(log_.destroyed, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(log_.ends, 0);
}

static void each_is_told_of_the_end_once_and_stays(void **state)
{
	struct fusion_slot *a;

	(void)state;
	on_done(note, "a", &a);
	on_done(note, "b", NULL);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	await(&log_.n, 2);
	assert_string_equal(log_.text, "ab");
	assert_int_equal(log_.ends, 2);
	assert_int_equal(log_.destroyed, 0);
	assert_int_equal(
		fusion_reactor_on_done(reactor, note, "c", count_destroy, &a),
		-EIDRM);
	assert_int_equal(fusion_slot_cancel(a), 0);
	assert_int_equal(log_.destroyed, 1);
}

static void bad_arguments(void **state)
{
	(void)state;
	assert_int_equal(
		fusion_reactor_on_done(reactor, NULL, NULL, NULL, NULL),
		-EINVAL);
	assert_int_equal(fusion_reactor_on_done(NULL, note, "a", NULL, NULL),
			 -EINVAL);
	assert_int_equal(log_.n, 0);
}

/* --- Which listeners are waited for --------------------------------------- */

/* A listener that the test reads by hand. */
static struct listener by_hand(uint32_t policy, uint32_t limit_ms)
{
	const struct cursor_params params = {
		.owner = arena->id,
		.slot = arena->view.slot,
		.policy = policy,
		.limit_ms = limit_ms,
		.mask = UINT64_MAX,
	};
	struct listener l;

	assert_int_equal(cursor_take(&arena->view, thread_rec_of(arena),
				     handle_entry(reactor), &params, &l),
			 0);
	return l;
}

static int read_message(const struct listener *l)
{
	struct msg_head h;
	char buf[64];

	return cursor_read(&arena->view, l, 0, buf, sizeof(buf), &h);
}

/* A message that comes meanwhile wakes the done function. */
static void a_reaction_that_runs_is_waited_for(void **state)
{
	struct listener l = by_hand(POLICY_BLOCK, REACTOR_FOREVER_MS);

	(void)state;
	on_done(note, "a", NULL);
	say_and_sync();
	assert_int_equal(read_message(&l), 1);
	say_and_sync();
	assert_int_equal(log_.n, 0);
	/* It comes back for the next one. */
	assert_int_equal(read_message(&l), 1);
	say_and_sync();
	assert_int_equal(log_.n, 1);
	assert_int_equal(read_message(&l), 1);
	assert_int_equal(read_message(&l), 0);
	assert_true(cursor_rest(&arena->view, thread_rec_of(arena), &l));
	await(&log_.n, 3);
	cursor_free(&arena->view, thread_rec_of(arena), &l);
}

static void create_small(void)
{
	const struct fusion_reactor_options o = {.size = sizeof(o),
						 .cells = 64};

	assert_int_equal(fusion_reactor_create(arena, NULL, &o, &reactor), 0);
}

/* A listener of @policy that has read @n messages, and does nothing more, holds
 * up no thread that dispatches. */
static void stop_behind(uint32_t policy, int n)
{
	struct listener l;

	create_small();
	l = by_hand(policy, 1);
	on_done(note, "a", NULL);
	log_.n = 0;
	say_and_sync();
	for (int i = 0; i < n; i++)
		assert_int_equal(read_message(&l), 1);
	for (int i = 0; i < 80; i++) {
		assert_int_equal(dispatch_at(reactor, 0, "x", 1, 0), 0);
		sched_yield();
	}
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	await(&log_.n, 1);
	cursor_free(&arena->view, thread_rec_of(arena), &l);
	await(&log_.n, 81);
}

static void a_listener_that_stops_is_given_up(void **state)
{
	(void)state;
	stop_behind(POLICY_DROP, 0);
	stop_behind(POLICY_DROP, 1);
	stop_behind(POLICY_BLOCK, 0);
	stop_behind(POLICY_BLOCK, 1);
	stop_behind(POLICY_DISCONNECT, 1);
}

/* --- Two reactors with a backlog ------------------------------------------ */

static struct fusion_reaction *first;
static uint32_t detached; /* atomic */

static void *detach_first(void *unused)
{
	(void)unused;
	assert_int_equal(fusion_reactor_detach(first), 0);
	add_release(&detached, 1);
	return NULL;
}

static enum fusion_reaction_result count(const struct fusion_reactor_message *m,
					 void *ctx)
{
	(void)m;
	if (*(uint32_t *)ctx == 0)
		await(&go_on, 1);
	add_release((uint32_t *)ctx, 1);
	return FUSION_REACTION_KEEP;
}

static enum fusion_reaction_result
have_first_detached(const struct fusion_reactor_message *m, void *ctx)
{
	static pthread_t thread;

	if (*(uint32_t *)ctx == 0) {
		assert_int_equal(
			pthread_create(&thread, NULL, detach_first, NULL), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	return count(m, ctx);
}

/* The reactor that has more messages is freed while another one is read. */
static void a_reactor_with_a_backlog_may_go(void **state)
{
	uint32_t heard[2] = {0, 0};
	struct fusion_reactor *other;
	struct fusion_reaction *x;

	(void)state;
	detached = go_on = 0;
	assert_int_equal(fusion_reactor_create(arena, NULL, NULL, &other), 0);
	assert_int_equal(attach_at(reactor, 0, NULL, count, &heard[0], &first),
			 0);
	assert_int_equal(
		attach_at(other, 0, NULL, have_first_detached, &heard[1], &x),
		0);
	assert_int_equal(fusion_reactor_set_direct(reactor, false), 0);
	assert_int_equal(fusion_reactor_set_direct(other, false), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(
			dispatch_at(reactor, 0, "x", 1, FUSION_REACTOR_SELF),
			0);
		assert_int_equal(
			dispatch_at(other, 0, "x", 1, FUSION_REACTOR_SELF), 0);
	}
	add_release(&go_on, 1);
	await(&heard[1], 200);
	assert_int_equal(load_acquire(&detached), 1);
	assert_true(load_acquire(&heard[0]) < 200);
	assert_int_equal(fusion_reactor_detach(x), 0);
}

int main(void)
{
#define UNIT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		UNIT(all_run_in_order_and_each_is_cancelled_alone),
		UNIT(all_have_one_place_among_the_listeners),
		UNIT(one_that_removes_itself_runs_once),
		UNIT(one_may_cancel_itself),
		UNIT(cancelling_waits_for_the_function),
		UNIT(each_is_told_of_the_end_once_and_stays),
		UNIT(bad_arguments),
		UNIT(a_reaction_that_runs_is_waited_for),
		UNIT(a_listener_that_stops_is_given_up),
		UNIT(a_reactor_with_a_backlog_may_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
