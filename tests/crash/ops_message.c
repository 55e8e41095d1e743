/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages: what is sent to the peer is there whole or not at all. */
#include <errno.h>
#include <string.h>

#include <fusion/fusion.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/core/talk/ring_produce.h"
#include "tests/crash/ops.h"

#define SMALL 20
#define CELLS_3 150 /* bytes for three cells */
#define LARGE 3000  /* more than RING_INLINE */

static struct view *view(struct cast *c)
{
	return &c->arena->view;
}

static fusion_id_t peer_id(struct cast *c)
{
	return view_member(view(c), c->ledger->peer)->id;
}

static void queue_of(struct cast *c, uint32_t slot, struct ring *ret)
{
	if (message_queue(view(c), c->rec, slot, view_member(view(c), slot)->id,
			  ret) < 0)
		die("no queue");
}

/* --- What the victim does --------------------------------------------------
 */

static uint8_t *fill(uint8_t *data, uint32_t type, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		data[i] = message_byte(type, i);
	return data;
}

static uint32_t announce(struct cast *c, uint32_t size)
{
	struct ledger *l = c->ledger;
	uint32_t type = l->n_messages + 1;

	l->messages[type - 1].size = size;
	ledger_claim(&l->messages[type - 1].there, CLAIM_CHANGING);
	l->n_messages = type;
	return type;
}

static void say(struct cast *c, uint32_t type, enum claim is)
{
	ledger_claim(&c->ledger->messages[type - 1].there, is);
}

/* Of the next message.  Large ones are filled in before anything is stepped:
 * that would be nearly all of the steps. */
static uint8_t letter[LARGE];

static void send_letter(struct cast *c, fusion_id_t to, uint32_t size)
{
	uint32_t type = announce(c, size);

	if (fusion_message_send(c->arena, to, type, letter, size, 0, 0) < 0)
		die("cannot send");
	say(c, type, to == c->arena->id ? CLAIM_ABSENT : CLAIM_PRESENT);
}

static void send_to(struct cast *c, fusion_id_t to, uint32_t size)
{
	fill(letter, c->ledger->n_messages + 1, size);
	send_letter(c, to, size);
}

static void send(struct cast *c)
{
	send_to(c, peer_id(c), SMALL);
	send_to(c, peer_id(c), CELLS_3);
}

static void send_large(struct cast *c)
{
	send_letter(c, peer_id(c), LARGE);
}

static void send_block(struct cast *c)
{
	uint32_t type = announce(c, LARGE);
	void *p = ledger_drop(&c->ledger->live, c->p[0]);

	if (fusion_message_send_block(c->arena, peer_id(c), type, p, 0, 0) < 0)
		die("cannot send a block");
	say(c, type, CLAIM_PRESENT);
}

static void send_in_vain(struct cast *c)
{
	static const uint8_t data[LARGE];
	uint32_t type = announce(c, LARGE);

	if (fusion_message_send(c->arena, peer_id(c), type, data, LARGE, 0,
				0) != -EAGAIN)
		die("there was room");
	say(c, type, CLAIM_ABSENT);
	if (fusion_message_send(c->arena, peer_id(c), type, data, LARGE,
				FUSION_MESSAGE_DROP, 0) < 0)
		die("it was not dropped");
}

#define MAIL 4

static void dispatch(struct cast *c)
{
	int n = 0, r;

	while ((r = fusion_arena_dispatch(c->arena, 0, 0)) > 0)
		n += r;
	if (n != MAIL)
		die("%d messages, not %d", n, MAIL);
}

/* --- Prepared --------------------------------------------------------------
 */

static void with_queue(struct cast *c)
{
	struct ring r;

	queue_of(c, c->ledger->peer, &r);
}

static void with_letter(struct cast *c)
{
	with_queue(c);
	fill(letter, c->ledger->n_messages + 1, LARGE);
}

static void with_block(struct cast *c)
{
	with_queue(c);
	c->p[0] = ledger_keep(&c->ledger->live, fusion_malloc(c->arena, LARGE));
	fill(c->p[0], c->ledger->n_messages + 1, LARGE);
}

/* The next record of three cells does not fit before the end. */
static void near_the_end(struct cast *c)
{
	struct ring r;
	uint64_t pos;
	bool slept;

	queue_of(c, c->ledger->peer, &r);
	for (uint32_t i = 0; i < r.cells - 2; i++) {
		if (ring_claim(view(c), c->rec, &r, 1, &pos, &slept) < 0)
			die("no room");
		memset(ring_head_at(&r, pos), 0, RING_CELL);
		ring_commit(view(c), c->rec, &r, pos, 1);
		ring_finish(c->rec);
		ring_release(&r, pos, pos + 1);
	}
}

static void with_full_queue(struct cast *c)
{
	struct ring r;

	queue_of(c, c->ledger->peer, &r);
	for (uint32_t i = 0; i < r.cells; i++)
		send_to(c, peer_id(c), SMALL);
}

/* What comes to the victim itself dies with it. */
static void send_to_myself(struct cast *c, uint32_t size)
{
	send_to(c, c->arena->id, size);
}

static void ignore(const struct fusion_message *m, void *ctx)
{
	(void)m;
	(void)ctx;
}

static void keep(const struct fusion_message *m, void *ctx)
{
	struct cast *c = ctx;
	void *p = fusion_message_take(m);

	if (p)
		ledger_keep(&c->ledger->live, p);
}

static void with_inbox(struct cast *c, fusion_message_fn fn)
{
	static const uint32_t sizes[MAIL - 1] = {SMALL, LARGE, CELLS_3};

	c->arena->flags |= FUSION_ENTER_MANUAL;
	if (fusion_arena_dispatch(c->arena, 0, 0) < 0 ||
	    fusion_message_handle(c->arena, FUSION_ANY_TYPE, fn, c, NULL,
				  NULL) < 0)
		die("cannot dispatch");
	for (unsigned i = 0; i < N_OPS(sizes); i++)
		send_to_myself(c, sizes[i]);
	c->p[0] = fusion_malloc(c->arena, 70000);
	if (fusion_message_send_block(c->arena, c->arena->id, 1, c->p[0], 0,
				      0) < 0)
		die("cannot send a block");
}

static void with_mail(struct cast *c)
{
	with_inbox(c, ignore);
}

static void with_mail_to_keep(struct cast *c)
{
	with_inbox(c, keep);
}

static void leave(struct cast *c)
{
	struct view *v = view(c);

	if (life_lock(v, -1) < 0)
		die("no life lock");
	if (life_depart(v, v->slot, false) < 0)
		die("cannot leave");
	life_unlock(v);
}

const struct op message_ops[] = {
	{"send", PART_MEMBER, with_queue, send, 0},
	{"send-first", PART_MEMBER, NULL, send, 0},
	{"send-wrap", PART_MEMBER, near_the_end, send, 0},
	{"send-large", PART_MEMBER, with_letter, send_large, 0},
	{"send-block", PART_MEMBER, with_block, send_block, 1},
	{"send-full", PART_MEMBER, with_full_queue, send_in_vain, 0},
	{"receive", PART_MEMBER, with_mail, dispatch, 0},
	{"receive-take", PART_MEMBER, with_mail_to_keep, dispatch, 1},
	{"leave-mail", PART_MEMBER, with_mail, leave, 0},
};
const unsigned n_message_ops = N_OPS(message_ops);
