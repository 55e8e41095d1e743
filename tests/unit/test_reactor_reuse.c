/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring that gets another reactor
 *
 * Threads that were late, or died, did something in the ring for the reactor
 * that had it before.  The next reactor must not suffer from that.
 */
#include "tests/unit/reactor_fixture.h"

#include <time.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/listener_wake.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/core/talk/ring_produce.h"

#define CHANNEL 3

static int set_up(void **state)
{
	(void)state;
	return reactor_set_up();
}

static int tear_down(void **state)
{
	(void)state;
	return reactor_tear_down();
}

/* --- Two reactors, one after the other ------------------------------------ */

static struct reactor *record(void)
{
	return handle_entry(reactor);
}

/* This member listens, or a visitor that @t has. */
static struct listener listen_by_hand(struct thread_rec *t, bool visitor)
{
	const struct cursor_params params = {
		.owner = visitor ? 0 : arena->id,
		.slot = visitor ? 0 : arena->view.slot,
		.flags = visitor ? CURSOR_VISITOR : 0,
		.policy = POLICY_BLOCK,
		.limit_ms = REACTOR_FOREVER_MS,
		.mask = CHANNEL_BIT(CHANNEL),
	};
	struct listener l;

	assert_int_equal(cursor_take(&arena->view, t, record(), &params, &l),
			 0);
	return l;
}

static void say(void)
{
	const struct reactor_send send = {
		.head = {.sender = arena->id, .size = 8, .a = CHANNEL},
		.data = "message",
		.nowait = true,
	};

	assert_int_equal(reactor_dispatch(&arena->view, thread_rec_of(arena),
					  record(), &send),
			 0);
}

static int read_by_hand(const struct listener *l)
{
	struct msg_head h;
	char got[8];

	return cursor_read(&arena->view, l, 0, got, sizeof(got), &h);
}

static uint32_t idle_of(const struct listener *l)
{
	struct cursor *c;
	struct ring r;

	assert_int_equal(cursor_get(&arena->view, l, &r, &c), 0);
	return load_relaxed(&c->idle);
}

static uint32_t owner_of(const struct ring *r)
{
	return load_relaxed(&r->ctl->owner);
}

static void next_reactor(void)
{
	assert_int_equal(fusion_reactor_create(arena, "next", NULL, &reactor),
			 0);
}

/* The reactor ends, and the next one gets the ring.  This member listens to
 * it, and rests.  Returns the listener to the former reactor, which is gone. */
static struct listener hand_over(struct ring *r, struct listener *ret)
{
	struct thread_rec *me = thread_rec_of(arena);
	struct listener was = listen_by_hand(me, false);

	assert_int_equal(ring_map(&arena->view, was.ring, r), 0);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	cursor_free(&arena->view, me, &was);
	assert_int_equal(owner_of(r), 0);
	next_reactor();
	*ret = listen_by_hand(me, false);
	assert_int_equal(ret->ring, was.ring);
	assert_int_equal(read_by_hand(ret), 0);
	assert_true(cursor_rest(&arena->view, me, ret));
	return was;
}

/* How often this member is told of news of the listener's reactor. */
static unsigned news_of(const struct listener *l)
{
	uint32_t cells, producer;
	struct ring queue;
	unsigned n = 0;
	uint64_t pos;

	assert_int_equal(message_queue(&arena->view, thread_rec_of(arena),
				       arena->view.slot, arena->id, &queue),
			 0);
	for (pos = load_relaxed(&queue.ctl->head);
	     ring_look(&queue, pos, &cells, &producer) == RING_RECORD;
	     pos += cells) {
		const struct msg_head *h = ring_head_at(&queue, pos);

		n += h->kind == MSG_NEWS && h->a == l->id;
	}
	return n;
}

static struct thread_rec *another_thread(void)
{
	struct thread_rec *t;

	assert_int_equal(thread_claim(&arena->view, &t), 0);
	return t;
}

static void bury(struct thread_rec *t)
{
	assert_int_equal(life_lock(&arena->view, -1), 0);
	assert_int_equal(recover_thread(&arena->view, t), 0);
	life_unlock(&arena->view);
}

