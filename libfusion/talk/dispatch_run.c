/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A turn: handle what is in the queue, and what else there is to do
 *
 * A record's cells go back to the producers when its handler has ended, or has
 * said that it has a copy.  A handler that waits lets another thread go on, so
 * several handlers may be running and end in any order.  They are on a list,
 * the innermost first.
 *
 * Invariant: released <= position of each handling of a record <= next.
 */
#include "libfusion/talk/dispatch_run.h"

#include <errno.h>
#include <sched.h>

#include <fusion/heap.h>

#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/heap/slot.h"
#include "libfusion/talk/call_attend.h"
#include "libfusion/talk/call_handler.h"
#include "libfusion/talk/dispatch_post.h"
#include "libfusion/talk/message.h"
#include "libfusion/talk/reaction_run.h"
#include "libfusion/talk/sync.h"
#include "libfusion/talk/turn.h"

#define BUSY_NAP_NS 50000 /* while a record is being written */

void dispatch_release_cells(struct dispatcher *d, bool all)
{
	uint64_t to = d->next;
	uint32_t batch = d->ring.cells / 4 < 32 ? d->ring.cells / 4 : 32;

	for (const struct handling *h = d->handling; h; h = h->next)
		if (!h->released)
			to = h->pos; /* outer handlings are older */
	if (to - d->released >= (all ? 1 : batch)) {
		ring_release(&d->ring, d->released, to);
		d->released = to;
	}
}

uint64_t dispatch_done(const struct dispatcher *d)
{
	uint64_t done = d->next;

	for (const struct handling *h = d->handling; h; h = h->next)
		if (!h->number)
			done = h->pos;
	return done;
}

bool dispatch_has_ended(const struct dispatcher *d, uint64_t before)
{
	for (const struct handling *h = d->handling; h; h = h->next)
		if (h->number && h->number < before)
			return false;
	return true;
}

void handling_begin(struct dispatcher *d, struct handling *ret)
{
	*ret = (struct handling){
		.number = ++d->numbers,
		.next = d->handling,
		.released = true,
	};
	d->handling = ret;
}

void handling_end(struct dispatcher *d, struct handling *mine)
{
	struct handling **p = &d->handling;

	while (*p != mine)
		p = &(*p)->next;
	*p = mine->next;
}

void dispatch_release(struct fusion_arena *arena)
{
	struct dispatcher *d = dispatcher_existing(arena);

	if (d && turn_is_mine(d) && d->handling)
		d->handling->released = true;
}

/* Free a record that was on its way to the member that had this ring before. */
static void drop_record(struct dispatcher *d, const struct msg_head *h,
			void *data)
{
	if (h->flags & MSG_BLOCK)
		heap_free_from(d->arena, data);
}

/* May this dispatcher attend to the slot of the request @h?  A caller that
 * waits for a small answer will probably ask again.  A dispatcher that does not
 * spin gains nothing by attending.  It must not attend for a caller that has
 * given up: that caller may have posted its next request HERE, have seen that
 * nobody attends, and be about to take HERE off. */
static bool may_attend(const struct dispatcher *d, const struct msg_head *h)
{
	const struct call_slot *s =
		h->b && !(h->flags & MSG_BLOCK) &&
				load_relaxed(&d->mode) == DISPATCH_THREAD &&
				spin_limit_ns()
			? call_slot_of(&d->arena->view, h->b)
			: NULL;

	return s && call_is_wanted(&d->arena->view, h->b) &&
	       !(load_relaxed(&s->st) & (SLOT_VISITOR | SLOT_ONEWAY)) &&
	       h->size <= sizeof(uint64_t) + SLOT_INLINE;
}

static void deliver_record(struct dispatcher *d, const struct msg_head *h,
			   void *data)
{
	const struct dispatched in = {.head = h, .data = data};

	if (h->target != d->arena->id) {
		drop_record(d, h, data);
		return;
	}
	d->ring.ctl->received++;
	switch (h->kind) {
	case MSG_USER:
		message_receive(d, &in);
		break;
	case MSG_CALL:
		if (may_attend(d, h))
			attend(d, SERIAL_SLOT(h->b));
		call_receive(d->arena, &in);
		break;
	case MSG_NEWS:
		reactor_news(d->arena, &in);
		break;
	default:
		drop_record(d, h, data);
	}
}

/* Handle the next record.  It stays in the queue while its handler runs, which
 * may give the turn away meanwhile. */
static void handle_record(struct dispatcher *d, uint32_t cells)
{
	struct handling mine = {.pos = d->next, .next = d->handling};
	struct msg_head *at = ring_head_at(&d->ring, d->next);
	struct msg_head h = *at;

	d->next += cells;
	d->handling = &mine;
	deliver_record(d, &h, at + 1);
	handling_end(d, &mine);
}

/* Wait for a producer that is writing a record, and may be dead or just not
 * running. */
static void wait_for_producer(struct dispatcher *d, uint32_t producer)
{
	struct view *v = &d->arena->view;
	int64_t now = clock_monotonic_ns();

	if (!d->busy_since_ns)
		d->busy_since_ns = now;
	if (now - d->busy_since_ns < BUSY_NAP_NS)
		sched_yield();
	else
		sleep_ns(BUSY_NAP_NS);
	if (now - d->busy_since_ns < SUSPECT_FIRST_NS ||
	    producer >= v->geo.max_threads)
		return;
	life_suspect(v, load_relaxed(&view_thread(v, producer)->token));
	d->busy_since_ns = now;
}

/* Handle what is next in the queue.  1 a record was handled, 0 there is
 * nothing,
 * -EAGAIN look again. */
static int handle_next(struct dispatcher *d)
{
	uint32_t cells, producer;

	switch (ring_look(&d->ring, d->next, &cells, &producer)) {
	case RING_RECORD:
		d->busy_since_ns = 0;
		handle_record(d, cells);
		return 1;
	case RING_SKIP:
		d->busy_since_ns = 0;
		d->next += cells;
		return -EAGAIN;
	case RING_BUSY:
		wait_for_producer(d, producer);
		return -EAGAIN;
	default:
		return 0;
	}
}

/* Returns how many reactions have run; or not 0 if there is more to read, since
 * the dispatcher must not sleep then. */
static unsigned run_reactors(struct dispatcher *d)
{
	struct handling mine;
	unsigned n = 0, ran;

	handling_begin(d, &mine);
	/* Relaxed: the word stays set until somebody sees it.  Acquire: pairs
	 * with the release of the producer that set it, in listener_wake.c,
	 * whose news must be seen. */
	if (load_relaxed(&d->ring.ctl->scan) &&
	    xchg_acquire(&d->ring.ctl->scan, 0u))
		n += reactor_look(d->arena);
	d->backlog = reactor_run(d->arena, &ran);
	handling_end(d, &mine);
	return ran ? ran : n + d->backlog;
}

unsigned dispatch_run(struct dispatcher *d)
{
	unsigned n = 0;
	int r;

	for (unsigned i = 0; i < DISPATCH_BATCH; i++) {
		r = handle_next(d);
		if (!r)
			break;
		n += r > 0;
		dispatch_release_cells(d, false);
	}
	n += attend_run(d);
	n += run_reactors(d);
	n += dispatch_run_posts(d);
	/* Acquire: pairs with the release in wait_for_sync(). */
	if (load_acquire(&d->n_syncers))
		sync_look(d);
	return n;
}
