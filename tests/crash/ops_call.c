/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls: the peer waits for an answer of the victim, and gets one or an error;
 * what the victim waited for is nobody's
 */
#include <errno.h>
#include <string.h>

#include "docs/migrate-0.1.h"
#include <fusion/fusion.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/talk/borrow.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/talk/call_attend.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/turn.h"
#include "tests/crash/ops.h"

#define SMALL 20
#define LARGE 3000

static struct fusion_call *call;

static struct view *view(struct cast *c)
{
	return &c->arena->view;
}

static uint8_t *fill(uint8_t *data, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		data[i] = message_byte(1, i);
	return data;
}

/* --- Prepared --------------------------------------------------------------
 */

static int serve(const struct fusion_call_request *rq, void *ctx)
{
	static uint8_t data[LARGE];
	struct cast *c = ctx;

	store_relaxed(&c->ledger->call.begun, 1u);
	if (rq->word == 3)
		return -ENOENT;
	return fusion_call_reply(rq, 4711, fill(data, LARGE),
				 c->ledger->call.size);
}

static void with_own(struct cast *c)
{
	c->arena->flags |= FUSION_ENTER_MANUAL;
	if (fusion_arena_dispatch(c->arena, 0, 0) < 0 ||
	    fusion_call_create(
		    c->arena, "victims",
		    &(struct fusion_call_options){
			    .size = sizeof(struct fusion_call_options),
			    .fn = serve,
			    .ctx = c},
		    &call) < 0)
		die("cannot make a call");
	c->ledger->call.size = LARGE;
}

/* The stand-in handles nothing, but its record may own a call. */
static void with_peers(struct cast *c)
{
	const struct call_owner owner = {
		view_member(view(c), c->ledger->peer)->id, c->ledger->peer};
	const struct call *made;
	uint32_t i;

	if (table_add(view(c), c->rec, KIND_CALL, "peers", owner.id, &owner,
		      &i) < 0)
		die("cannot make the peer's call");
	made = view_entry(view(c), KIND_CALL, i);
	call = entry_handle(made, made->id);
}

static void with_quota(struct cast *c)
{
	with_peers(c);
	if (fusion_call_set_quota(call, FUSION_ALL, 2) < 0)
		die("no quota");
}

/* The peer waits for the victim. */
enum await { WAIT_UNTOLD, WAIT_MAIL, WAIT_HERE };

static void wait_for(struct cast *c, uint32_t size, enum await how)
{
	const struct call_request rq = {
		.call = handle_entry(call),
		.id = ((struct call *)handle_entry(call))->id,
		.caller = view_member(view(c), c->ledger->peer)->id,
		.size = SMALL,
	};
	uint8_t data[sizeof(uint64_t) + SMALL] = {0};
	struct call_slot *s;
	struct ledger_call *l = &c->ledger->call;
	int r = how == WAIT_HERE
			? call_begin_here(view(c), cast_peer(c), &rq, data, &s)
			: call_begin(view(c), cast_peer(c), &rq, &s);

	if (r != (how == WAIT_HERE))
		die("the peer cannot call");
	l->size = size;
	l->serial = CALL_SERIAL(call_slot_index(view(c), s), SLOT_SEQ(s->st));
	ledger_claim(&l->returned, CLAIM_ABSENT);
	if (how == WAIT_MAIL &&
	    call_message(view(c), cast_peer(c), &rq, l->serial, data, NULL) < 0)
		die("the peer cannot post");
}

static void peer_waits(struct cast *c)
{
	with_own(c);
	wait_for(c, SMALL, WAIT_UNTOLD);
}

static void peer_waits_for_much(struct cast *c)
{
	with_own(c);
	wait_for(c, LARGE, WAIT_UNTOLD);
}

static void peer_has_called(struct cast *c)
{
	with_own(c);
	wait_for(c, LARGE, WAIT_MAIL);
}

/* The peer's dispatcher attends to the victim's slot. */
static void peer_attends(struct cast *c)
{
	struct ring r;

	with_peers(c);
	if (message_queue(view(c), c->rec, c->ledger->peer,
			  view_member(view(c), c->ledger->peer)->id, &r) < 0)
		die("the peer has no queue");
	store_relaxed(&r.ctl->attended[0], thread_slot(view(c), c->rec) + 1);
}