/* --- A late dispatcher ---------------------------------------------------- */

/* It has committed for the former reactor, and wakes now. */
static void late_dispatcher_names_the_reactor_of_the_mark(void **state)
{
	struct listener l;
	struct ring r;

	(void)state;
	hand_over(&r, &l);
	listeners_wake(&arena->view, thread_rec_of(arena), &r, CHANNEL);
	assert_int_equal(idle_of(&l), CURSOR_READS);
	assert_int_equal(news_of(&l), 1);
	say();
	assert_int_equal(read_by_hand(&l), 1);
	cursor_free(&arena->view, thread_rec_of(arena), &l);
}

/* It claims for the former reactor, and dies there.  The listener stands before
 * the claim, and the message behind it has woken nobody else. */
static void late_dispatcher_that_dies_wakes_who_has_the_ring(void **state)
{
	struct thread_rec *t = another_thread();
	struct listener was, l;
	uint64_t pos;
	struct ring r;
	bool slept;

	(void)state;
	was = hand_over(&r, &l);
	t->call.kind = r.index;
	t->call.a[0] = was.id;
	store_relaxed(&t->call.op, (uint32_t)CALL_OP_DISPATCH);
	assert_int_equal(ring_claim(&arena->view, t, &r, 1, &pos, &slept), 0);
	say();
	assert_int_equal(news_of(&l), 1);
	assert_int_equal(read_by_hand(&l), 0);
	assert_true(cursor_rest(&arena->view, thread_rec_of(arena), &l));
	assert_int_equal(idle_of(&l), CURSOR_BLOCKED);
	bury(t);
	assert_int_equal(idle_of(&l), CURSOR_READS);
	assert_int_equal(news_of(&l), 2);
	assert_int_equal(read_by_hand(&l), 1);
	cursor_free(&arena->view, thread_rec_of(arena), &l);
}

/* --- A late listener ------------------------------------------------------ */

/* It takes the cursor when the thread that destroys has seen none, and dies
 * before it sees that the reactor has gone.  Its cursor must not hold up those
 * that dispatch to the next reactor. */
static void cursor_of_the_dead_goes_from_a_ring_without_owner(void **state)
{
	struct thread_rec *me = thread_rec_of(arena), *t = another_thread();
	struct listener was = listen_by_hand(t, true), l;
	struct ring r;
	uint64_t st;

	(void)state;
	assert_int_equal(ring_map(&arena->view, was.ring, &r), 0);
	st = load_relaxed(&cursor_at(&r, was.cursor)->st);
	store_relaxed(&cursor_at(&r, was.cursor)->st, 0ull);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_equal(owner_of(&r), 0);
	store_relaxed(&cursor_at(&r, was.cursor)->st, st);
	bury(t);
	assert_int_equal(CURSOR_STATE(cursor_at(&r, was.cursor)->st),
			 CURSOR_FREE);
	next_reactor();
	l = listen_by_hand(me, false);
	assert_int_equal(l.ring, was.ring);
	for (int i = 0; i < 3000; i++) {
		say();
		assert_int_equal(read_by_hand(&l), 1);
	}
	cursor_free(&arena->view, me, &l);
}

/* It makes the ring when the reactor has gone, and dies then. */
static void ring_that_was_made_too_late_is_closed(void **state)
{
	struct thread_rec *t = another_thread();
	struct listener l = listen_by_hand(t, true);
	struct ring r;

	(void)state;
	assert_int_equal(ring_map(&arena->view, l.ring, &r), 0);
	cursor_free(&arena->view, t, &l);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_equal(owner_of(&r), 0);
	store_relaxed(&r.ctl->owner, l.id | RING_OF_REACTOR);
	store_relaxed(&r.ctl->closed, 0u);
	bury(t);
	assert_int_equal(owner_of(&r), 0);
}

/* --- Many reactors -------------------------------------------------------- */

