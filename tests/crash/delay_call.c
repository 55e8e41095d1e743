/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests in slots: the owner copies one while the caller gives up and calls
 * again from the same slot
 *
 * What is executed is one request, whole, and one that was wanted.
 */
#include <errno.h>
#include <string.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_here.h"
#include "libfusion/core/talk/call_recover.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/call_visit.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/talk/call_handler.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"

#define SMALL 40  /* in the slot */
#define LARGE 200 /* in a block */

/* In the play's numbers; what was executed is RAN, of size LEN. */
enum { SERIAL, AT, SIZE, RAN, WORD, LEN, MIXED, TOOK, RESULT, WORD_OF_SLOT };

static struct call_slot *slot; /* of the caller, in its process */

static struct call *call_of(const struct actor *a)
{
	return handle_entry(a->play->p[0]);
}

/* Request @number is @number in all bytes. */
static void note_run(struct play *play, uint64_t word, const void *data,
		     size_t size)
{
	const unsigned char *bytes = data;

	play->n[RAN]++;
	play->n[WORD] = word;
	play->n[LEN] = size;
	for (size_t i = 0; i < size; i++)
		play->n[MIXED] += bytes[i] != word;
}

static int serve(const struct fusion_call_request *rq, void *ctx)
{
	note_run(ctx, rq->word, rq->data, rq->size);
	return 0;
}

/* By hand: there is no thread that would be faster. */
static void own_call(struct actor *a)
{
	struct fusion_call *c;

	a->arena->flags |= FUSION_ENTER_MANUAL;
	if (fusion_arena_dispatch(a->arena, 0, 0) < 0 ||
	    fusion_call_create(
		    a->arena, NULL,
		    &(struct fusion_call_options){
			    .size = sizeof(struct fusion_call_options),
			    .fn = serve,
			    .ctx = a->play},
		    &c) < 0)
		die("cannot make a call");
	a->play->p[0] = c;
}

static struct call_request request(const struct actor *a, uint64_t number)
{
	return (struct call_request){
		.call = call_of(a),
		.id = load_acquire(&call_of(a)->id),
		.caller = a->arena->id,
		.word = number,
		.size = (uint32_t)a->play->n[SIZE],
	};
}

static uint64_t serial_of(const struct actor *a)
{
	return CALL_SERIAL(call_slot_index(a->v, slot),
			   SLOT_SEQ(load_relaxed(&slot->st)));
}

/* It gives up, or has its answer. */
static void give_up(struct actor *a)
{
	uint64_t st;

	if (slot && !call_withdraw(a->v, a->me, slot, &st) &&
	    !call_abandon(slot, &st))
		call_slot_free(a->v, a->me, slot);
	slot = NULL;
}

/* --- A request that is HERE ----------------------------------------------- */

/* The slot of the play. */
static void attend(struct actor *a)
{
	struct ring r;

	own_call(a);
	if (message_queue(a->v, a->me, a->v->slot, a->arena->id, &r) < 0)
		die("no queue");
	store_relaxed(&r.ctl->attended[0], (uint32_t)a->play->n[AT] + 1);
}

static void say_where(struct actor *a)
{
	a->play->n[AT] = thread_slot(a->v, a->me);
	a->play->n[SIZE] = SMALL;
}

static void call_here_with(struct actor *a, uint64_t number)
{
	const struct call_request rq = request(a, number);
	unsigned char bytes[SMALL];

	memset(bytes, (int)number, sizeof(bytes));
	if (call_begin_here(a->v, a->me, &rq, bytes, &slot) < 0)
		die("cannot call");
}

static void post_here(struct actor *a)
{
	call_here_with(a, 1);
	a->play->n[SERIAL] = serial_of(a);
	if (call_here(a->v, (uint32_t)a->play->n[AT]) != a->play->n[SERIAL])
		die("the request is not here");
}

static void post_here_again(struct actor *a)
{
	give_up(a);
	call_here_with(a, 2);
}

static void copy_here(struct actor *a)
{
	struct call_here h;

	if (call_here_copy(a->v, a->play->n[SERIAL], a->v->slot, a->arena->id,
			   &h))
		note_run(a->play, h.word, h.bytes, h.size);
}

/* --- A request that is HERE, whose call is destroyed ---------------------- */

/* The caller is stopped, so that the owner takes the request and destroys the
 * call when the caller has posted the request, and has not checked yet. */
static void post_and_look(struct actor *a)
{
	const struct call_request rq = request(a, 1);
	unsigned char bytes[SMALL] = {0};
	int r = rq.id ? call_begin_here(a->v, a->me, &rq, bytes, &slot)
		      : -EIDRM;

	if (r < 0)
		slot = NULL;
	a->play->n[RESULT] = (uint64_t)(int64_t)r;
}

