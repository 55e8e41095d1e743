/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delays between dispatchers, listeners, and the end of a reactor. */
#include <errno.h>

#include <fusion/dispatch.h>
#include <fusion/reactor.h>

#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/dispatch_sleep.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/turn.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"

/* --- What a listener loses is counted ------------------------------------- */

#define CELLS 64
#define MORE 20

/* In the play's numbers. */
enum { SENT, READ, LAST };

static struct listener *listener_of(struct play *play)
{
	/* The words behind the numbers. */
	static_assert(sizeof(struct listener) <= 5 * sizeof(uint64_t),
		      "a listener fits into the play");
	return (struct listener *)&play->n[8];
}

static void listen(struct actor *a)
{
	const struct reactor_params params = {
		.message_size = 8,
		.cells = CELLS,
		.listeners = 4,
	};
	/* Waited for, but not for long. */
	const struct cursor_params mine = {
		.owner = a->arena->id,
		.slot = a->v->slot,
		.policy = POLICY_BLOCK,
		.mask = CHANNEL_BIT(0),
	};
	struct reactor *re;

	if (reactor_create(a->v, a->me, NULL, &params, a->arena->id, &re) < 0 ||
	    cursor_take(a->v, a->me, re, &mine, listener_of(a->play)) < 0)
		die("cannot listen");
	a->play->p[0] = re;
}

static void dispatch(struct actor *a)
{
	uint64_t number = a->play->n[SENT] + 1;
	const struct reactor_send send = {
		.head = {.sender = a->arena->id, .size = sizeof(number)},
		.data = &number,
		.nowait = true,
	};
	int r = reactor_dispatch(a->v, a->me, a->play->p[0], &send);

	if (r == 0)
		a->play->n[SENT] = number;
	else
		fault(a->play, "cannot dispatch: %d", r);
}

/* The listener is lapped: it lags, and the ring is full, as an eighth of it was
 * given back in between. */
static void lap(struct actor *a)
{
	for (unsigned i = 0; i < CELLS + CELLS / 8; i++)
		dispatch(a);
}

static void dispatch_more(struct actor *a)
{
	for (unsigned i = 0; i < MORE; i++)
		dispatch(a);
}

static bool hear(struct actor *a)
{
	struct msg_head h;
	uint64_t number;
	int r = cursor_read(a->v, listener_of(a->play), 0, &number,
			    sizeof(number), &h);

	if (r < 0)
		fault(a->play, "cannot read: %d", r);
	if (r != 1)
		return false;
	if (number <= a->play->n[LAST] || number > a->play->n[SENT] + 1)
		fault(a->play, "message %llu after %llu",
		      (unsigned long long)number,
		      (unsigned long long)a->play->n[LAST]);
	a->play->n[LAST] = number;
	a->play->n[READ]++;
	return true;
}

static void hear_all(struct actor *a)
{
	while (hear(a))
		;
}

static void rest(struct actor *a)
{
	cursor_rest(a->v, a->me, listener_of(a->play));
}

/* It had found nothing, before it was lapped. */
static void rest_and_hear(struct actor *a)
{
	rest(a);
	hear(a);
	rest(a);
}

static void hear_and_rest(struct actor *a)
{
	hear(a);
	rest(a);
}

static void hear_all_and_rest(struct actor *a)
{
	hear_all(a);
	rest(a);
}

static void all_is_heard_or_counted(const struct view *v, struct play *play)
{
	uint64_t sent = play->n[SENT], read = play->n[READ];
	struct cursor *c;
	struct ring r;

	if (cursor_get(v, listener_of(play), &r, &c) < 0) {
		fault(play, "the listener is gone");
		return;
	}
	if (read + c->dropped != sent)
		fault(play, "%llu messages, of which %llu heard and %llu lost",
		      (unsigned long long)sent, (unsigned long long)read,
		      (unsigned long long)c->dropped);
}

/* --- A listener that rests ------------------------------------------------ */

/* In the play's numbers, behind those of SENT and the others. */
enum { RESTS = LAST + 1 };

