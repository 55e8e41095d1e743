/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that stay in their slots, step by step: one process owns the call,
 * and its callers are records only. */
#include "tests/unit/member_image.h"

#include <fusion/fusion.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_here.h"
#include "libfusion/core/talk/call_recover.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/call_attend.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_post.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/reaction.h"
#include "libfusion/talk/sync.h"
#include "libfusion/talk/turn.h"

#define CALLERS (RING_ATTENDED + 2)
/* Words of requests that are answered later, ... */
#define DEFER 1000
#define NEST 2000  /* ... that others dispatch beside, ... */
#define AGAIN 3000 /* ... and that are followed by one of another caller. */

static struct fusion_arena *arena;
static struct view *v;
static struct fusion_call *call;
static struct dispatcher *d;
static struct thread_rec *callers[CALLERS];
static uint64_t handled[16]; /* words, in order; messages are 100 + type */
static unsigned n_handled;
static uint64_t serial;
static unsigned n_cleaned, n_cleaned_then, n_again;
static bool was_over;

static int ask(unsigned i, uint64_t word);

static void clean(struct fusion_arena *a, void *ctx)
{
	(void)a;
	(void)ctx;
	n_cleaned++;
}

/* As another thread does it that has the turn while this handler waits. */
static void dispatch_beside(void)
{
	struct syncer s = {.until = ring_tail(&d->ring)};

	assert_int_equal(fusion_arena_dispatch_cleanup(arena, clean, NULL), 0);
	dispatch_run(d);
	n_cleaned_then = n_cleaned;
	was_over = sync_is_over(d, &s);
}

/* The other one of two goes on asking. */
static void ask_again(void)
{
	unsigned other = n_again++ % 2;

	call_slot_free(v, callers[other],
		       call_slot_at(v, thread_slot(v, callers[other])));
	assert_int_equal(ask(other, AGAIN), 1);
}

static int handle(const struct fusion_call_request *rq, void *ctx)
{
	(void)ctx;
	handled[n_handled++ % 16] = rq->word;
	serial = fusion_call_serial(rq);
	if (rq->word == NEST)
		dispatch_beside();
	if (rq->word == AGAIN && n_again && n_again < 1000)
		ask_again();
	if (rq->word == DEFER)
		return FUSION_CALL_DEFER;
	return fusion_call_reply(rq, rq->word + 1, rq->data, rq->size);
}

static void hear(const struct fusion_message *m, void *ctx)
{
	(void)ctx;
	handled[n_handled++ % 16] = 100 + m->type;
}

static int set_up(void **state)
{
	int r;

	(void)state;
	arena = image_enter(image_create(64ull << 20, 0));
	v = &arena->view;
	/* Nothing happens but what the test does. */
	image_dispatches(arena);
	assert_int_equal(
		fusion_call_create(
			arena, "call",
			&(struct fusion_call_options){
				.size = sizeof(struct fusion_call_options),
				.fn = handle},
			&call),
		0);
	assert_int_equal(
		fusion_message_handle(arena, 7, hear, NULL, NULL, NULL), 0);
	d = dispatcher_of(arena, &r);
	for (unsigned i = 0; i < CALLERS; i++)
		assert_int_equal(thread_claim(v, &callers[i]), 0);
	n_handled = n_cleaned = n_again = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CALLERS; i++) {
		assert_int_equal(call_recover(v, callers[i], life_rec(v), true),
				 0);
		thread_release(v, callers[i]);
	}
	assert_int_equal(fusion_call_destroy(call), 0);
	dispatch_stop(arena);
	calls_stop(arena);
	assert_int_equal(call_check(v, NULL, NULL), 0);
	image_leave(arena);
	return 0;
}

static struct call_slot *slot_of(unsigned i)
{
	return call_slot_at(v, thread_slot(v, callers[i]));
}

static void attend_to(unsigned i)
{
	turn_take(d);
	attend(d, thread_slot(v, callers[i]));
	turn_give(d);
}

static bool close_all(void)
{
	bool left;

	turn_take(d);
	left = attend_close(d);
	turn_give(d);
	return left;
}

/* 1: it stays in its slot. */
static int ask(unsigned i, uint64_t word)
{
	const struct call_request rq = {
		.call = handle_entry(call),
		.id = ((struct call *)handle_entry(call))->id,
		.caller = 4711,
		.word = word,
		.size = 3,
	};
	struct call_slot *s;
	int r = call_begin_here(v, callers[i], &rq, "abc", &s);

	assert_ptr_equal(s, slot_of(i));
	return r;
}

