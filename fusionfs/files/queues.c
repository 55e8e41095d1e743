/* SPDX-License-Identifier: GPL-2.0-or-later */
/* members/ID/queue and inbox */
#include "fusionfs/files/queues.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fusionfs/files/members.h"
#include "fusionfs/service/ports.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/core/talk/ring_consume.h"

/* Find the queue of a member, which has none until it is needed. */
static int find_member_ring(struct view *v, uint32_t slot, uint32_t id,
			    struct ring *ret)
{
	/* Acquire: pairs with the release in ring_open(); the
	 * second one with the CAS in take_in_hands(). */
	uint32_t i = load_acquire(&view_member(v, slot)->ring);

	if (!i || ring_map(v, i - 1, ret) < 0 ||
	    load_acquire(&ret->ctl->owner) != id)
		return -ENOENT;
	return 0;
}

int member_queue_show(const struct node *n, struct text *t)
{
	static const struct ring_ctl none;
	struct view *v = &n->arena->view;
	const struct ring_ctl *ctl = &none;
	uint32_t slot, pending = 0;
	struct ring ring;
	int r = member_slot(n, &slot);

	if (r < 0)
		return r;
	if (find_member_ring(v, slot, n->item, &ring) == 0) {
		ctl = ring.ctl;
		pending = ring_pending(&ring);
	}
	text_add(t, "pending %u\nreceived %" PRIu64 "\n", pending,
		 load_relaxed(&ctl->received));
	text_add(t, "dropped %" PRIu64 "\nsleeping %u\n",
		 load_relaxed(&ctl->dropped),
		 load_relaxed(&ctl->sleeping) != 0);
	text_add(t, "waiting %u\ncells %u\n",
		 load_relaxed(&ctl->space_waiters) +
			 ports_writes(n->arena, &inbox_port, n->item),
		 ctl == &none ? 0 : ring.cells);
	return 0;
}

/* --- inbox ------------------------------------------------------------------
 */

struct inbox {
	struct port port;
	uint32_t slot, id;
};

static int open_inbox(struct port *p, const struct node *n)
{
	struct inbox *in = (struct inbox *)p;

	in->id = n->item;
	return member_slot(n, &in->slot);
}

/* Copy a message to a block of the heap.  The block's slot is in the daemon's
 * own thread record, so that recovery frees the block if the daemon dies. */
static int make_message_block(struct view *v, const char *data, size_t size)
{
	struct thread_rec *me = v->rec;
	uint64_t slot = view_off(v, &me->msg_block);
	void *at;
	/* If the block of the last message is still there, it could not be
	 * freed then. */
	int r = load_relaxed(&me->msg_block) ? block_free_from(v, me, slot) : 0;

	if (r == 0)
		r = block_alloc_to(v, me, size, slot);
	if (r < 0)
		return r;
	if (block_in(v, slot, &at) < size)
		return -EIO;
	memcpy(at, data, size);
	return 0;
}

static int send_message(struct view *v, const struct inbox *in,
			const char *data, size_t size)
{
	struct msg_head h = {
		.kind = MSG_USER,
		.size = (uint32_t)size,
		.a = in->port.number == NUMBER_NONE ? 0 : in->port.number,
	};
	struct thread_rec *me = v->rec;
	int r = 0;

	if (size > RING_INLINE) {
		h.flags = MSG_BLOCK;
		r = make_message_block(v, data, size);
	}
	if (r == 0)
		r = message_offer(v, me, in->slot, in->id, &h, data);
	if (r < 0 && h.flags & MSG_BLOCK)
		block_free_from(v, me, view_off(v, &me->msg_block));
	return r;
}

/* Return the error that write(2) says.  A lock that a member keeps is soon
 * free, and no bell tells. */
static int answer_of_send(struct port *p, int r)
{
	port_clock(p, r == -ETIMEDOUT);
	switch (r) {
	case -ETIMEDOUT:
		return -EAGAIN;
	case -ENOMEM:
		return -ENOSPC;
	default:
		return r;
	}
}

static int write_inbox(struct port *p, const char *data, size_t size)
{
	const struct inbox *in = (const struct inbox *)p;

	return answer_of_send(p, send_message(&p->arena->view, in, data, size));
}

const struct port_ops inbox_port = {
	.size = sizeof(struct inbox),
	.open = open_inbox,
	.write = write_inbox,
};
