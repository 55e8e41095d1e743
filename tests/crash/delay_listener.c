/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delays and deaths while a listener begins
 *
 * A new listener finds a ring, or makes one, takes a cursor, and goes to the
 * end of the ring.  Meanwhile others dispatch, make room, or open the same
 * ring.
 */
#include <errno.h>
#include <string.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "libfusion/core/talk/ring.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"

#define CELLS 64

/* In the play's numbers: how many were said and heard, and the last one that
 * was heard. */
enum { SAID, HEARD, LAST };

static struct listener *listener_of(struct play *play)
{
	/* The words behind the numbers. */
	static_assert(sizeof(struct listener) <= 5 * sizeof(uint64_t),
		      "a listener fits into the play");
	return (struct listener *)&play->n[8];
}

static void make_reactor(struct actor *a)
{
	const struct reactor_params params = {
		.message_size = 8,
		.cells = CELLS,
		.listeners = 4,
	};
	struct reactor *re;

	if (reactor_create(a->v, a->me, NULL, &params, a->arena->id, &re) < 0)
		die("cannot make a reactor");
	a->play->p[0] = re;
}

static bool take(struct actor *a, uint32_t policy, struct listener *ret)
{
	const struct cursor_params params = {
		.owner = a->arena->id,
		.slot = a->v->slot,
		.policy = policy,
		.limit_ms = REACTOR_FOREVER_MS,
		.mask = CHANNEL_BIT(0),
	};
	int r = cursor_take(a->v, a->me, a->play->p[0], &params, ret);

	if (r < 0)
		fault(a->play, "cannot listen: %d", r);
	return r == 0;
}

static void begin(struct actor *a)
{
	take(a, POLICY_BLOCK, listener_of(a->play));
}

/* The number comes first.  False: there is no room. */
static bool say(struct actor *a, uint64_t number, uint32_t size)
{
	uint64_t words[64] = {number};
	const struct reactor_send send = {
		.head = {.sender = a->arena->id, .size = size},
		.data = words,
		.nowait = true,
	};
	int r = reactor_dispatch(a->v, a->me, a->play->p[0], &send);

	if (r < 0 && r != -EAGAIN)
		fault(a->play, "cannot dispatch: %d", r);
	return r == 0;
}

static bool say_next(struct actor *a)
{
	bool said = say(a, a->play->n[SAID] + 1, 8);

	a->play->n[SAID] += said;
	return said;
}

static void say_some(struct actor *a, unsigned n)
{
	while (n--)
		say_next(a);
}

/* From the first one that it hears on it hears them all, in order. */
static bool hear(struct actor *a)
{
	uint64_t words[64], *last = &a->play->n[LAST];
	struct msg_head h;
	int r = cursor_read(a->v, listener_of(a->play), 0, words, sizeof(words),
			    &h);

	if (r < 0)
		fault(a->play, "cannot read: %d", r);
	if (r != 1)
		return false;
	if (!words[0])
		return true;
	if (a->play->n[HEARD]++ && words[0] != *last + 1)
		fault(a->play, "message %llu after %llu",
		      (unsigned long long)words[0], (unsigned long long)*last);
	*last = words[0];
	return true;
}

static void hear_all(struct actor *a)
{
	while (hear(a))
		;
	if (a->play->n[LAST] != a->play->n[SAID])
		fault(a->play, "of %llu messages the last one heard is %llu",
		      (unsigned long long)a->play->n[SAID],
		      (unsigned long long)a->play->n[LAST]);
}

static void nothing_is_lost(const struct view *v, struct play *play)
{
	struct cursor *c;
	struct ring r;

	if (cursor_get(v, listener_of(play), &r, &c) < 0)
		fault(play, "the listener is gone");
	else if (load_relaxed(&c->dropped))
		fault(play, "%llu messages are lost to one that is waited for",
		      (unsigned long long)load_relaxed(&c->dropped));
}

/* --- Somebody listens now and then ---------------------------------------- */

/* What is said while nobody listens does not go into the ring. */
static void say_now_and_then(struct actor *a)
{
	struct listener l;

	for (unsigned n = 0; n < 3; n++) {
		if (!take(a, POLICY_DROP, &l))
			return;
		say_some(a, CELLS / 4);
		cursor_free(a->v, a->me, &l);
		say_some(a, 2);
	}
}

static void say_more(struct actor *a)
{
	say_some(a, 3);
}

/* --- A dispatcher that makes room ----------------------------------------- */

/* Two cells are left, and they are not the last two of a lap: an eighth of the
 * ring was given back in between. */
static void fill(struct actor *a)
{
	struct listener l;

	make_reactor(a);
	if (take(a, POLICY_DROP, &l))
		say_some(a, CELLS + CELLS / 8 - 2);
}

/* It needs three.  It has no number, as it is said at any time. */
static void say_long(struct actor *a)
{
	say(a, 0, 3 * RING_CELL - sizeof(struct msg_head));
}

/* It hears one of two, and then it is waited for. */
static void begin_and_be_slow(struct actor *a)
{
	begin(a);
	say_some(a, 2);
	hear(a);
	for (unsigned n = 0; n < 2 * CELLS && say_next(a); n++)
		;
}

/* --- Death, and another that opens the same ring -------------------------- */

/* A thread that lives, and is about to take the first ring. */
static void announce_the_ring(struct actor *a)
{
	struct reactor *re = a->play->p[0];
	struct thread_rec *t;

	if (thread_claim(a->v, &t) < 0)
		die("no thread record");
	t->msg.kind = 0;
	t->msg.a[0] = load_relaxed(&re->id) | RING_OF_REACTOR;
	t->msg.a[1] = view_off(a->v, &re->ring);
	t->msg.a[2] = 0;
	t->msg.op = MSG_OP_OPEN;
	a->play->p[1] = t;
}

static void sweep(struct actor *a)
{
	life_sweep(a->v);
}

/* It finds the ring taken, and goes on. */
static void take_another(struct actor *a)
{
	struct thread_rec *t = a->play->p[1];
	struct listener l;

	t->msg.op = 0;
	thread_release(a->v, t);
	take(a, POLICY_DROP, &l);
	take(a, POLICY_DROP, &l);
}

/* clang-format off */
const struct scene listener_scenes[] = {
	{"listener-begins-in-between",
	 {{RIVAL, make_reactor}}, begin, say_now_and_then,
	 {{RIVAL, say_more}, {VICTIM, hear_all}}, nothing_is_lost, NULL, 3,
	 false},
	{"listener-begins-behind-the-gate",
	 {{VICTIM, fill}}, say_long, begin_and_be_slow,
	 {{RIVAL, hear_all}}, nothing_is_lost, NULL, 0, false},
	{"listener-dies-and-another-tries",
	 {{RIVAL, make_reactor}}, begin, announce_the_ring,
	 {{THIRD, sweep}, {RIVAL, take_another}}, NULL, NULL, 0, VICTIM_DIES},
};
/* clang-format on */
const unsigned n_listener_scenes =
	sizeof(listener_scenes) / sizeof(*listener_scenes);
