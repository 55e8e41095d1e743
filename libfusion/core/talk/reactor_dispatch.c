/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dispatching a message, and waiting for listeners that are slow
 *
 * A dispatcher claims cells like each producer of a ring.  If there is no room,
 * it makes some (reactor_room.c), or waits for the listeners at the gate, each
 * at most as long as its limit.  A listener whose time is over becomes LAGGED
 * or GONE, and nobody waits for it any more.
 *
 * thread_rec.call says CALL_OP_DISPATCH from before the claim until all
 * listeners are woken.  Invariant: a message that is committed has woken its
 * idle listeners, or a living thread announces that it will, or recovery has
 * woken all of them (reactor_recover()).
 *
 * Waiting is in this file, as the compiler has it in line with dispatching.
 */
#include "libfusion/core/talk/reactor_dispatch.h"

#include <string.h>
#include <time.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/listener_wake.h"
#include "libfusion/core/talk/reactor_room.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/core/talk/ring_produce.h"
#include "libfusion/core/talk/ring_room.h"

/* --- Waiting for the slow ------------------------------------------------- */

/* How often a dispatcher that must not wait makes room.  A record may need half
 * of the ring, and an eighth is freed at a time; others may take what was
 * freed. */
#define NOWAIT_TURNS 32

/* A wait for room that has begun. */
struct stall {
	int64_t since_ns;
	int64_t probed_ns;
	bool hurry; /* a listener's limit is over: any room will do */
};

static int64_t cursor_limit_ns(const struct cursor *c)
{
	uint32_t ms = load_relaxed(&c->limit_ms);

	return ms == REACTOR_FOREVER_MS ? INT64_MAX : (int64_t)ms * 1000000;
}

/* End the waiting for a listener whose time is over.  Release of the CAS: pairs
 * with the acquires of the state in cursor_get() and cursor_is_gating(). */
static void give_up_on_listener(struct view *v, struct thread_rec *me,
				const struct ring *r, struct cursor *c)
{
	uint64_t st = load_relaxed(&c->st);
	bool disconnect = CURSOR_POLICY(c) == POLICY_DISCONNECT;

	if (CURSOR_STATE(st) == CURSOR_LIVE)
		cas_acq_rel(
			&c->st, &st,
			CURSOR_MAKE(disconnect ? CURSOR_GONE : CURSOR_LAGGED,
				    CURSOR_TOKEN(st)));
	if (disconnect)
		listener_wake(v, me, r, c, true);
}

/* Tell whether a listener that reads behind all others stands at the gate, and
 * waits for another one. */
static bool is_done_held_up(const struct ring *r, uint64_t gate)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		const struct cursor *c = cursor_at(r, i);
		uint64_t pos;

		if (!cursor_is_gating(c) || !(CURSOR_FLAGS(c) & CURSOR_DONE))
			continue;
		/* Acquire: as in check_gate(). */
		pos = load_acquire(&c->pos);
		if (pos <= gate && pos >= cursors_done_pos(r, c))
			return true;
	}
	return false;
}

/* Find the position where the listener with @c holds up the ring: its own, or,
 * if one that reads behind all others is @held up, that of the message that it
 * has.  UINT64_MAX: it holds up nothing. */
static uint64_t holds_up_at(const struct cursor *c, bool held)
{
	/* Acquire: pos is read behind LIVE, as before that it was that of no
	 * listener or of another one.  Pairs with the release in take_cursor()
	 * and the CAS in read_next_record(). */
	bool live = CURSOR_STATE(load_acquire(&c->st)) == CURSOR_LIVE;

	if (!live || CURSOR_FLAGS(c) & CURSOR_VISITOR)
		held = false;
	if (held && !(CURSOR_FLAGS(c) & CURSOR_DONE))
		return cursor_done_pos(c);
	return cursor_is_gating(c) ? load_acquire(&c->pos) : UINT64_MAX;
}

/* Check the listeners at the gate: wake those that sleep over messages that do
 * not concern them, give up on those whose time is over and who leave no room.
 * Returns how long to sleep, 0: look again at once. */
