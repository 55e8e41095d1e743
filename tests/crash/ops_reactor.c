/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reactors: what is dispatched is there once, and who listens knows of it. */
#include <errno.h>
#include <string.h>

#include <fusion/fusion.h>

#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "tests/crash/ops.h"

#define CELLS 64

static struct reactor *re;
static struct listener peers, mine;

static struct view *view(struct cast *c)
{
	return &c->arena->view;
}

/* --- What is done --------------------------------------------------------- */

static int say(struct cast *c, uint32_t size, bool nowait)
{
	static uint8_t data[2000];
	struct ledger *l = c->ledger;
	uint32_t seq = l->n_events + 1;
	struct reactor_send send = {
		.head = {.sender = c->arena->id, .size = size},
		.data = data,
		.nowait = nowait,
	};
	int r;

	if (seq > LEDGER_EVENTS)
		die("too many events");
	memset(data, (int)seq, sizeof(data));
	memcpy(data, &seq, sizeof(seq));
	ledger_claim(&l->events[seq - 1], CLAIM_CHANGING);
	l->n_events = seq;
	r = reactor_dispatch(view(c), c->rec, re, &send);
	ledger_claim(&l->events[seq - 1],
		     r == 0 ? CLAIM_PRESENT : CLAIM_ABSENT);
	return r;
}

static void make(struct cast *c)
{
	const struct reactor_params params = {
		.cells = CELLS,
		.listeners = 4,
	};

	ledger_claim(&c->ledger->reactor, CLAIM_CHANGING);
	if (reactor_create(view(c), c->rec, "reactor", &params, c->arena->id,
			   &re) < 0)
		die("cannot make a reactor");
	ledger_claim(&c->ledger->reactor, CLAIM_PRESENT);
}

static void listen(struct cast *c, uint32_t slot, uint32_t policy,
		   struct listener *ret)
{
	const struct cursor_params params = {
		.owner = view_member(view(c), slot)->id,
		.slot = slot,
		.policy = policy,
		.limit_ms = REACTOR_FOREVER_MS,
		.mask = UINT64_MAX,
	};

	if (cursor_take(view(c), c->rec, re, &params, ret) < 0)
		die("cannot listen");
}

static void one(struct cast *c)
{
	if (say(c, 4, false) < 0)
		die("cannot dispatch");
}

static void some(struct cast *c)
{
	one(c);
	if (say(c, 150, false) < 0)
		die("cannot dispatch");
}

static void in_vain(struct cast *c)
{
	if (say(c, 4, true) != -EAGAIN)
		die("there was room");
}

static void attach(struct cast *c)
{
	listen(c, view(c)->slot, POLICY_BLOCK, &mine);
}

static void detach(struct cast *c)
{
	cursor_free(view(c), c->rec, &mine);
}

static void read_all(struct cast *c)
{
	struct msg_head h;
	char buf[200];
	int n = 0;

	while (cursor_read(view(c), &mine, 0, buf, sizeof(buf), &h) == 1)
		n++;
	if (n != 3)
		die("%d messages", n);
	if (!cursor_rest(view(c), c->rec, &mine))
		die("cannot rest");
}

static void destroy(struct cast *c)
{
	ledger_claim(&c->ledger->reactor, CLAIM_CHANGING);
	if (reactor_destroy(view(c), c->rec, re) < 0)
		die("cannot destroy the reactor");
	ledger_claim(&c->ledger->reactor, CLAIM_ABSENT);
}

/* --- Prepared ------------------------------------------------------------- */

static void heard(struct cast *c)
{
	make(c);
	listen(c, c->ledger->peer, POLICY_BLOCK, &peers);
	if (!cursor_rest(view(c), c->rec, &peers))
		die("the peer cannot rest");
	c->ledger->listening = 1;
}

/* The victim listens, too. */
static void heard_by_both(struct cast *c)
{
	heard(c);
	attach(c);
}

static void to_read(struct cast *c)
{
	heard_by_both(c);
	some(c);
	one(c);
}

/* No room, and the peer is waited for. */
static void full(struct cast *c)
{
	heard(c);
	for (unsigned i = 0; i < CELLS; i++)
		one(c);
}

/* No room, and nobody is waited for: what is old goes. */
static void lapped(struct cast *c)
{
	make(c);
	listen(c, c->ledger->peer, POLICY_DROP, &peers);
	for (unsigned i = 0; i < CELLS - 3; i++)
		one(c);
	if (say(c, 150, false) < 0)
		die("cannot dispatch");
}

static void first(struct cast *c)
{
	make(c);
}

/* The victim is the last listener of a reactor that is gone. */
static void last_of_all(struct cast *c)
{
	make(c);
	attach(c);
	one(c);
	destroy(c);
}

const struct op reactor_ops[] = {
	{"reactor-create", PART_MEMBER, NULL, make, 0},
	{"attach-first", PART_MEMBER, first, attach, 0},
	{"attach-second", PART_MEMBER, heard, attach, 0},
	{"dispatch-one", PART_MEMBER, heard, one, 0},
	{"dispatch-both", PART_MEMBER, heard_by_both, some, 0},
	{"dispatch-full", PART_MEMBER, full, in_vain, 0},
	{"dispatch-lapped", PART_MEMBER, lapped, some, 0},
	{"read", PART_MEMBER, to_read, read_all, 0},
	{"detach", PART_MEMBER, to_read, detach, 0},
	{"detach-last", PART_MEMBER, last_of_all, detach, 0},
	{"reactor-destroy", PART_MEMBER, to_read, destroy, 0},
	{"reactor-destroy-heard", PART_MEMBER, heard, destroy, 0},
	{"reactor-destroy-unheard", PART_MEMBER, first, destroy, 0},
};
const unsigned n_reactor_ops = N_OPS(reactor_ops);