static struct dispatcher *own_dispatcher(struct cast *c)
{
	int r;

	return dispatcher_of(c->arena, &r);
}

/* The victim's attends to the peer's, which has called. */
static void peer_is_here(struct cast *c)
{
	struct dispatcher *d;

	with_own(c);
	d = own_dispatcher(c);
	turn_take(d);
	attend(d, thread_slot(view(c), cast_peer(c)));
	turn_give(d);
	wait_for(c, SMALL, WAIT_HERE);
}

/* --- What the victim does --------------------------------------------------
 */

static void make(struct cast *c)
{
	if (fusion_call_create(
		    c->arena, "more",
		    &(struct fusion_call_options){
			    .size = sizeof(struct fusion_call_options),
			    .fn = serve,
			    .ctx = c},
		    &call) < 0)
		die("cannot make a call");
}

static void unmake(struct cast *c)
{
	c->ledger->call.error = EIDRM;
	ledger_claim(&c->ledger->call.returned, CLAIM_CHANGING);
	if (fusion_call_destroy(call) < 0)
		die("cannot destroy the call");
}

static void answer(struct cast *c)
{
	static uint8_t data[LARGE];
	struct ledger_call *l = &c->ledger->call;

	fill(data, LARGE);
	ledger_claim(&l->returned, CLAIM_CHANGING);
	if (fusion_call_return(call, l->serial, 4711, data, l->size) < 0)
		die("cannot return");
	ledger_claim(&l->returned, CLAIM_PRESENT);
}

static void handle(struct cast *c)
{
	ledger_claim(&c->ledger->call.returned, CLAIM_CHANGING);
	if (fusion_arena_dispatch(c->arena, 0, 0) != 1)
		die("nothing to handle");
	ledger_claim(&c->ledger->call.returned, CLAIM_PRESENT);
}

/* It was just coming when the victim attended no more. */
static void close_and_handle(struct cast *c)
{
	struct dispatcher *d = own_dispatcher(c);

	turn_take(d);
	if (!attend_close(d))
		die("nothing was coming");
	turn_give(d);
	handle(c);
}

static void execute(struct cast *c, unsigned flags, uint32_t size, int want)
{
	const struct fusion_call_execute_options o = {sizeof(o), flags, 0, 1};
	static uint8_t data[LARGE];
	int r = call_for_bytes(call, &o, 1, data, size, NULL, NULL, 0, NULL);

	(void)c;
	if (r != want)
		die("execute says %d", r);
}

static void give_up(struct cast *c)
{
	execute(c, 0, SMALL, -ETIMEDOUT);
	execute(c, 0, SMALL, -ETIMEDOUT);
}

static void give_up_large(struct cast *c)
{
	execute(c, 0, LARGE, -ETIMEDOUT);
}

static void one_way(struct cast *c)
{
	execute(c, FUSION_CALL_ONEWAY, SMALL, 0);
}

static void one_way_counted(struct cast *c)
{
	execute(c, FUSION_CALL_ONEWAY, SMALL, 0);
	execute(c, FUSION_CALL_ONEWAY, LARGE, 0);
	execute(c, FUSION_CALL_ONEWAY | FUSION_CALL_NOWAIT, SMALL, -EAGAIN);
}

static void set_quota(struct cast *c)
{
	if (fusion_call_set_quota(call, c->arena->id, 3) < 0 ||
	    fusion_call_set_quota(call, FUSION_ALL, FUSION_CALL_NO_LIMIT) < 0)
		die("no quota");
}

static void own(struct cast *c)
{
	static uint8_t data[LARGE];
	struct fusion_call_answer answer = FUSION_CALL_ANSWER_INIT;

	answer.data = data;
	answer.capacity = sizeof(data);
	(void)c;
	if (fusion_call_execute(call, NULL, 1, NULL, 0, &answer) != 0 ||
	    answer.status != 0 || answer.length != LARGE ||
	    data[9] != message_byte(1, 9))
		die("no answer of one's own");
}

/* --- Lending -------------------------------------------------------------- */

static struct skirmish *lent;

static struct ledger_lock *of_lent(struct cast *c)
{
	return ledger_lock(c->ledger, KIND_SKIRMISH, "lent");
}

