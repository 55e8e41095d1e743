/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/pair_talk.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "libfusion/core/talk/ring_consume.h"
#include "tests/crash/pair.h"

#define OWN 0xffff0000u /* the peer's own message and event */
#define PATIENCE_S 10	/* then it hangs */

struct talk {
	struct stage *stage;
	struct view mine; /* with a member's patience, for ever */
	struct thread_rec *me, *other;
	bool sleeper, gives_up;
	pthread_t thread;
	uint32_t done, quit; /* atomic */
	uint32_t buried;     /* atomic, futex */
	void *asleep_on;     /* atomic */

	struct ring queue;
	uint64_t next;
	struct reactor *re; /* NULL none */
	struct listener l;  /* owner 0: it does not listen */
	bool own_message, own_event, ended;
	unsigned messages[LEDGER_MESSAGES], events[LEDGER_EVENTS];
	uint32_t last_message, last_event;
	unsigned answered;
	struct verdict wrong;
};

static void wrong(struct talk *t, const char *what, int64_t n)
{
	if (!t->wrong.bad++)
		snprintf(t->wrong.first, sizeof(t->wrong.first),
			 "the peer: %s (%lld)", what, (long long)n);
}

static void sleep_on(struct talk *t, void *word, uint32_t is)
{
	store_release(&t->asleep_on, word);
	futex_wait(word, is, -1);
	store_release(&t->asleep_on, (void *)NULL);
}

/* --- Its own -------------------------------------------------------------- */

static struct member_rec *peer(const struct talk *t)
{
	return view_member(&t->stage->view, t->stage->ledger->peer);
}

static bool say_message(struct talk *t, struct thread_rec *me)
{
	const struct msg_head h = {.kind = MSG_USER, .a = OWN};
	int r = message_post(&t->mine, me, t->stage->ledger->peer, peer(t)->id,
			     &h, NULL, NULL);

	if (r < 0 && r != -EAGAIN)
		wrong(t, "cannot send", r);
	return r != -EAGAIN;
}

static bool say_event(struct talk *t, struct thread_rec *me)
{
	const uint32_t own = OWN;
	const struct reactor_send send = {
		.head = {.sender = peer(t)->id, .size = sizeof(own)},
		.data = &own,
		.nowait = true,
	};
	int r = reactor_dispatch(&t->mine, me, t->re, &send);

	/* The end comes by itself, if it listens. */
	if (r < 0 && r != -EAGAIN &&
	    (r != -EIDRM || t->stage->ledger->reactor == CLAIM_PRESENT))
		wrong(t, "cannot dispatch", r);
	return r != -EAGAIN;
}

/* What comes to the victim goes with it. */
static void say_to_victim(struct talk *t)
{
	const struct member_rec *m =
		view_member(&t->mine, t->stage->ledger->victim);
	const struct msg_head h = {.kind = MSG_USER, .a = OWN};
	int r;

	if (!load_acquire(&m->ring))
		return;
	r = message_post(&t->mine, t->me, t->stage->ledger->victim, m->id, &h,
			 NULL, NULL);
	if (r < 0 && r != -EAGAIN && r != -ESRCH)
		wrong(t, "cannot send to the victim", r);
}

/* --- What has come -------------------------------------------------------- */

static void note_message(struct talk *t, const struct msg_head *h)
{
	const struct ledger *l = t->stage->ledger;
	const uint8_t *data = (const uint8_t *)(h + 1);
	uint32_t n = (uint32_t)h->a;

	if (n == OWN) {
		t->own_message = true;
		return;
	}
	if (!n || n > l->n_messages || n <= t->last_message) {
		wrong(t, "a message out of order", n);
		return;
	}
	t->last_message = n;
	t->messages[n - 1]++;
	if (h->flags & MSG_BLOCK) {
		data = view_at(&t->mine,
			       *(const uint64_t *)data - t->mine.sb->base);
		if (!heap_is_allocated(&t->mine, data))
			wrong(t, "a message has no block", n);
	}
	for (uint32_t i = 0; i < l->messages[n - 1].size; i++)
		if (data[i] != message_byte(n, i)) {
			wrong(t, "a message is not as it was sent", n);
			break;
		}
}

/* Somebody waits for it, or has given it up, or is dead. */
static void answer(struct talk *t, const struct msg_head *h)
{
	struct call_slot *s;
	int r;

	t->answered++;
	if (!h->b)
		return;
	r = call_return_begin(&t->mine, t->me, h->b, &s);
	if (r == -ECANCELED)
		return;
	if (r < 0) {
		wrong(t, "cannot answer", r);
		return;
	}
	s->ret = 4711;
	s->len = 0;
	call_return_end(&t->mine, t->me, s, SLOT_DONE, 0);
}

