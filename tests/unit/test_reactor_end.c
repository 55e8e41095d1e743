/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a reactor, of a listener, and of a reaction
 *
 * A reaction gets all that was dispatched before the end, and then the end, as
 * a message of its own.
 */
#include "tests/unit/reactor_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/listener_wake.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "libfusion/core/talk/ring_produce.h"

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

static struct reactor *rec_of(struct fusion_reactor *r)
{
	return handle_entry(r);
}

static void await(const unsigned *n)
{
	while (!__atomic_load_n(n, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void set(unsigned *n)
{
	__atomic_store_n(n, 1u, __ATOMIC_RELEASE);
}

/* --- A listener that is slower than the end ------------------------------- */

struct ear {
	unsigned in, go; /* atomic: the first message waits for `go` */
	unsigned n;
	unsigned ended; /* atomic */
	struct fusion_reactor_message end;
};

static enum fusion_reaction_result hear(const struct fusion_reactor_message *m,
					void *ctx)
{
	struct ear *e = ctx;

	assert_non_null(m);
	if (m->event == FUSION_REACTOR_DATA) {
		assert_false(e->ended);
		assert_int_equal(m->size, sizeof(e->n));
		assert_memory_equal(m->data, &e->n, sizeof(e->n));
		e->n++;
		set(&e->in);
		await(&e->go);
		return FUSION_REACTION_KEEP;
	}
	memcpy(&e->end, m, sizeof(e->end));
	set(&e->ended);
	return FUSION_REACTION_KEEP;
}

static void say(unsigned n)
{
	assert_int_equal(
		dispatch_at(reactor, 3, &n, sizeof(n), FUSION_REACTOR_SELF), 0);
}

static void what_was_dispatched_comes_before_the_end(void **state)
{
	static struct ear e;
	struct fusion_reaction *x;
	const unsigned all = 200;

	(void)state;
	assert_int_equal(fusion_reactor_set_direct(reactor, false), 0);
	assert_int_equal(attach_at(reactor, 3, NULL, hear, &e, &x), 0);
	say(0);
	await(&e.in);
	for (unsigned i = 1; i < all; i++)
		say(i);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	set(&e.go);
	await(&e.ended);
	assert_int_equal(e.n, all);
	assert_int_equal(e.end.event, FUSION_REACTOR_DESTROYED);
	assert_ptr_equal(e.end.reactor, reactor);
	assert_int_equal(e.end.channel, 3);
	assert_null(e.end.data);
	assert_int_equal(e.end.size, 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
}

/* A program that dispatches by itself looks at its own flags when a handler has
 * run: so each call that runs a reaction returns, also for the end. */
static void dispatching_by_hand_returns_for_each_reaction_that_ran(void **state)
{
	static struct ear e = {.go = 1};
	struct fusion_reaction *x;

	(void)state;
	image_dispatches(arena);
	assert_int_equal(fusion_reactor_set_direct(reactor, false), 0);
	assert_int_equal(attach_at(reactor, 3, NULL, hear, &e, &x), 0);
	/* More than are read in one turn: the last ones need no news. */
	for (unsigned i = 0; i < 65; i++)
		say(i);
	while (e.n < 65)
		assert_true(fusion_arena_dispatch(arena, 0, 0) > 0);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_true(fusion_arena_dispatch(arena, FUSION_FOREVER,
					  FUSION_WAIT_INTERRUPTIBLE) > 0);
	assert_int_equal(e.end.event, FUSION_REACTOR_DESTROYED);
	assert_int_equal(fusion_reactor_detach(x), 0);
}

/* A disconnected listener has no place any more: it may listen again. */
static void
a_listener_that_is_disconnected_is_told_and_gives_its_place(void **state)
{
	const struct fusion_reactor_options one = {
		.size = sizeof(one), .cells = 64, .listeners = 1};
	const struct fusion_reactor_policy strict = {
		.size = sizeof(strict),
		.kind = FUSION_REACTOR_DISCONNECT,
		.limit_ns = 1000000,
	};
	static struct ear e, again;
	struct fusion_reaction *x, *y;
	unsigned n = 0;

	(void)state;
	assert_int_equal(fusion_reactor_create(arena, "one", &one, &reactor),
			 0);
	assert_int_equal(fusion_reactor_set_direct(reactor, false), 0);
	assert_int_equal(attach_at(reactor, 3, &strict, hear, &e, &x), 0);
	say(n++);
	await(&e.in);
	while (n < 100)
		say(n++);
	set(&e.go);
	await(&e.ended);
	assert_int_equal(e.end.event, FUSION_REACTOR_DISCONNECTED);
	assert_ptr_equal(e.end.reactor, reactor);
	assert_true(e.n < 100);
	assert_int_equal(attach_at(reactor, 3, NULL, hear, &again, &y), 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
	assert_int_equal(fusion_reactor_detach(y), 0);
}

/* --- When a reaction is gone ---------------------------------------------- */

struct tenant {
	unsigned runs, gone; /* atomic */
	enum fusion_reaction_result result;
	struct fusion_reaction *itself; /* detached by the reaction */
};

static void count_gone(void *ctx)
{
	struct tenant *t = ctx;

	__atomic_add_fetch(&t->gone, 1, __ATOMIC_RELEASE);
}

static enum fusion_reaction_result visit(const struct fusion_reactor_message *m,
					 void *ctx)
{
	struct tenant *t = ctx;

	(void)m;
	if (t->itself)
		assert_int_equal(fusion_reactor_detach(t->itself), 0);
	/* Not before it has returned. */
	assert_int_equal(t->gone, 0);
	__atomic_add_fetch(&t->runs, 1, __ATOMIC_RELEASE);
	return t->result;
}

static struct fusion_reaction *move_in(struct tenant *t)
{
	struct fusion_reactor_attach_options o =
		FUSION_REACTOR_ATTACH_OPTIONS_INIT;
	struct fusion_reaction *x;

	o.channel = 3;
	o.destroy = count_gone;
	assert_int_equal(fusion_reactor_attach(reactor, &o, visit, t, &x), 0);
	return x;
}

static void detached_it_is_gone_once(void **state)
{
	struct tenant t = {0};
	struct fusion_reaction *x = move_in(&t);

	(void)state;
	say(0);
	assert_int_equal(t.gone, 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
	assert_int_equal(t.gone, 1);
	assert_int_equal(fusion_reactor_detach(x), -EINVAL);
	assert_int_equal(t.gone, 1);
	assert_int_equal(t.runs, 1);
}

/* Directly, and by the dispatcher. */
static void removed_or_detached_by_itself_it_is_gone_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		static struct tenant t;

		memset(&t, 0, sizeof(t));
		assert_int_equal(fusion_reactor_set_direct(reactor, i & 1), 0);
		if (i & 2)
			t.result = FUSION_REACTION_REMOVE;
		t.itself = i & 2 ? (move_in(&t), NULL) : move_in(&t);
		say(0);
		await(&t.gone);
		say(0);
		assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0),
				 0);
		assert_int_equal(t.gone, 1);
		assert_int_equal(t.runs, 1);
	}
}

static void of_a_reactor_that_is_destroyed_it_stays_until_detached(void **state)
{
	struct tenant t = {0};
	struct fusion_reaction *x = move_in(&t);

	(void)state;
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	await(&t.runs);
	assert_int_equal(t.gone, 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
	assert_int_equal(t.gone, 1);
}

static void who_leaves_the_arena_has_none_left(void **state)
{
	struct tenant t[2] = {{0}};

	(void)state;
	move_in(&t[0]);
	move_in(&t[1]);
	dispatch_stop(arena);
	reactor_stop(arena);
	assert_int_equal(t[0].gone, 1);
	assert_int_equal(t[1].gone, 1);
	assert_int_equal(t[0].runs, 0);
}

static void not_attached_it_is_not_gone(void **state)
{
	struct {
		struct fusion_reactor_attach_options known;
		uint64_t later;
	} o = {.known = FUSION_REACTOR_ATTACH_OPTIONS_INIT};
	struct fusion_reaction *x = NULL;
	struct tenant t = {0};

	(void)state;
	o.known.destroy = count_gone;
	o.known.flags = 1;
	assert_int_equal(
		fusion_reactor_attach(reactor, &o.known, visit, &t, &x),
		-EINVAL);
	o.known.flags = 0;
	o.known.channel = 65536;
	assert_int_equal(
		fusion_reactor_attach(reactor, &o.known, visit, &t, &x),
		-EINVAL);
	o.known.channel = 0;
	o.known.size = 8;
	assert_int_equal(
		fusion_reactor_attach(reactor, &o.known, visit, &t, &x),
		-EINVAL);
	o.known.size = sizeof(o);
	o.later = 1;
	assert_int_equal(
		fusion_reactor_attach(reactor, &o.known, visit, &t, &x),
		-E2BIG);
	o.known.size = sizeof(o.known);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_equal(
		fusion_reactor_attach(reactor, &o.known, visit, &t, &x),
		-EIDRM);
	assert_int_equal(t.gone, 0);
	assert_null(x);
}

/* --- The ring of a reactor that is gone ----------------------------------- */

static struct listener listen_by_hand(struct thread_rec *t, uint32_t channel)
{
	const struct cursor_params params = {
		.flags = CURSOR_VISITOR,
		.policy = POLICY_DROP,
		.mask = CHANNEL_BIT(channel),
	};
	struct listener l;

	assert_int_equal(
		cursor_take(&arena->view, t, rec_of(reactor), &params, &l), 0);
	return l;
}

static int read_by_hand(const struct listener *l, uint32_t *ret)
{
	struct msg_head h;

	return cursor_read(&arena->view, l, 0, ret, sizeof(*ret), &h);
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

static uint32_t owner_of_ring(const struct listener *l)
{
	return load_relaxed(&ring_ctl(&arena->view, l->ring)->owner);
}

static void the_queue_goes_with_the_last_listener(void **state)
{
	struct thread_rec *me = thread_rec_of(arena);
	struct listener a, b;
	uint32_t got;

	(void)state;
	a = listen_by_hand(me, 3);
	b = listen_by_hand(me, 3);
	say(7);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_equal(read_by_hand(&a, &got), 1);
	assert_int_equal(got, 7);
	assert_int_equal(read_by_hand(&a, &got), -EIDRM);
	cursor_free(&arena->view, me, &a);
	assert_int_not_equal(owner_of_ring(&b), 0);
	assert_int_equal(read_by_hand(&b, &got), 1);
	assert_int_equal(read_by_hand(&b, &got), -EIDRM);
	assert_false(cursor_rest(&arena->view, me, &b));
	cursor_free(&arena->view, me, &b);
	assert_int_equal(owner_of_ring(&b), 0);
	assert_int_equal(read_by_hand(&b, &got), -EIDRM);
}

static void the_queue_goes_with_the_last_listener_that_died(void **state)
{
	struct thread_rec *t = another_thread();
	struct listener l = listen_by_hand(t, 3);

	(void)state;
	say(7);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_not_equal(owner_of_ring(&l), 0);
	bury(t);
	assert_int_equal(owner_of_ring(&l), 0);
}

/* --- Behind a record that is still being written -------------------------- */

/* Thread @t has claimed a record, and not written it. */
static uint64_t begin_to_say(struct thread_rec *t, const struct listener *l,
			     struct ring *r)
{
	uint64_t pos;
	bool slept;

	assert_int_equal(ring_map(&arena->view, l->ring, r), 0);
	t->call.kind = l->ring;
	t->call.a[0] = l->id;
	store_relaxed(&t->call.op, (uint32_t)CALL_OP_DISPATCH);
	assert_int_equal(ring_claim(&arena->view, t, r, 1, &pos, &slept), 0);
	return pos;
}

static uint32_t idle_of(const struct listener *l)
{
	struct cursor *c;
	struct ring r;

	assert_int_equal(cursor_get(&arena->view, l, &r, &c), 0);
	return load_relaxed(&c->idle);
}

/* The dispatcher of the unfinished one dies: what is behind it is read, and
 * then the end. */
static void the_end_waits_for_what_is_being_dispatched(void **state)
{
	struct thread_rec *me = thread_rec_of(arena), *t = another_thread();
	struct listener l = listen_by_hand(me, 3);
	struct ring r;
	uint32_t got;

	(void)state;
	begin_to_say(t, &l, &r);
	say(8);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_equal(read_by_hand(&l, &got), 0);
	assert_true(cursor_rest(&arena->view, me, &l));
	bury(t);
	assert_int_equal(idle_of(&l), CURSOR_READS);
	assert_int_equal(read_by_hand(&l, &got), 1);
	assert_int_equal(got, 8);
	assert_int_equal(read_by_hand(&l, &got), -EIDRM);
	cursor_free(&arena->view, me, &l);
}

/* The unfinished one is for another channel, and the own message behind it. */
static void what_is_behind_another_channels_message_wakes(void **state)
{
	struct thread_rec *me = thread_rec_of(arena), *t = another_thread();
	struct listener l = listen_by_hand(me, 3);
	struct ring r;
	uint32_t got;
	uint64_t pos;

	(void)state;
	pos = begin_to_say(t, &l, &r);
	say(9);
	assert_int_equal(read_by_hand(&l, &got), 0);
	assert_true(cursor_rest(&arena->view, me, &l));
	assert_int_equal(idle_of(&l), CURSOR_BLOCKED);
	*ring_head_at(&r, pos) = (struct msg_head){
		.target = l.id | RING_OF_REACTOR,
		.kind = MSG_REACTOR,
		.a = 5,
	};
	ring_commit(&arena->view, t, &r, pos, 1);
	ring_finish(t);
	listeners_wake(&arena->view, t, &r, 5);
	assert_int_equal(idle_of(&l), CURSOR_READS);
	assert_int_equal(read_by_hand(&l, &got), 1);
	assert_int_equal(got, 9);
	cursor_free(&arena->view, me, &l);
	bury(t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_dispatched_comes_before_the_end),
		TEST(dispatching_by_hand_returns_for_each_reaction_that_ran),
		TEST(a_listener_that_is_disconnected_is_told_and_gives_its_place),
		TEST(detached_it_is_gone_once),
		TEST(removed_or_detached_by_itself_it_is_gone_once),
		TEST(of_a_reactor_that_is_destroyed_it_stays_until_detached),
		TEST(who_leaves_the_arena_has_none_left),
		TEST(not_attached_it_is_not_gone),
		TEST(the_queue_goes_with_the_last_listener),
		TEST(the_queue_goes_with_the_last_listener_that_died),
		TEST(the_end_waits_for_what_is_being_dispatched),
		TEST(what_is_behind_another_channels_message_wakes),
	};

	return cmocka_run_group_tests_name("reactor_end", tests, NULL, NULL);
}