/* It is never waited for, so nothing but its own fence is on its way. */
static void listen_and_drop(struct actor *a)
{
	struct ring queue;
	struct cursor *c;
	struct ring r;

	listen(a);
	if (cursor_get(a->v, listener_of(a->play), &r, &c) < 0 ||
	    message_queue(a->v, a->me, a->v->slot, a->arena->id, &queue) < 0)
		die("cannot listen");
	store_relaxed(&c->policy, (uint32_t)POLICY_DROP << 24);
}

static void find_nothing_and_rest(struct actor *a)
{
	a->play->n[RESTS] =
		!hear(a) && cursor_rest(a->v, a->me, listener_of(a->play));
}

/* It has seen the message, or it is told. */
static void news_has_come(struct actor *a)
{
	struct ring queue;

	if (!a->play->n[RESTS])
		return;
	if (message_queue(a->v, a->me, a->v->slot, a->arena->id, &queue) < 0 ||
	    !ring_pending(&queue))
		fault(a->play, "it rests, and nobody has told it");
}

/* --- A new listener and the end of its reactor ---------------------------- */

/* In the play's numbers. */
enum { TOOK };

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

static void begin_to_listen(struct actor *a)
{
	const struct cursor_params mine = {
		.owner = a->arena->id,
		.slot = a->v->slot,
		.mask = CHANNEL_BIT(0),
	};
	int r = cursor_take(a->v, a->me, a->play->p[0], &mine,
			    listener_of(a->play));

	if (r < 0 && r != -EIDRM)
		fault(a->play, "cannot listen: %d", r);
	a->play->n[TOOK] = r == 0;
}

static void destroy(struct actor *a)
{
	int r = reactor_destroy(a->v, a->me, a->play->p[0]);

	if (r < 0)
		fault(a->play, "cannot destroy: %d", r);
}

/* Another thread that had shut the reactor, and lost, opens it again. */
static void destroy_and_lose(struct actor *a)
{
	struct reactor *re = a->play->p[0];
	uint32_t shut = REACTOR_SHUT;

	destroy(a);
	cas_acq_rel(&re->ring, &shut, 0u);
}

/* The next one of that record is another's. */
static void make_another(struct actor *a)
{
	struct reactor *was = a->play->p[0];

	make_reactor(a);
	if (a->play->p[0] != was)
		die("the record is not the next one to be used");
	begin_to_listen(a);
	if (!a->play->n[TOOK])
		fault(a->play, "nobody can listen to the next reactor");
}

/* Its ring has no other listener than its own. */
static void nobody_is_left(const struct view *v, struct play *play)
{
	struct ring r;
	unsigned n = 0;

	if (reactor_ring(v, play->p[0], &r) < 0) {
		fault(play, "the next reactor has no ring");
		return;
	}
	for (uint32_t i = 0; i < ring_cursors(&r); i++)
		n += CURSOR_STATE(load_relaxed(&cursor_at(&r, i)->st)) !=
		     CURSOR_FREE;
	if (n != 1)
		fault(play, "%u listen to the next reactor", n);
}

/* --- The end comes behind what was dispatched ----------------------------- */

/* In the play's numbers: what was said before the end, how much of it was
 * heard, whether the end was, the ring's index, and what the listener was told
 * while it read. */
enum { SAID, GOT, END, RING, NEWS };

#define OTHER_CHANNEL 5

static bool say(struct actor *a, uint32_t channel, uint64_t number)
{
	const struct reactor_send send = {
		.head = {.sender = a->arena->id,
			 .size = sizeof(number),
			 .a = channel},
		.data = &number,
		.nowait = true,
	};
	int r = reactor_dispatch(a->v, a->me, a->play->p[0], &send);

	if (r < 0 && r != -EIDRM)
		fault(a->play, "cannot dispatch: %d", r);
	return r == 0;
}

static void listen_for_the_end(struct actor *a)
{
	struct ring queue;

	listen(a);
	a->play->n[RING] = listener_of(a->play)->ring;
	if (message_queue(a->v, a->me, a->v->slot, a->arena->id, &queue) < 0)
		die("the listener has no queue");
}