/* All there is.  False: a producer is at it. */
static bool read_queue(struct talk *t)
{
	uint32_t cells, producer;

	for (;; t->next += cells) {
		enum ring_found f =
			ring_look(&t->queue, t->next, &cells, &producer);
		const struct msg_head *h = ring_head_at(&t->queue, t->next);

		if (f == RING_BUSY || f == RING_EMPTY) {
			ring_release(&t->queue, t->queue.ctl->head, t->next);
			return f == RING_EMPTY;
		}
		if (f == RING_RECORD && h->kind == MSG_USER)
			note_message(t, h);
		else if (f == RING_RECORD && h->kind == MSG_CALL)
			answer(t, h);
		else if (f != RING_RECORD && f != RING_SKIP)
			wrong(t, "the queue is broken", f);
	}
}

static void note_event(struct talk *t, uint32_t n)
{
	if (n == OWN) {
		t->own_event = true;
		return;
	}
	if (!n || n > t->stage->ledger->n_events || n <= t->last_event) {
		wrong(t, "an event out of order", n);
		return;
	}
	t->last_event = n;
	t->events[n - 1]++;
}

static void read_reactor(struct talk *t)
{
	struct msg_head h;
	uint32_t buf[100];
	int r;

	if (!t->l.owner || t->ended)
		return;
	do {
		r = cursor_read(&t->mine, &t->l, 0, buf, sizeof(buf), &h);
		if (r == 1)
			note_event(t, buf[0]);
	} while (r == 1 || (r == 0 && !cursor_rest(&t->mine, t->me, &t->l)));
	if (r == -EIDRM && t->stage->ledger->reactor != CLAIM_PRESENT) {
		t->ended = true;
		cursor_free(&t->mine, t->me, &t->l);
	} else if (r < 0)
		wrong(t, "cannot listen", r);
}

/* --- What it does --------------------------------------------------------- */

static bool has_all(const struct talk *t)
{
	return t->wrong.bad || load_acquire(&t->quit) ||
	       (t->own_message && (t->own_event || t->ended || !t->l.owner));
}

static void look(struct talk *t)
{
	bool idle = read_queue(t);

	read_reactor(t);
	if (has_all(t))
		return;
	if (!idle) {
		sleep_on(t, &t->buried, 0);
		return;
	}
	if (ring_arm(&t->queue, t->next))
		sleep_on(t, &t->queue.hdr[t->next & t->queue.mask],
			 (uint32_t)(HDR_FREE_AT(t->next) | HDR_SLEEP));
}

static void drain(struct talk *t)
{
	if (!read_queue(t))
		sleep_on(t, &t->buried, 0);
	read_reactor(t);
}

static void talk(struct talk *t)
{
	int r = message_queue(&t->mine, t->me, t->stage->ledger->peer,
			      peer(t)->id, &t->queue);

	if (r < 0) {
		wrong(t, "has no queue", r);
		return;
	}
	t->next = load_acquire(&t->queue.ctl->head);
	if (!t->sleeper) {
		say_to_victim(t);
		while (!say_message(t, t->me))
			drain(t);
		while (t->re && !say_event(t, t->me))
			drain(t);
	}
	while (!has_all(t))
		look(t);
}

/* --- Or it waits for an answer -------------------------------------------- */

static void judge_answer(struct talk *t, const struct call_slot *s, uint64_t st)
{
	const struct ledger_call *l = &t->stage->ledger->call;

	if (SLOT_SEQ(st) != SERIAL_SEQ(l->serial))
		wrong(t, "its slot is used again", SLOT_SEQ(st));
	else if (SLOT_STATE(st) == SLOT_FAILED &&
		 (l->returned == CLAIM_PRESENT ||
		  !ledger_may_fail(l, SLOT_EXTRA(st))))
		wrong(t, "its call has failed", SLOT_EXTRA(st));
	else if (SLOT_STATE(st) == SLOT_DONE &&
		 (l->returned == CLAIM_ABSENT || s->ret != 4711 ||
		  s->len != l->size))
		wrong(t, "has got another's answer", s->len);
}

/* What the dead had borrowed tells of it before the call fails. */
static void judge_lent(struct talk *t)
{
	const struct ledger *l = t->stage->ledger;
	const struct skirmish *s;
	uint32_t at;

	for (uint32_t i = 0; i < l->n_locks; i++) {
		if (l->locks[i].held != CLAIM_PRESENT ||
		    table_lookup(&t->mine, KIND_SKIRMISH, l->locks[i].name,
				 &at) < 0)
			continue;
		s = view_entry(&t->mine, KIND_SKIRMISH, at);
		if (!(load_acquire(&s->word) & SKIRMISH_DIED))
			wrong(t, "its lock does not tell of a death", i);
	}
}

static bool is_over(uint64_t st)
{
	return SLOT_STATE(st) == SLOT_DONE || SLOT_STATE(st) == SLOT_FAILED;
}

static void wait_for_answer(struct talk *t, struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);

	while (!is_over(st) && !load_acquire(&t->quit)) {
		if (st & SLOT_SLEEP ||
		    cas_relaxed(&s->st, &st, st | SLOT_SLEEP))
			sleep_on(t, &s->st, (uint32_t)st | SLOT_SLEEP);
		st = load_acquire(&s->st);
	}
	if (!is_over(st))
		return;
	judge_answer(t, s, st);
	if (SLOT_STATE(st) == SLOT_FAILED)
		judge_lent(t);
	call_slot_free(&t->mine, t->me, s);
}