static void take_and_destroy(struct actor *a)
{
	uint64_t serial = call_here(a->v, (uint32_t)a->play->n[AT]);
	struct call_slot *s;

	a->play->n[SERIAL] = serial;
	a->play->n[TOOK] =
		serial && call_return_begin(a->v, a->me, serial, &s) == 0;
	if (fusion_call_destroy(a->play->p[0]) < 0)
		die("cannot destroy the call");
}

static void answer_what_was_taken(struct actor *a)
{
	struct call_slot *s;

	if (!a->play->n[TOOK])
		return;
	s = call_slot_of(a->v, a->play->n[SERIAL]);
	store_relaxed(&s->len, 0u);
	call_return_end(a->v, a->me, s, SLOT_DONE, 0);
}

static void look_and_give_up(struct actor *a)
{
	if (slot)
		a->play->n[WORD_OF_SLOT] = load_acquire(&slot->st);
	give_up(a);
}

static void answered_or_destroyed(const struct view *v, struct play *play)
{
	uint64_t st = play->n[WORD_OF_SLOT];
	int r = (int)play->n[RESULT];
	bool failed = SLOT_STATE(st) == SLOT_FAILED && SLOT_EXTRA(st) == EIDRM;

	(void)v;
	if (play->n[TOOK] && (r != 1 || SLOT_STATE(st) != SLOT_DONE ||
			      SLOT_SEQ(st) != SERIAL_SEQ(play->n[SERIAL])))
		fault(play, "the answer is lost: %d, state %u", r,
		      SLOT_STATE(st));
	else if (!play->n[TOOK] && r != -EIDRM && (r < 0 || !failed))
		fault(play, "the destroyed call says %d, state %u", r,
		      SLOT_STATE(st));
}

/* --- A request that is HERE, whose owner begins it and dies --------------- */

/* The time is over at once: a caller that nobody disturbs does not sleep. */
static void execute_at_once(struct actor *a)
{
	static const unsigned char bytes[SMALL];

	a->play->n[RESULT] = (uint64_t)(int64_t)fusion_call_execute(
		entry_handle(call_of(a), call_of(a)->id),
		&(struct fusion_call_execute_options){
			.size = sizeof(struct fusion_call_execute_options),
			.timeout_ns = 1},
		1, bytes, sizeof(bytes), NULL);
}

/* The dispatcher's thread, which is recovered with the member. */
static void claim_executor(struct actor *a)
{
	struct thread_rec *t;

	attend(a);
	if (thread_claim(a->v, &t) < 0)
		die("no thread record");
	a->play->p[1] = t;
}

/* As a dispatcher that is killed when its handler has run.  HERE stays on: the
 * dispatcher would have taken it off later.  The recovery of the owner is
 * interrupted, too: between its queue and its callers (recover_member()). */
static void begin_and_die(struct actor *a)
{
	uint64_t serial = call_here(a->v, (uint32_t)a->play->n[AT]);
	struct view *v = a->v;

	if (serial) {
		call_enter(a->play->p[1], serial);
		a->play->n[TOOK] = 1;
	}
	if (life_lock(v, -1) < 0)
		die("no life lock");
	store_release(&view_member(v, v->slot)->state, MEMBER_DEAD);
	if (call_recover(v, a->play->p[1], life_rec(v), false) < 0 ||
	    message_recover_member(v, v->slot) < 0)
		die("cannot recover");
	life_unlock(v);
}

static void finish_recovery(struct actor *a)
{
	if (life_lock(a->v, -1) < 0 || life_depart(a->v, a->v->slot, true) < 0)
		die("cannot depart");
	life_unlock(a->v);
}

static void begun_is_said(const struct view *v, struct play *play)
{
	int r = (int)(int64_t)play->n[RESULT];

	(void)v;
	/* The time may be over before the owner is dead. */
	if (play->n[TOOK] && r != -ECONNRESET && r != -ETIMEDOUT)
		fault(play, "what was executed says %d", r);
	else if (!play->n[TOOK] && r != -EHOSTDOWN && r != -ETIMEDOUT &&
		 r != -EIDRM)
		fault(play, "what was not executed says %d", r);
}

/* --- A visitor, whose call is answered by an owner that goes -------------- */

static void post_for_a_visitor(struct actor *a)
{
	const struct call *c = call_of(a);

	if (call_post(a->v, a->me, call_index(a->v, c), c->id, 1, NULL, 0) < 0)
		die("cannot call");
}

static void look_for_the_answer(struct actor *a)
{
	struct call_answer answer;

	a->play->n[RESULT] = (uint64_t)(int64_t)call_poll(a->v, a->me, &answer);
}