static int64_t check_gate(struct view *v, struct thread_rec *me, struct ring *r,
			  const struct reactor_send *send, struct stall *s,
			  uint64_t gate)
{
	int64_t now = clock_monotonic_ns(), nap = SUSPECT_FIRST_NS;
	/* Acquire: pairs with the release of the head in
	 * reactor_make_room(). */
	uint64_t head = load_acquire(&r->ctl->head);
	bool held = is_done_held_up(r, gate);

	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		struct cursor *c = cursor_at(r, i);
		int64_t limit, left;
		uint64_t pos;

		pos = holds_up_at(c, held);
		limit = cursor_limit_ns(c);
		if (pos > gate)
			continue;
		/* Other listeners hold this one up: it reads behind them. */
		if (CURSOR_FLAGS(c) & CURSOR_DONE &&
		    pos >= cursors_done_pos(r, c))
			continue;
		/* One that drops is not waited for. */
		if (CURSOR_POLICY(c) == POLICY_DROP ||
		    (send->impatient &&
		     send->impatient == load_relaxed(&c->owner)))
			limit = 0;
		left = limit == INT64_MAX ? nap : s->since_ns + limit - now;
		if (left <= 0 && pos <= head) {
			give_up_on_listener(v, me, r, c);
			return 0;
		}
		if (left <= 0 && !s->hurry) {
			s->hurry = true;
			return 0;
		}
		listener_wake(v, me, r, c, false);
		nap = left > 0 && left < nap ? left : nap;
	}
	return nap;
}

/* Recover the dead among those that hold up the ring: the producer of a claim,
 * or a listener. */
static void suspect_dead_holders(struct view *v, struct ring *r, uint64_t head)
{
	uint32_t cells, producer;

	if (ring_look(r, head, &cells, &producer) == RING_BUSY &&
	    producer < v->geo.max_threads)
		life_suspect(v, load_relaxed(&view_thread(v, producer)->token));
	life_sweep(v);
}

/* A dispatcher that has found the ring full goes on when half of it is free,
 * if that comes soon.  Otherwise each message would cost a wake of all
 * listeners. */
#define HALF_NS 2000000

/* Tell whether to go on: half of the ring is free, or HALF_NS are over.
 * *ret_left is what is left of them. */
static bool is_half_free(const struct ring *r, const struct stall *s,
			 uint64_t *ret_gate, int64_t *ret_left)
{
	/* Acquire: as in check_gate(). */
	uint64_t head = load_acquire(&r->ctl->head);

	*ret_left = s->hurry ? 0 : s->since_ns + HALF_NS - clock_monotonic_ns();
	if (*ret_left <= 0)
		return true;
	*ret_gate = cursors_gate(r, head);
	return *ret_gate - head >= r->cells / 2;
}

/* Check the headers of the ring, and that no listener has read what is not
 * there. */
static bool is_reactor_ring_sound(const struct ring *r)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++)
		if (!cursor_is_sound(r, cursor_at(r, i)))
			return false;
	return ring_is_sound(r);
}

/* -EAGAIN; for the daemon -EIO if the ring is full of nonsense. */
static int no_room_error(const struct ring *r, const struct reactor_send *send)
{
	return !send->ret_nap_ns || is_reactor_ring_sound(r) ? -EAGAIN : -EIO;
}

/* Wait for room, after ring_claim() found none. 0: try again; -EAGAIN, -EINTR,
 * -EIO: give up. */
static int wait_for_room(struct view *v, struct thread_rec *me, struct ring *r,
			 const struct reactor_send *send, struct stall *s)
{
	uint64_t gate = 0;
	uint32_t seen;
	int64_t nap, left = 0;
	int slept = 0;

	if (!s->since_ns)
		s->since_ns = s->probed_ns = clock_monotonic_ns();
	if ((send->nowait || is_half_free(r, s, &gate, &left)) &&
	    reactor_make_room(r, &gate))
		return 0;
	if (send->ret_nap_ns)
		ring_ask_space(r);
	add_relaxed(&r->ctl->space_waiters, 1);
	/* The drawing is at ring_wait_space().  Acquire: pairs with the release
	 * in wake_space_waiters(); the gate is checked behind it. */
	full_fence();
	seen = load_acquire(&r->ctl->space);
	nap = check_gate(v, me, r, send, s, gate);
	if (left > 0 && left < nap)
		nap = left;
	if (nap && !((send->nowait || is_half_free(r, s, &gate, &left)) &&
		     reactor_make_room(r, &gate))) {
		if (send->ret_nap_ns)
			*send->ret_nap_ns = nap;
		if (send->nowait)
			nap = -1;
		else
			slept = ring_wait_space(r, seen, nap);
	}
	sub_relaxed(&r->ctl->space_waiters, 1);
	if (nap < 0)
		return no_room_error(r, send);
	if (slept == -EINTR && send->interruptible)
		return slept;
	if (nap && clock_monotonic_ns() - s->probed_ns >= SUSPECT_FIRST_NS) {
		suspect_dead_holders(v, r, load_acquire(&r->ctl->head));
		s->probed_ns = clock_monotonic_ns();
	}
	return 0;
}

/* --- Dispatching ---------------------------------------------------------- */