/* A message to a channel goes into the ring if somebody listens there. */
static void listen_elsewhere(struct actor *a)
{
	const struct cursor_params mine = {
		.owner = a->arena->id,
		.slot = a->v->slot,
		.policy = POLICY_DROP,
		.mask = CHANNEL_BIT(OTHER_CHANNEL),
	};
	struct listener l;

	if (cursor_take(a->v, a->me, a->play->p[0], &mine, &l) < 0)
		die("cannot listen elsewhere");
}

/* It may be said before the end, or behind it. */
static void say_at_some_time(struct actor *a)
{
	say(a, 0, 0);
}

static void say_elsewhere(struct actor *a)
{
	say(a, OTHER_CHANNEL, 0);
}

static void say_one(struct actor *a)
{
	a->play->n[SAID] += say(a, 0, 1);
}

static void say_two(struct actor *a)
{
	say_one(a);
	say_one(a);
}

/* Read until it rests, or to the end. */
static void hear_what_is_there(struct actor *a)
{
	struct listener *l = listener_of(a->play);
	struct msg_head h;
	uint64_t number;
	int r;

	if (a->play->n[END])
		return;
	do {
		r = cursor_read(a->v, l, 0, &number, sizeof(number), &h);
		if (r == 1)
			a->play->n[GOT] += number;
	} while (r == 1 || (r == 0 && !cursor_rest(a->v, a->me, l)));
	if (r == -EIDRM) {
		a->play->n[END] = 1;
		cursor_free(a->v, a->me, l);
	} else if (r < 0) {
		fault(a->play, "cannot read: %d", r);
	}
}

/* What tells it from here on comes later.  (Its queue keeps what told it
 * before, as it does not read there.) */
static void note_news(struct actor *a)
{
	struct ring queue;

	if (message_queue(a->v, a->me, a->v->slot, a->arena->id, &queue) < 0)
		die("the listener has no queue");
	a->play->n[NEWS] = ring_pending(&queue);
}

static void say_and_hear_later(struct actor *a)
{
	say_one(a);
	hear_what_is_there(a);
	note_news(a);
}

static void say_destroy_and_hear(struct actor *a)
{
	say_one(a);
	destroy(a);
	hear_what_is_there(a);
	note_news(a);
}

/* It is woken by what it is told, and by nothing else. */
static void hear_if_told(struct actor *a)
{
	struct ring queue;

	if (message_queue(a->v, a->me, a->v->slot, a->arena->id, &queue) == 0 &&
	    ring_pending(&queue) > a->play->n[NEWS])
		hear_what_is_there(a);
}

static void all_is_heard(const struct view *v, struct play *play)
{
	(void)v;
	if (play->n[GOT] != play->n[SAID])
		fault(play, "%llu were said, %llu heard",
		      (unsigned long long)play->n[SAID],
		      (unsigned long long)play->n[GOT]);
}

static void all_is_heard_and_over(const struct view *v, struct play *play)
{
	all_is_heard(v, play);
	if (!play->n[END])
		fault(play, "it has not heard of the end");
	if (load_relaxed(&ring_ctl(v, (uint32_t)play->n[RING])->owner))
		fault(play, "the ring outlives its last listener");
}

/* --- A dispatcher that is late, and the next reactor of its ring ---------- */

/* The next reactor has the ring, unless the victim is writing there, and its
 * listener rests. */
static void hand_over_and_rest(struct actor *a)
{
	destroy(a);
	hear_what_is_there(a);
	listen(a);
	a->play->n[END] = 0;
	hear_what_is_there(a);
}

static bool has_news_of(const struct ring *queue, uint32_t id)
{
	uint64_t pos = load_acquire(&queue->ctl->head);
	uint32_t cells, producer;

	for (; ring_look(queue, pos, &cells, &producer) == RING_RECORD;
	     pos += cells) {
		const struct msg_head *h = ring_head_at(queue, pos);

		if (h->kind == MSG_NEWS && h->a == id)
			return true;
	}
	return false;
}

/* The next message wakes it, or it is told of its own reactor. */
static void can_be_woken(struct actor *a)
{
	const struct listener *l = listener_of(a->play);
	struct ring queue, r;
	struct cursor *c;

	if (message_queue(a->v, a->me, a->v->slot, a->arena->id, &queue) < 0 ||
	    cursor_get(a->v, l, &r, &c) < 0)
		fault(a->play, "the listener is gone");
	else if (!load_relaxed(&c->idle) && !has_news_of(&queue, l->id))
		fault(a->play, "its mark is taken, and nobody has told it");
}