static void assert_answer(unsigned i, uint64_t word)
{
	struct call_slot *s = slot_of(i);

	assert_int_equal(SLOT_STATE(s->st), SLOT_DONE);
	assert_int_equal(s->ret, word);
	assert_int_equal(s->len, 3);
	assert_memory_equal(s->bytes, "abc", 3);
	call_slot_free(v, callers[i], s);
}

static void withdraw(unsigned i)
{
	uint64_t st;

	assert_true(call_withdraw(v, callers[i], slot_of(i), &st));
}

static void who_is_not_attended_to_writes_a_record(void **state)
{
	(void)state;
	assert_int_equal(ask(0, 1), 0);
	assert_false(slot_of(0)->st & SLOT_HERE);
	withdraw(0);
	attend_to(1);
	assert_int_equal(ask(0, 1), 0);
	withdraw(0);
	assert_false(close_all());
	assert_int_equal(ask(1, 1), 0);
	withdraw(1);
}

static void request_here_is_answered(void **state)
{
	(void)state;
	attend_to(0);
	for (uint64_t word = 1; word < 10; word++) {
		assert_int_equal(ask(0, word), 1);
		assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
		assert_answer(0, word + 1);
		assert_int_equal(handled[n_handled - 1], word);
	}
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(n_handled, 9);
}