static void count_message(struct reactor *re, uint32_t size)
{
	struct timespec now;
	uint64_t *rate, w, new;

	add_relaxed(&re->dispatched, 1);
	add_relaxed(&re->bytes, size);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	rate = &re->rate[now.tv_sec & 1];
	/* Relaxed, and no CAS: two dispatchers may overwrite each other's
	 * count, and a rate may be a little low. */
	w = load_relaxed(rate);
	new = (uint32_t)(w >> 32) == (uint32_t)now.tv_sec
		      ? w + 1
		      : (uint64_t)(uint32_t)now.tv_sec << 32 | 1;
	store_relaxed(rate, new);
}

/* Tell whether anybody listens to the channel.  Acquire: pairs with the release
 * in take_cursor().  A listener that becomes LIVE behind this look begins
 * behind this message. */
static bool has_listener(const struct ring *r, uint64_t channel)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		const struct cursor *c = cursor_at(r, i);
		uint32_t state = CURSOR_STATE(load_acquire(&c->st));

		if ((state == CURSOR_LIVE || state == CURSOR_LAGGED) &&
		    load_relaxed(&c->mask) & CHANNEL_BIT(channel))
			return true;
	}
	return false;
}

/* Write word by word, relaxed: a listener that is overrun may read meanwhile,
 * and throws away what it has read (is_header_same()). */
static void write_words(void *to, const void *from, uint32_t size)
{
	uint64_t *w = to, last = 0;
	const char *p = from;

	for (; size >= 8; size -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		store_relaxed(w++, word);
	}
	if (size) {
		memcpy(&last, p, size);
		store_relaxed(w, last);
	}
}

/* Write the message.  The ring may be another reactor's by now: its listeners
 * pass over records with another target. */
static void fill_record(struct ring *r, uint64_t pos,
			const struct reactor_send *send, uint32_t id)
{
	struct msg_head h = send->head;

	h.target = id | RING_OF_REACTOR;
	h.kind = MSG_REACTOR;
	/* Release: a listener that reads one word of this message must see the
	 * claim.  Pairs with the fence in is_header_same(). */
	release_fence();
	write_words(ring_head_at(r, pos), &h, sizeof(h));
	write_words(ring_head_at(r, pos) + 1, send->data, h.size);
}

static void announce_dispatch(struct thread_rec *me, const struct ring *r,
			      uint32_t id)
{
	me->call.kind = r->index;
	me->call.a[0] = id;
	compiler_fence();
	store_relaxed(&me->call.op, (uint32_t)CALL_OP_DISPATCH);
	compiler_fence();
}

static int claim_record(struct view *v, struct thread_rec *me,
			struct reactor *re, struct ring *r,
			const struct reactor_send *send, uint32_t id,
			uint64_t *ret_pos)
{
	uint32_t cells = ring_cells(send->head.size);
	struct stall s = {send->since_ns, send->since_ns, false};
	bool slept;
	int e;

	/* Other dispatchers may take each place that is made: a dispatcher that
	 * must not wait stops after some turns. */
	for (int turn = 0; !send->nowait || turn < NOWAIT_TURNS; turn++) {
		e = ring_claim(v, me, r, cells, ret_pos, &slept);
		if (e != -EAGAIN)
			return e;
		/* Acquire: pairs with the release in reactor_fini(). */
		if (load_acquire(&re->id) != id)
			return -EIDRM;
		e = wait_for_room(v, me, r, send, &s);
		if (e < 0)
			return e;
	}
	return no_room_error(r, send);
}

/* Commit: that of ring_commit().  Killed before it: the claim is skipped.
 * Killed behind it: recovery wakes the listeners. */
int reactor_dispatch(struct view *v, struct thread_rec *me, struct reactor *re,
		     const struct reactor_send *send)
{
	/* Acquire: pairs with the commit of the record in table_add(). */
	uint32_t id = load_acquire(&re->id);
	struct ring r;
	uint64_t pos;
	int e;

	e = id ? reactor_ring(v, re, &r) : -EIDRM;
	if (e < 0 && e != -ENOENT)
		return e;
	if (send->head.size > UINT16_MAX * 8u ||
	    ring_cells(send->head.size) >
		    (e ? load_relaxed(&re->cells) : r.cells) / 2)
		return -EMSGSIZE;
	if (e || !has_listener(&r, send->head.a)) {
		count_message(re, send->head.size);
		return 0;
	}
	announce_dispatch(me, &r, id);
	e = claim_record(v, me, re, &r, send, id, &pos);
	if (e == 0) {
		fill_record(&r, pos, send, id);
		ring_commit(v, me, &r, pos, ring_cells(send->head.size));
		ring_finish(me);
		count_message(re, send->head.size);
		listeners_wake(v, me, &r, send->head.a);
	}
	compiler_fence();
	store_relaxed(&me->call.op, 0u);
	return e;
}