static void give_up(struct talk *t, struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);

	if (call_withdraw(&t->mine, t->me, s, &st))
		return;
	if (SLOT_STATE(st) == SLOT_RETURNING && call_abandon(s, &st))
		return;
	if (!is_over(st))
		wrong(t, "cannot give up", SLOT_STATE(st));
	else
		call_slot_free(&t->mine, t->me, s);
}

static void *run(void *arg)
{
	struct talk *t = arg;
	uint64_t serial = t->stage->ledger->call.serial;

	if (!serial)
		talk(t);
	else if (t->gives_up)
		give_up(t, call_slot_of(&t->mine, serial));
	else
		wait_for_answer(t, call_slot_of(&t->mine, serial));
	store_release(&t->done, 1u);
	return NULL;
}

/* --- Beginning ------------------------------------------------------------ */

static void find_reactor(struct talk *t)
{
	struct view *v = &t->mine;
	struct ring r;
	uint32_t at;

	if (table_lookup(v, KIND_REACTOR, "reactor", &at) < 0)
		return;
	t->re = view_entry(v, KIND_REACTOR, at);
	if (reactor_ring(v, t->re, &r) < 0)
		return;
	for (uint32_t i = 0; i < ring_cursors(&r); i++) {
		const struct cursor *c = cursor_at(&r, i);

		if (CURSOR_STATE(c->st) == CURSOR_LIVE && c->owner &&
		    c->slot == t->stage->ledger->peer &&
		    CURSOR_POLICY(c) != POLICY_DROP)
			t->l = (struct listener){t->re, t->re->id, i, c->owner,
						 r.index};
	}
}

/* For who speaks while the peer's first thread sleeps. */
static struct thread_rec *second(struct talk *t)
{
	struct thread_rec *rec;

	if (thread_claim(&t->mine, &rec) < 0)
		die("no second thread");
	rec->tid = (uint32_t)t->stage->stand_in;
	return rec;
}

/* Asleep for a core lock that the victim has, or for what it says itself.  (A
 * futex that is not slept on yet is woken all the same: the kernel looks at the
 * word.) */
static bool is_waiting(const struct talk *t)
{
	return load_acquire(&t->asleep_on) ||
	       load_acquire(&t->me->core_locks[0]);
}

struct talk *talk_begin(struct stage *s, unsigned way, bool sleeper)
{
	struct thread_rec *me = pair_peer(s);
	struct talk *t;

	if (!me || (way && !s->ledger->call.serial))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		die("no memory");
	t->stage = s;
	t->me = me;
	t->sleeper = sleeper;
	t->gives_up = way;
	t->mine = s->view;
	t->mine.patience_ns = 0;
	t->mine.slot = s->ledger->peer;
	t->mine.rec = NULL;
	find_reactor(t);
	if (sleeper)
		t->other = second(t);
	if (pthread_create(&t->thread, NULL, run, t) != 0)
		die("no thread");
	while (!load_acquire(&t->done) && !is_waiting(t))
		sched_yield();
	return t;
}

/* --- Ending --------------------------------------------------------------- */

static void judge(struct talk *t)
{
	const struct ledger *l = t->stage->ledger;

	if (l->call.serial)
		return;
	for (uint32_t i = 0; i < l->n_messages; i++)
		if (l->messages[i].there != CLAIM_CHANGING &&
		    t->messages[i] != (l->messages[i].there == CLAIM_PRESENT))
			wrong(t,
			      t->messages[i] ? "has got message"
					     : "has not got message",
			      i + 1);
	for (uint32_t i = 0; t->l.owner && i < l->n_events; i++)
		if (l->events[i] != CLAIM_CHANGING &&
		    t->events[i] != (l->events[i] == CLAIM_PRESENT))
			wrong(t,
			      t->events[i] ? "has got event"
					   : "has not got event",
			      i + 1);
}

static void report(void *arg, const char *what)
{
	wrong(arg, what, 0);
}

static bool join(struct talk *t)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	if (pthread_clockjoin_np(t->thread, NULL, CLOCK_MONOTONIC, &until) == 0)
		return true;
	/* Help it out, so that the next one finds no stranger. */
	store_release(&t->quit, 1u);
	while (!load_acquire(&t->done)) {
		void *word = load_acquire(&t->asleep_on);

		if (!word && load_acquire(&t->me->core_locks[0]))
			word = view_at(&t->mine, t->me->core_locks[0]);
		if (word)
			futex_wake(word, INT_MAX);
		sched_yield();
	}
	pthread_join(t->thread, NULL);
	return false;
}

void talk_end(struct talk *t, bool buried, struct verdict *ret)
{
	store_release(&t->buried, 1u);
	futex_wake(&t->buried, INT_MAX);
	if (t->sleeper && !t->stage->ledger->call.serial) {
		say_message(t, t->other);
		if (t->re)
			say_event(t, t->other);
	}
	if (join(t))
		judge(t);
	else
		wrong(t, "is not woken", 0);
	if (buried)
		arena_check(&t->mine, report, t);
	*ret = t->wrong;
	free(t);
}