#define MANY 20000u

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What it takes to look at all reactors once for each of @n rings. */
static int64_t searches_ns(const struct view *v, unsigned n)
{
	uint32_t hi = table_hi(v, KIND_REACTOR);
	int64_t t = cpu_ns();
	unsigned found = 0;

	for (unsigned k = 0; k < 100; k++)
		for (uint32_t i = 0; i < hi; i++) {
			const struct reactor *re =
				view_entry(v, KIND_REACTOR, i);

			found += load_acquire(&re->id) == UINT32_MAX;
		}
	assert_int_equal(found, 0);
	return (cpu_ns() - t) / 100 * n;
}

/* Recovery has a tenth of the time that a search for each ring's reactor
 * takes. */
static void recover_in_time(struct view *v, uint32_t slot)
{
	int64_t t = cpu_ns(), took;

	cursor_recover_member(v, slot);
	took = cpu_ns() - t;
	print_message("# recovery of member %u: %d us\n", slot,
		      (int)(took / 1000));
	assert_true(took < searches_ns(v, MANY / 10));
}

static void recovery_does_not_search_for_each_rings_reactor(void **state)
{
	const struct reactor_params params = {
		.message_size = 8, .cells = 64, .listeners = 1};
	const struct cursor_params mine = {
		.owner = 7, .slot = 7, .policy = POLICY_BLOCK, .mask = 1};
	static struct reactor *all[MANY];
	static struct listener l[MANY];
	static struct view v;
	int64_t t;

	(void)state;
	image_map_at(IMAGE_BASE_2, &v,
		     image_create_at(IMAGE_BASE_2, 4ull << 30, 0));
	assert_int_equal(life_undertake(&v), 0);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(
			reactor_create(&v, v.rec, NULL, &params, 0, &all[i]),
			0);
		assert_int_equal(cursor_take(&v, v.rec, all[i], &mine, &l[i]),
				 0);
		/* As if it had had another owner before. */
		store_relaxed(&ring_ctl(&v, l[i].ring)->closed, 1u);
	}
	/* Another member dies; the one that listens; and one when nobody
	 * listens. */
	recover_in_time(&v, 3);
	recover_in_time(&v, 7);
	recover_in_time(&v, 3);
	t = cpu_ns();
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(reactor_destroy(&v, v.rec, all[i]), 0);
	t = cpu_ns() - t;
	print_message("# destruction: %d us\n", (int)(t / 1000));
	assert_true(t < searches_ns(&v, MANY / 2));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(load_relaxed(&ring_ctl(&v, l[i].ring)->owner),
				 0);
}

/* The record is searched for once, and then noted. */
static void ring_without_a_note_is_closed(void **state)
{
	struct listener l = listen_by_hand(thread_rec_of(arena), false), was;
	struct thread_rec *t = another_thread();
	struct ring r;
	uint64_t note;

	(void)state;
	assert_int_equal(ring_map(&arena->view, l.ring, &r), 0);
	note = load_relaxed(&r.ctl->reactor);
	assert_int_equal((uint32_t)note, l.id);
	cursor_free(&arena->view, thread_rec_of(arena), &l);
	store_relaxed(&r.ctl->reactor, note - 1);
	bury(t);
	assert_int_equal(owner_of(&r), l.id | RING_OF_REACTOR);
	assert_int_equal(load_relaxed(&r.ctl->reactor), note);
	t = another_thread();
	was = listen_by_hand(t, true);
	store_relaxed(&r.ctl->reactor, 0ull);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_not_equal(owner_of(&r), 0);
	bury(t);
	assert_int_equal(owner_of(&r), 0);
	assert_int_equal(was.ring, l.ring);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(late_dispatcher_names_the_reactor_of_the_mark),
		TEST(late_dispatcher_that_dies_wakes_who_has_the_ring),
		TEST(cursor_of_the_dead_goes_from_a_ring_without_owner),
		TEST(ring_that_was_made_too_late_is_closed),
		TEST(recovery_does_not_search_for_each_rings_reactor),
		TEST(ring_without_a_note_is_closed),
	};

	return cmocka_run_group_tests_name("reactor_reuse", tests, NULL, NULL);
}