/* --- The end of a reactor that names a ring of another -------------------- */

/* As a listener leaves it that was late, and died. */
static void make_reactor_with_a_foreign_link(struct actor *a)
{
	struct reactor *re;

	listen(a);
	make_reactor(a);
	re = a->play->p[0];
	store_relaxed(&re->ring, listener_of(a->play)->ring + 1);
}

static void make_two(struct actor *a)
{
	listen(a);
	a->play->n[RING] = listener_of(a->play)->ring;
	make_reactor(a);
}

/* As a listener to the reactor does that had the record before. */
static void link_a_foreign_ring(struct actor *a)
{
	struct reactor *re = a->play->p[0];
	uint32_t none = 0;

	cas_acq_rel(&re->ring, &none, (uint32_t)a->play->n[RING] + 1);
}

static void it_listens(struct actor *a)
{
	if (!a->play->n[TOOK])
		fault(a->play, "nobody can listen to a reactor that is there");
}

static void listen_and_rest(struct actor *a)
{
	begin_to_listen(a);
	if (!a->play->n[TOOK])
		return;
	hear_what_is_there(a);
	note_news(a);
}

static void who_listened_knows_the_end(const struct view *v, struct play *play)
{
	(void)v;
	if (play->n[TOOK] && !play->n[END])
		fault(play, "it has not heard of the end");
}

/* --- A bell that finds the queue full ------------------------------------- */

/* In the play's numbers. */
enum { HEARD };

static enum fusion_reaction_result
note_it(const struct fusion_reactor_message *m, void *ctx)
{
	struct play *play = ctx;

	play->n[HEARD] += m->event == FUSION_REACTOR_DATA;
	return FUSION_REACTION_KEEP;
}

static struct dispatcher *mine(struct actor *a)
{
	int r;
	struct dispatcher *d = dispatcher_of(a->arena, &r);

	if (!d)
		die("no dispatcher: %d", r);
	return d;
}

/* As the library's thread does it, until it would sleep. */
static void run_until_asleep(struct actor *a)
{
	struct dispatcher *d = mine(a);

	turn_take(d);
	while (dispatch_run(d) || !dispatch_arm(d))
		;
	turn_give(d);
}

static void attach_and_sleep(struct actor *a)
{
	struct fusion_reactor *reactor;
	struct fusion_reaction *x;

	a->arena->flags |= FUSION_ENTER_MANUAL;
	if (fusion_arena_dispatch(a->arena, 0, 0) < 0 ||
	    fusion_reactor_create(a->arena, NULL, NULL, &reactor) < 0 ||
	    fusion_reactor_attach(reactor, NULL, note_it, a->play, &x) < 0)
		die("cannot attach");
	a->play->p[0] = reactor;
	run_until_asleep(a);
}

static void fill_queue(struct actor *a)
{
	const struct msg_head h = {.kind = MSG_WAKE, .sender = a->arena->id};
	int r;

	do
		r = message_post(a->v, a->me, a->play->slot[RIVAL],
				 a->play->id[RIVAL], &h, NULL, NULL);
	while (r == 0);
	if (r != -EAGAIN)
		die("cannot fill the queue: %d", r);
}

static void ring(struct actor *a)
{
	int r = fusion_reactor_dispatch(a->play->p[0], NULL, "x", 1);

	if (r < 0)
		fault(a->play, "cannot dispatch: %d", r);
}

/* Only if the flag is off under which it sleeps. */
static void wake_up(struct actor *a)
{
	struct dispatcher *d = mine(a);
	uint32_t cells, producer;

	if (ring_look(&d->ring, d->next, &cells, &producer) != RING_EMPTY)
		run_until_asleep(a);
	if (a->play->n[HEARD] != 1)
		fault(a->play, "it sleeps, and has heard of %llu messages",
		      (unsigned long long)a->play->n[HEARD]);
}