static void make_lent(struct cast *c, struct thread_rec *lender)
{
	if (skirmish_create(view(c), c->rec, "lent", 0, c->arena->id, &lent) <
		    0 ||
	    skirmish_try(view(c), lender, lent) != 0)
		die("nothing to lend");
	of_lent(c)->there = CLAIM_PRESENT;
}

/* The peer has it, and waits for the victim. */
static void peer_lends(struct cast *c)
{
	peer_waits(c);
	make_lent(c, cast_peer(c));
	of_lent(c)->peers = CLAIM_PRESENT;
	call_enter(c->rec, c->ledger->call.serial);
}

static void borrow(struct cast *c)
{
	struct ledger_lock *k = of_lent(c);

	for (int i = 0; i < 2; i++) {
		if (!i)
			ledger_claim(&k->held, CLAIM_CHANGING);
		if (skirmish_lock(view(c), c->rec, lent, NULL) != 0)
			die("cannot borrow");
		ledger_claim(&k->held, CLAIM_PRESENT);
	}
	for (int i = 0; i < 2; i++) {
		if (i)
			ledger_claim(&k->held, CLAIM_CHANGING);
		if (skirmish_unlock(view(c), c->rec, lent) != 0)
			die("cannot give it back");
	}
	ledger_claim(&k->held, CLAIM_ABSENT);
	/* Who waits for the victim is not to wait for its death. */
	call_enter(c->rec, 0);
	answer(c);
}

/* As a handler that has forgotten it. */
static void return_lent(struct cast *c)
{
	struct ledger_lock *k = of_lent(c);

	ledger_claim(&k->held, CLAIM_CHANGING);
	if (skirmish_lock(view(c), c->rec, lent, NULL) != 0)
		die("cannot borrow");
	lend_return(view(c), c->rec, NULL);
	call_enter(c->rec, 0);
	ledger_claim(&k->held, CLAIM_ABSENT);
	answer(c);
}

/* The victim has it, waits for the peer, and the peer has borrowed it. */
static void victim_lends(struct cast *c)
{
	struct call_request rq = {.caller = c->arena->id};
	struct thread_rec *peer = cast_peer(c);
	struct call_slot *s;

	with_peers(c);
	make_lent(c, c->rec);
	rq.call = handle_entry(call);
	rq.id = rq.call->id;
	if (call_begin(view(c), c->rec, &rq, &s) < 0)
		die("cannot call");
	call_enter(peer,
		   CALL_SERIAL(call_slot_index(view(c), s), SLOT_SEQ(s->st)));
	if (skirmish_lock(view(c), peer, lent, NULL) != 0)
		die("the peer cannot borrow");
	of_lent(c)->held = of_lent(c)->peers = CLAIM_PRESENT;
}

/* It waits until it is its alone again. */
static void wait_for_lent(struct cast *c)
{
	uint32_t token;

	if (lend_is_out(view(c), c->rec, &token) != 1)
		die("it is not lent");
}

const struct op call_ops[] = {
	{"call-create", PART_MEMBER, with_own, make, 0},
	{"call-destroy", PART_MEMBER, peer_waits, unmake, 0},
	{"call-return", PART_MEMBER, peer_waits, answer, 0},
	{"call-return-large", PART_MEMBER, peer_waits_for_much, answer, 0},
	{"call-handle", PART_MEMBER, peer_has_called, handle, 0},
	{"call-give-up", PART_MEMBER, with_peers, give_up, 0},
	{"call-give-up-large", PART_MEMBER, with_peers, give_up_large, 1},
	{"call-here-handle", PART_MEMBER, peer_is_here, handle, 0},
	{"call-here-close", PART_MEMBER, peer_is_here, close_and_handle, 0},
	{"call-here-give-up", PART_MEMBER, peer_attends, give_up, 0},
	{"call-one-way", PART_MEMBER, with_peers, one_way, 0},
	{"call-counted", PART_MEMBER, with_quota, one_way_counted, 1},
	{"call-quota", PART_MEMBER, with_quota, set_quota, 0},
	{"call-own", PART_MEMBER, with_own, own, 0},
	{"lend-borrow", PART_MEMBER, peer_lends, borrow, 0},
	{"lend-return", PART_MEMBER, peer_lends, return_lent, 0},
	{"lend-out", PART_MEMBER, victim_lends, wait_for_lent, 0},
};
const unsigned n_call_ops = N_OPS(call_ops);