static void what_has_begun_is_not_begun_again(void **state)
{
	(void)state;
	attend_to(0);
	assert_int_equal(ask(0, DEFER), 1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	/* Its caller, who is slow, finds that somebody sees to it. */
	assert_true(slot_of(0)->st & SLOT_HERE);
	assert_false(close_all());
	assert_false(slot_of(0)->st & SLOT_HERE);
	assert_false(call_here_take(v, serial));
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(n_handled, 1);
	assert_int_equal(fusion_call_return(call, serial, 5, "abc", 3), 0);
	assert_answer(0, 5);
}

static void what_came_last_is_handled(void **state)
{
	(void)state;
	attend_to(0);
	assert_int_equal(ask(0, 1), 1);
	assert_true(close_all());
	/* The caller cannot take it back, and nobody else gets there. */
	assert_false(slot_of(0)->st & SLOT_HERE);
	assert_true(close_all());
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(n_handled, 1);
	assert_answer(0, 2);
	assert_int_equal(ask(0, 1), 0);
	withdraw(0);
}

static void who_has_taken_it_back_has_it_back(void **state)
{
	uint64_t mine;

	(void)state;
	attend_to(0);
	assert_int_equal(ask(0, 1), 1);
	mine = call_here(v, thread_slot(v, callers[0]));
	assert_true(call_here_take(v, mine));
	assert_false(close_all());
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	withdraw(0);
	assert_int_equal(n_handled, 0);
}

static void what_is_given_up_is_not_executed(void **state)
{
	(void)state;
	attend_to(0);
	assert_int_equal(ask(0, 1), 1);
	withdraw(0);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(ask(0, 2), 1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	assert_answer(0, 3);
	assert_int_equal(n_handled, 1);
}

static void messages_before_a_call_come_before_it(void **state)
{
	const struct msg_head h = {.kind = MSG_USER, .a = 7};

	(void)state;
	attend_to(0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(message_post(v, callers[0], v->slot, arena->id,
					      &h, NULL, NULL),
				 0);
	assert_int_equal(ask(0, 1), 1);
	assert_true(close_all());
	while (n_handled < 4)
		assert_true(fusion_arena_dispatch(arena, 0, 0) > 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(handled[i], 107);
	assert_int_equal(handled[3], 1);
	assert_answer(0, 2);
}

/* It attends to the slot, too, and leaves the request alone. */
static void request_for_another_is_left_alone(void **state)
{
	struct call_request rq = {.caller = 4711, .word = 1, .unlimited = true};
	struct call_slot *s;

	(void)state;
	rq.call = handle_entry(call);
	rq.id = rq.call->id;
	attend_to(0);
	assert_int_equal(call_begin_here(v, callers[0], &rq, NULL, &s), 1);
	s->callee_id++;
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_false(close_all());
	assert_true(s->st & SLOT_HERE);
	s->callee_id--;
	withdraw(0);
	assert_int_equal(n_handled, 0);
}

static void who_is_not_used_makes_room(void **state)
{
	unsigned here = 0;

	(void)state;
	for (unsigned i = 0; i < RING_ATTENDED; i++)
		attend_to(i);
	/* Each of them was in use just now; the second time it was not. */
	for (unsigned n = 0; n <= RING_ATTENDED; n++)
		attend_to(RING_ATTENDED);
	for (unsigned i = 0; i <= RING_ATTENDED; i++) {
		if (ask(i, i) == 1)
			here |= 1u << i;
		else
			withdraw(i);
	}
	assert_true(here & 1u << RING_ATTENDED);
	assert_int_equal(__builtin_popcount(here), RING_ATTENDED);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), RING_ATTENDED);
	assert_int_equal(n_handled, RING_ATTENDED);
	for (unsigned i = 0; i <= RING_ATTENDED; i++)
		if (here & 1u << i)
			assert_answer(i, i + 1);
}

/* Who is made room for finds that one is just coming there. */
static void who_comes_last_keeps_its_place(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RING_ATTENDED; i++)
		attend_to(i);
	for (unsigned n = 0; n < RING_ATTENDED; n++)
		attend_to(RING_ATTENDED);
	assert_int_equal(ask(0, 1), 1);
	attend_to(RING_ATTENDED);
	assert_int_equal(ask(RING_ATTENDED, 2), 0);
	withdraw(RING_ATTENDED);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	assert_answer(0, 2);
}

static void answer_that_is_put_off_ends_the_chain(void **state)
{
	struct call_slot *s = slot_of(0);
	uint64_t up;

	(void)state;
	attend_to(0);
	assert_int_equal(ask(0, 1), 1);
	call_enter(callers[1], call_here(v, thread_slot(v, callers[0])));
	up = call_executes(callers[1]);
	assert_ptr_equal(call_chain(v, &up), s);
	assert_int_equal(call_executor(v, call_executes(callers[1])),
			 callers[1]->token & TOKEN_MASK);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	up = call_executes(callers[1]);
	assert_ptr_equal(call_chain(v, &up), s);
	call_slot_put_off(v, callers[0], s, call_executes(callers[1]));
	assert_int_equal(SLOT_STATE(s->st), SLOT_DONE);
	up = call_executes(callers[1]);
	assert_null(call_chain(v, &up));
	/* And it is used again. */
	assert_int_equal(ask(0, 2), 1);
	assert_false(call_is_wanted(v, call_executes(callers[1])));
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	assert_answer(0, 3);
	call_enter(callers[1], 0);
}

/* The answer that it put off was to a call within what it has deferred. */
static void what_was_deferred_outlives_who_did(void **state)
{
	struct call_slot *s = slot_of(1);
	uint64_t first;

	(void)state;
	attend_to(0);
	attend_to(1);
	assert_int_equal(ask(0, DEFER), 1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	first = serial;
	call_enter(callers[1], first);
	assert_int_equal(ask(1, 1), 1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	call_slot_put_off(
		v, callers[1], s,
		CALL_SERIAL(thread_slot(v, callers[1]), SLOT_SEQ(s->st)));
	call_enter(callers[1], 0);
	assert_int_equal(call_recover(v, callers[1], life_rec(v), true), 0);
	assert_int_equal(SLOT_STATE(slot_of(0)->st), SLOT_POSTED);
	assert_int_equal(fusion_call_return(call, first, 5, "abc", 3), 0);
	assert_answer(0, 5);
}

/* Cleanups wait, and who syncs. */
static void handler_of_a_request_here_is_on_the_stack(void **state)
{
	(void)state;
	attend_to(0);
	assert_int_equal(ask(0, NEST), 1);
	assert_true(fusion_arena_dispatch(arena, 0, 0) > 0);
	assert_int_equal(n_cleaned_then, 0);
	assert_false(was_over);
	assert_int_equal(n_cleaned, 1);
	assert_answer(0, NEST + 1);
}

static void post_it(void *ctx)
{
	(void)ctx;
	dispatch_beside();
}

static enum fusion_reaction_result react(const struct fusion_reactor_message *m,
					 void *ctx)
{
	(void)ctx;
	if (m->event == FUSION_REACTOR_DATA)
		dispatch_beside();
	return FUSION_REACTION_KEEP;
}

/* So are a function that was posted, and a reaction. */
static void whatever_waits_is_on_the_stack(void **state)
{
	struct fusion_reactor *re;
	struct fusion_reaction *x;

	(void)state;
	assert_int_equal(dispatch_post(arena, post_it, NULL), 0);
	assert_true(fusion_arena_dispatch(arena, 0, 0) > 0);
	assert_int_equal(n_cleaned_then, 0);
	assert_false(was_over);
	assert_int_equal(n_cleaned, 1);
	assert_int_equal(fusion_reactor_create(arena, "r", NULL, &re), 0);
	assert_int_equal(fusion_reactor_attach(re, NULL, react, NULL, &x), 0);
	assert_int_equal(fusion_reactor_set_direct(re, false), 0);
	assert_int_equal(
		fusion_reactor_dispatch(
			re,
			&(const struct fusion_reactor_dispatch_options){
				.size = sizeof(
					struct fusion_reactor_dispatch_options),
				.flags = FUSION_REACTOR_SELF,
			},
			"x", 1),
		0);
	while (n_cleaned < 2)
		assert_true(fusion_arena_dispatch(arena, 0, 0) > 0);
	assert_int_equal(n_cleaned_then, 1);
	assert_false(was_over);
	assert_int_equal(fusion_reactor_detach(x), 0);
	assert_int_equal(fusion_reactor_destroy(re), 0);
	fusion_arena_dispatch(arena, 0, 0);
	reactor_stop(arena);
}

static void who_syncs_does_not_wait_for_what_comes_later(void **state)
{
	(void)state;
	attend_to(0);
	attend_to(1);
	assert_int_equal(ask(0, AGAIN), 1);
	n_again = 1;
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_in_range(n_handled, 1, 10);
	n_again = 0;
	fusion_arena_dispatch(arena, 0, 0);
}

/* The record of what caller 0 has asked, or had. */
static void write_record(uint64_t of)
{
	const struct call_request rq = {
		.call = handle_entry(call),
		.id = ((struct call *)handle_entry(call))->id,
		.caller = 4711,
	};
	const uint64_t word = 1;

	assert_int_equal(call_message(v, callers[0], &rq, of, &word, NULL), 0);
	/* As the library's thread does it. */
	turn_take(d);
	d->mode = DISPATCH_THREAD;
	dispatch_run(d);
	d->mode = DISPATCH_MANUAL;
	turn_give(d);
}

/* It may be about to take the next one off again, as it saw that it was not
 * attended to: that must not begin meanwhile. */
static void who_has_given_up_is_not_attended_to(void **state)
{
	uint64_t first;

	(void)state;
	assert_int_equal(fusion_set_spin(1000), 0);
	assert_int_equal(ask(0, 1), 0);
	first = CALL_SERIAL(thread_slot(v, callers[0]),
			    SLOT_SEQ(slot_of(0)->st));
	withdraw(0);
	write_record(first);
	assert_int_equal(ask(0, 2), 0);
	write_record(first);
	assert_int_equal(n_handled, 0);
	write_record(first + 1);
	assert_int_equal(n_handled, 1);
	call_slot_free(v, callers[0], slot_of(0));
	assert_int_equal(ask(0, 3), 1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	assert_answer(0, 4);
}

static void numbers_of_slots_are_believed_by_nobody(void **state)
{
	struct call_slot *s = slot_of(0);

	(void)state;
	attend_to(0);
	assert_int_equal(ask(0, 1), 1);
	s->len = SLOT_INLINE + 1;
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	withdraw(0);
	assert_int_equal(ask(0, 1), 1);
	s->call = UINT32_MAX;
	fusion_arena_dispatch(arena, 0, 0);
	s->call = call_index(v, handle_entry(call)) + 1;
	withdraw(0);
	assert_int_equal(n_handled, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_not_attended_to_writes_a_record),
		TEST(request_here_is_answered),
		TEST(what_has_begun_is_not_begun_again),
		TEST(what_came_last_is_handled),
		TEST(who_has_taken_it_back_has_it_back),
		TEST(what_is_given_up_is_not_executed),
		TEST(messages_before_a_call_come_before_it),
		TEST(request_for_another_is_left_alone),
		TEST(who_is_not_used_makes_room),
		TEST(who_comes_last_keeps_its_place),
		TEST(answer_that_is_put_off_ends_the_chain),
		TEST(what_was_deferred_outlives_who_did),
		TEST(handler_of_a_request_here_is_on_the_stack),
		TEST(whatever_waits_is_on_the_stack),
		TEST(who_syncs_does_not_wait_for_what_comes_later),
		TEST(who_has_given_up_is_not_attended_to),
		TEST(numbers_of_slots_are_believed_by_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