/* clang-format off */
const struct scene reactor_scenes[] = {
	{"lagging-rests",
	 {{RIVAL, listen}, {VICTIM, lap}}, dispatch, rest,
	 {{RIVAL, hear_all}}, all_is_heard_or_counted, NULL, 0, false},
	{"lagging-rests-and-reads",
	 {{RIVAL, listen}, {VICTIM, lap}}, dispatch, rest_and_hear,
	 {{RIVAL, hear_all}}, all_is_heard_or_counted, NULL, 3, false},
	{"lagging-reads-all",
	 {{RIVAL, listen}, {VICTIM, lap}}, dispatch, hear_all_and_rest,
	 {{RIVAL, hear_all}}, all_is_heard_or_counted, NULL, 3, false},
	{"reader-is-lapped",
	 {{VICTIM, listen}, {RIVAL, lap}}, hear_and_rest, dispatch_more,
	 {{VICTIM, hear_all}}, all_is_heard_or_counted, NULL, 0, false},
	{"bell-at-a-full-queue",
	 {{RIVAL, attach_and_sleep}, {VICTIM, fill_queue}},
	 ring, run_until_asleep,
	 {{RIVAL, wake_up}}, NULL, NULL, 2, false},
	{"sleeper-and-its-bell",
	 {{VICTIM, attach_and_sleep}}, run_until_asleep, ring,
	 {{VICTIM, wake_up}}, NULL, NULL, 0, false},
	{"listener-rests",
	 {{VICTIM, listen_and_drop}}, find_nothing_and_rest, dispatch,
	 {{VICTIM, news_has_come}}, NULL, NULL, 0, false},
	{"dispatcher-looks-who-rests",
	 {{RIVAL, listen_and_drop}}, dispatch, find_nothing_and_rest,
	 {{RIVAL, news_has_come}}, NULL, NULL, 0, false},
	{"listener-of-who-is-destroyed",
	 {{RIVAL, make_reactor}}, begin_to_listen, destroy,
	 {{RIVAL, make_another}}, nobody_is_left, NULL, 0, false},
	{"reactor-gets-a-listener",
	 {{VICTIM, make_reactor}}, destroy, begin_to_listen,
	 {{VICTIM, make_another}}, nobody_is_left, NULL, 2, false},
	{"unfinished-message-of-another-channel",
	 {{RIVAL, listen_for_the_end}, {VICTIM, listen_elsewhere}},
	 say_elsewhere, say_and_hear_later,
	 {{RIVAL, hear_if_told}}, all_is_heard, NULL, 0, false},
	{"end-behind-an-unfinished-message",
	 {{RIVAL, listen_for_the_end}}, say_at_some_time, say_destroy_and_hear,
	 {{RIVAL, hear_if_told}}, all_is_heard_and_over, NULL, 0, false},
	{"late-dispatcher-and-the-next-reactor",
	 {{RIVAL, listen_for_the_end}, {RIVAL, hear_what_is_there}},
	 say_at_some_time, hand_over_and_rest,
	 {{RIVAL, can_be_woken}}, NULL, NULL, 0, false},
	{"end-and-a-foreign-link",
	 {{VICTIM, make_reactor_with_a_foreign_link}},
	 destroy, listen_and_rest,
	 {{RIVAL, hear_if_told}}, who_listened_knows_the_end, NULL, 0, false},
	{"listener-and-a-foreign-link",
	 {{VICTIM, make_two}}, begin_to_listen, link_a_foreign_ring,
	 {{VICTIM, it_listens}}, NULL, NULL, 0, false},
	{"listener-and-two-who-destroy",
	 {{RIVAL, make_reactor}}, begin_to_listen, destroy_and_lose,
	 {{0}}, NULL, NULL, 0, false},
	{"listener-and-the-end",
	 {{VICTIM, listen_for_the_end}, {RIVAL, say_two}},
	 hear_what_is_there, destroy,
	 {{VICTIM, hear_if_told}}, all_is_heard_and_over, NULL, 0, false},
	{"end-and-its-listener",
	 {{RIVAL, listen_for_the_end}, {VICTIM, say_two}},
	 destroy, hear_what_is_there,
	 {{RIVAL, hear_if_told}}, all_is_heard_and_over, NULL, 0, false},
};
/* clang-format on */
const unsigned n_reactor_scenes =
	sizeof(reactor_scenes) / sizeof(*reactor_scenes);