static void answer_and_leave(struct actor *a)
{
	if (fusion_arena_dispatch(a->arena, 0, 0) < 0)
		die("cannot dispatch");
	if (life_lock(a->v, -1) < 0 || life_depart(a->v, a->v->slot, false) < 0)
		die("cannot leave");
	life_unlock(a->v);
}

/* As when the bell has rung. */
static void look_again(struct actor *a)
{
	if ((int)(int64_t)a->play->n[RESULT] == -EAGAIN)
		look_for_the_answer(a);
	call_end(a->v, a->me);
}

static void answer_is_seen(const struct view *v, struct play *play)
{
	(void)v;
	if (!play->n[RAN] || play->n[RESULT])
		fault(play, "executed %llu times, the visitor is told %d",
		      (unsigned long long)play->n[RAN],
		      (int)(int64_t)play->n[RESULT]);
}

/* --- An upcall ------------------------------------------------------------ */

/* The request into the slot, as fill_slot() in call_execute.c does. */
static void call_above_with(struct actor *a, uint64_t number)
{
	const struct call_request rq = request(a, number);
	void *to;

	if (call_begin(a->v, a->me, &rq, &slot) < 0)
		die("cannot call");
	to = slot->bytes;
	store_relaxed(&slot->ret, number);
	store_relaxed(&slot->len, rq.size);
	if (rq.size > SLOT_INLINE) {
		if (fusion_malloc_to(a->arena, rq.size, (void **)&slot->block) <
		    0)
			die("no block");
		to = (void *)(uintptr_t)load_relaxed(&slot->block);
	}
	memset(to, (int)number, rq.size);
}

static void post_above(struct actor *a)
{
	call_above_with(a, 1);
	a->play->n[SERIAL] = serial_of(a);
}

static void post_small_above(struct actor *a)
{
	a->play->n[SIZE] = SMALL;
	post_above(a);
}

static void post_large_above(struct actor *a)
{
	a->play->n[SIZE] = LARGE;
	post_above(a);
}

static void post_above_again(struct actor *a)
{
	give_up(a);
	call_above_with(a, 2);
}

static void run_upcall(struct actor *a)
{
	call_run_upcall(a->arena, a->play->n[SERIAL]);
}

/* --- Judged --------------------------------------------------------------- */

static void first_or_none(const struct view *v, struct play *play)
{
	(void)v;
	if (play->n[RAN] && play->n[WORD] != 1)
		fault(play, "request %llu was executed, not 1",
		      (unsigned long long)play->n[WORD]);
	else if (play->n[RAN] && play->n[LEN] != play->n[SIZE])
		fault(play, "it was %llu bytes, not %llu",
		      (unsigned long long)play->n[LEN],
		      (unsigned long long)play->n[SIZE]);
	else if (play->n[MIXED])
		fault(play, "%llu of its bytes are of the other request",
		      (unsigned long long)play->n[MIXED]);
}

/* clang-format off */
const struct scene call_scenes[] = {
	{"request-here",
	 {{RIVAL, say_where}, {VICTIM, attend}, {RIVAL, post_here}},
	 copy_here, post_here_again,
	 {{RIVAL, give_up}}, first_or_none, NULL, 0, false},
	{"here-taken-and-destroyed",
	 {{VICTIM, say_where}, {RIVAL, attend}},
	 post_and_look, take_and_destroy,
	 {{RIVAL, answer_what_was_taken}, {VICTIM, look_and_give_up}},
	 answered_or_destroyed, NULL, 0, false},
	{"here-begun-and-the-owner-dies",
	 {{VICTIM, say_where}, {RIVAL, claim_executor}},
	 execute_at_once, begin_and_die,
	 {{RIVAL, finish_recovery}}, begun_is_said, call_begin_here, 7,
	 false},
	{"visitor-and-the-last-answer",
	 {{RIVAL, own_call}, {VICTIM, post_for_a_visitor}},
	 look_for_the_answer, answer_and_leave,
	 {{VICTIM, look_again}}, answer_is_seen, NULL, 0, false},
	{"upcall-in-the-slot",
	 {{VICTIM, own_call}, {RIVAL, post_small_above}},
	 run_upcall, post_above_again,
	 {{RIVAL, give_up}}, first_or_none, NULL, 2, false},
	{"upcall-in-a-block",
	 {{VICTIM, own_call}, {RIVAL, post_large_above}},
	 run_upcall, post_above_again,
	 {{RIVAL, give_up}}, first_or_none, NULL, 5, false},
};
/* clang-format on */
const unsigned n_call_scenes = sizeof(call_scenes) / sizeof(*call_scenes);
