/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/talk/reactor.h"

#include <string.h>
#include <time.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/bell.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/cursor.h"

/* --- Creation ------------------------------------------------------------- */

void reactor_init(struct view *v, void *rec, const void *arg)
{
	const struct reactor_params *params = arg;
	struct reactor *re = rec;

	memset(&re->e + 1, 0, sizeof(*re) - sizeof(re->e));
	re->message_size = params->message_size;
	re->cells = params->cells;
	re->listeners = params->listeners;
	store_relaxed(&re->id, load_relaxed(&re->e.id));
	if (params->maker) {
		re->object = params->object + 1;
		re->object_id = params->object_id;
		kind_ops[KIND_OBJECT].announce_reactor(v, params->maker, re);
	}
}

/* Who waits for room is to look again; the ring goes with the destroyer's
 * announcement. */
void reactor_fini(struct view *v, void *rec)
{
	struct reactor *re = rec;
	struct ring r;

	/* Release: pairs with the acquires of who uses the handle. */
	store_release(&re->id, 0u);
	if (load_relaxed(&re->ring) &&
	    ring_map(v, load_relaxed(&re->ring) - 1, &r) == 0)
		ring_shut(&r);
}

/* An object's. */
bool reactor_is_quiet(const void *rec)
{
	return ((const struct reactor *)rec)->object != 0;
}

int reactor_create(struct view *v, struct thread_rec *me, const char *name,
		   const struct reactor_params *params, uint32_t creator,
		   struct reactor **ret)
{
	uint32_t i;
	int r = table_add(v, me, KIND_REACTOR, name, creator, params, &i);

	if (r == 0)
		*ret = view_entry(v, KIND_REACTOR, i);
	return r;
}

int reactor_ring(const struct view *v, const struct reactor *re,
		 struct ring *ret)
{
	uint32_t id = load_acquire(&re->id);
	/* Acquire: pairs with the release in ring_open(). */
	uint32_t i = load_acquire(&re->ring);
	int r;

	if (!id)
		return -EIDRM;
	if (!i)
		return -ENOENT;
	if (i == REACTOR_SHUT)
		return -EIDRM;
	r = ring_map(v, i - 1, ret);
	if (r < 0)
		return -EIO;
	if (load_acquire(&ret->ctl->owner) == (id | RING_OF_REACTOR))
		return 0;
	/* It goes with its reactor; or it was never this one's (cursor_take()).
	 */
	return load_acquire(&re->id) == id ? -ENOENT : -EIDRM;
}

/*
 * All who listened are told, and the ring is free.  Idempotent.
 *
 *   who destroys the reactor           who begins to listen (cursor_take())
 *   reactor.id = 0                     cursor LIVE
 *   fence                              fence
 *   a cursor? -> tell it, free it      the id as it was? else give it up
 */
static void ring_goes(struct view *v, struct thread_rec *me, uint32_t index,
		      uint32_t id)
{
	uint32_t owner = id | RING_OF_REACTOR;
	struct ring r;

	if (ring_map(v, index, &r) < 0 || load_relaxed(&r.ctl->owner) != owner)
		return;
	full_fence();
	for (uint32_t i = 0; i < ring_cursors(&r); i++) {
		struct cursor *c = cursor_at(&r, i);

		/* Acquire: pairs with the release in take(): whose it is. */
		if (CURSOR_STATE(load_acquire(&c->st)) == CURSOR_FREE)
			continue;
		bell_ring(v, me, c, id, true);
		store_release(&c->st, 0ull);
	}
	ring_close(v, me, index, owner);
}

static uint32_t index_of(const struct view *v, const struct reactor *re)
{
	return (uint32_t)table_index(v, KIND_REACTOR, re);
}

static void open_again(struct reactor *re)
{
	uint32_t shut = REACTOR_SHUT;

	cas_acq_rel(&re->ring, &shut, 0u);
}

/* Commit: table_remove()'s.  Before it, who listens for the first time is shut
 * out: the ring that he makes would be nobody's.  Killed before it, it is open
 * again; after it, the ring is released by reactor_recover(). */
int reactor_destroy_id(struct view *v, struct thread_rec *me,
		       struct reactor *re, uint32_t id)
{
	uint32_t ring = 0;
	bool shut;
	int r;

	if (!id || load_acquire(&re->id) != id)
		return -EIDRM;
	me->call.kind = v->geo.n_rings;
	me->call.a[0] = id;
	me->call.a[1] = index_of(v, re);
	compiler_fence();
	store_relaxed(&me->call.op, (uint32_t)CALL_OP_DESTROY);
	compiler_fence();
	/* Acquire and release: pairs with the CAS in ring_open(). */
	shut = cas_acq_rel(&re->ring, &ring, REACTOR_SHUT);
	if (!shut && ring != REACTOR_SHUT)
		me->call.kind = ring - 1;
	compiler_fence();
	r = table_remove(v, me, KIND_REACTOR, index_of(v, re), id);
	if (r == 0)
		ring_goes(v, me, me->call.kind, id);
	else if (shut)
		open_again(re);
	compiler_fence();
	store_relaxed(&me->call.op, 0u);
	return r;
}

int reactor_destroy(struct view *v, struct thread_rec *me, struct reactor *re)
{
	return reactor_destroy_id(v, me, re, load_acquire(&re->id));
}

/* --- Room ----------------------------------------------------------------- */

/* A reader that moves by itself meanwhile is tried again, so often; it does so
 * once a record, and what scribbles on its place is no reader. */
#define PUSH_TRIES 64

/* Move @c behind the record at @pos, unless it is there already.  True: moved
 * by us, so the record is lost to it. */
static bool push(struct cursor *c, uint64_t pos, uint32_t cells)
{
	uint64_t at = load_acquire(&c->pos);

	for (int i = 0; at <= pos && i < PUSH_TRIES; i++)
		/* Release: pairs with the acquire of its reader. */
		if (cas_release(&c->pos, &at, pos + cells))
			return true;
	return false;
}

/* A cursor before what goes now is moved along; its mover counts.  Those
 * that are waited for (cursor_is_gating()) are not exempt: they were not when
 * the gate was computed, or they would not stand here.  Somebody who lags may
 * rest, and so be waited for again, at any moment. */
static void push_along(struct ring *r, uint64_t pos, uint32_t cells,
		       uint64_t channel, bool is_message)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		struct cursor *c = cursor_at(r, i);
		uint32_t state = CURSOR_STATE(load_acquire(&c->st));

		if ((state == CURSOR_LAGGED || state == CURSOR_LIVE) &&
		    !(SEED_BUG(80) && cursor_is_gating(c)) &&
		    push(c, pos, cells) && is_message &&
		    load_relaxed(&c->mask) & CHANNEL_BIT(channel))
			add_relaxed(&c->dropped, 1);
	}
}

/* Interior cells first, each from exactly what it was: whoever is late does
 * nothing. */
static void stamp(struct ring *r, uint64_t pos, uint32_t cells, uint64_t h)
{
	for (uint32_t i = cells - 1; i; i--) {
		uint64_t was = HDR_FREE_AT(pos + i);

		cas_release(&r->hdr[(pos + i) & r->mask], &was,
			    HDR_FREE_AT(pos + i + r->cells));
	}
	/* Release: pairs with the acquires in ring_claim(). */
	cas_release(&r->hdr[pos & r->mask], &h, HDR_FREE_AT(pos + r->cells));
}

/* Give a few of the oldest records back.  True: something is free now. */
static bool make_room(struct ring *r, uint64_t *ret_gate)
{
	uint64_t head = load_acquire(&r->ctl->head);
	uint64_t gate = cursors_gate(r, head);
	bool freed = false;

	*ret_gate = gate;
	for (uint32_t n = 0; n < r->cells / 8 && head < gate;) {
		uint64_t h = load_acquire(&r->hdr[head & r->mask]);
		uint32_t cells = HDR_CELLS(h), producer;
		enum ring_found found = ring_look(r, head, &cells, &producer);
		const struct msg_head *m = ring_head_at(r, head);

		if (found == RING_LOST) {
			cells = 1; /* stamped by one who did not move head */
		} else if (found == RING_RECORD || found == RING_SKIP) {
			push_along(r, head, cells, load_relaxed(&m->a),
				   found == RING_RECORD);
			stamp(r, head, cells, h);
		} else {
			break;
		}
		freed = true;
		n += cells;
		/* Release: the stamps come first. */
		if (cas_release(&r->ctl->head, &head, head + cells))
			head += cells;
		else
			head = load_acquire(&r->ctl->head);
	}
	return freed;
}

/* --- Waiting for the slow ------------------------------------------------- */

/* A record may need all that a ring has, and an eighth is freed at a time. */
#define NOWAIT_TURNS 32

struct stall {
	int64_t since_ns;
	int64_t probed_ns;
	bool hurry; /* somebody's limit is over: any room will do */
};

static int64_t limit_of(const struct cursor *c)
{
	uint32_t ms = load_relaxed(&c->limit_ms);

	return ms == REACTOR_FOREVER_MS ? INT64_MAX : (int64_t)ms * 1000000;
}

/* Its time is over: it is not waited for any more. */
static void give_up_on(struct view *v, struct thread_rec *me, struct cursor *c,
		       uint32_t id)
{
	uint64_t st = load_relaxed(&c->st);
	bool disconnect = CURSOR_POLICY(c) == POLICY_DISCONNECT;

	if (CURSOR_STATE(st) == CURSOR_LIVE)
		cas_acq_rel(
			&c->st, &st,
			CURSOR_MAKE(disconnect ? CURSOR_GONE : CURSOR_LAGGED,
				    CURSOR_TOKEN(st)));
	if (disconnect)
		bell_ring(v, me, c, id, true);
}

/* Those at the gate: ring for who sleeps over what does not concern it, give up
 * on who has had its time and leaves no room.  How long may we sleep?  0: look
 * again. */
static int64_t look_at_gate(struct view *v, struct thread_rec *me,
			    struct ring *r, const struct reactor_send *send,
			    struct stall *s, uint64_t gate, uint32_t id)
{
	int64_t now = clock_monotonic_ns(), nap = SUSPECT_FIRST_NS;
	uint64_t head = load_acquire(&r->ctl->head);

	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		struct cursor *c = cursor_at(r, i);
		int64_t limit, left;
		uint64_t pos;

		if (!cursor_is_gating(c))
			continue;
		/* Behind LIVE: before it, it was nobody's or the last one's. */
		pos = load_acquire(&c->pos);
		limit = limit_of(c);
		if (pos > gate)
			continue;
		/* Others hold it up. */
		if (CURSOR_FLAGS(c) & CURSOR_DONE &&
		    pos >= done_by_others(r, c))
			continue;
		if (send->impatient &&
		    send->impatient == load_relaxed(&c->owner))
			limit = 0;
		left = limit == INT64_MAX ? nap : s->since_ns + limit - now;
		if (left <= 0 && pos <= head) {
			give_up_on(v, me, c, id);
			return 0;
		}
		if (left <= 0 && !s->hurry) {
			s->hurry = true;
			return 0;
		}
		bell_ring(v, me, c, id, false);
		nap = left > 0 && left < nap ? left : nap;
	}
	return nap;
}

/* Is it the dead that we wait for?  A claim's producer, or a listener. */
static void probe(struct view *v, struct ring *r, uint64_t head)
{
	uint32_t cells, producer;

	if (ring_look(r, head, &cells, &producer) == RING_BUSY &&
	    producer < v->geo.max_threads)
		life_suspect(v, load_relaxed(&view_thread(v, producer)->token));
	life_sweep(v);
}

/* Who has found the ring full goes on when half of it is free, if that comes
 * soon: else each message would cost a wake of all who listen. */
#define HALF_NS 2000000

static bool is_half_free(const struct ring *r, const struct stall *s,
			 uint64_t *ret_gate, int64_t *ret_left)
{
	uint64_t head = load_acquire(&r->ctl->head);

	*ret_left = s->hurry ? 0 : s->since_ns + HALF_NS - clock_monotonic_ns();
	if (*ret_left <= 0)
		return true;
	*ret_gate = cursors_gate(r, head);
	return *ret_gate - head >= r->cells / 2;
}

/* Its headers, and that nobody has read what is not there. */
static bool is_sound(const struct ring *r)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++)
		if (!cursor_is_sound(r, cursor_at(r, i)))
			return false;
	return ring_is_sound(r);
}

static int not_now(const struct ring *r, const struct reactor_send *send)
{
	return !send->ret_nap_ns || is_sound(r) ? -EAGAIN : -EIO;
}

/* No room.  0: try again; -EAGAIN; -EIO. */
static int wait_for_room(struct view *v, struct thread_rec *me, struct ring *r,
			 const struct reactor_send *send, struct stall *s,
			 uint32_t id)
{
	uint64_t gate = 0;
	uint32_t seen;
	int64_t nap, left = 0;

	if (!s->since_ns)
		s->since_ns = s->probed_ns = clock_monotonic_ns();
	if ((send->nowait || is_half_free(r, s, &gate, &left)) &&
	    make_room(r, &gate))
		return 0;
	if (send->ret_nap_ns)
		ring_ask_space(r);
	add_relaxed(&r->ctl->space_waiters, 1);
	/* The drawing is at ring_wait_space(). */
	full_fence();
	seen = load_acquire(&r->ctl->space);
	nap = look_at_gate(v, me, r, send, s, gate, id);
	if (left > 0 && left < nap)
		nap = left;
	if (nap && !((send->nowait || is_half_free(r, s, &gate, &left)) &&
		     make_room(r, &gate))) {
		if (send->ret_nap_ns)
			*send->ret_nap_ns = nap;
		if (send->nowait)
			nap = -1;
		else
			ring_wait_space(r, seen, nap);
	}
	sub_relaxed(&r->ctl->space_waiters, 1);
	if (nap < 0)
		return not_now(r, send);
	if (nap && clock_monotonic_ns() - s->probed_ns >= SUSPECT_FIRST_NS) {
		probe(v, r, load_acquire(&r->ctl->head));
		s->probed_ns = clock_monotonic_ns();
	}
	return 0;
}

/* --- Dispatching ---------------------------------------------------------- */

static void count(struct reactor *re, uint32_t size)
{
	struct timespec now;
	uint64_t *rate, w, new;

	add_relaxed(&re->dispatched, 1);
	add_relaxed(&re->bytes, size);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	rate = &re->rate[now.tv_sec & 1];
	/* Relaxed, and no CAS: what two of us lose to each other of a rate is
	 * no harm. */
	w = load_relaxed(rate);
	new = (uint32_t)(w >> 32) == (uint32_t)now.tv_sec
		      ? w + 1
		      : (uint64_t)(uint32_t)now.tv_sec << 32 | 1;
	store_relaxed(rate, new);
}

/* Does anybody listen? */
static bool is_heard(const struct ring *r, uint64_t channel)
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

/* In words, relaxed: a reader that is being overrun may read meanwhile, and
 * throws away what it read. */
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

/* The ring may be another reactor's by now: who listens there passes over what
 * is not for it. */
static void fill(struct ring *r, uint64_t pos, const struct reactor_send *send,
		 uint32_t id)
{
	struct msg_head h = send->head;

	h.target = id | RING_OF_REACTOR;
	h.kind = MSG_REACTOR;
	/* Release: the claim is seen before the payload changes; pairs with
	 * the fence in cursor_read(). */
	release_fence();
	write_words(ring_head_at(r, pos), &h, sizeof(h));
	write_words(ring_head_at(r, pos) + 1, send->data, h.size);
}

static void announce(struct thread_rec *me, uint32_t index)
{
	me->call.kind = index;
	compiler_fence();
	store_relaxed(&me->call.op, (uint32_t)CALL_OP_DISPATCH);
	compiler_fence();
}

static int claim(struct view *v, struct thread_rec *me, struct reactor *re,
		 struct ring *r, const struct reactor_send *send, uint32_t id,
		 uint64_t *ret_pos)
{
	uint32_t cells = ring_cells(send->head.size);
	struct stall s = {send->since_ns, send->since_ns, false};
	bool slept;
	int e;

	/* Others may take each place that is made: who must not wait has tried
	 * often enough. */
	for (int turn = 0; !send->nowait || turn < NOWAIT_TURNS; turn++) {
		e = ring_claim(v, me, r, cells, ret_pos, &slept);
		if (e != -EAGAIN)
			return e;
		if (load_acquire(&re->id) != id)
			return -EIDRM;
		e = wait_for_room(v, me, r, send, &s, id);
		if (e < 0)
			return e;
	}
	return not_now(r, send);
}

/* Commit: ring_commit()'s. */
int reactor_dispatch(struct view *v, struct thread_rec *me, struct reactor *re,
		     const struct reactor_send *send)
{
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
	if (e || !is_heard(&r, send->head.a)) {
		count(re, send->head.size);
		return 0;
	}
	announce(me, index_of(v, re));
	e = claim(v, me, re, &r, send, id, &pos);
	if (e == 0) {
		fill(&r, pos, send, id);
		ring_commit(v, me, &r, pos, ring_cells(send->head.size));
		ring_finish(me);
		count(re, send->head.size);
		bells_ring(v, me, &r, send->head.a, id);
	}
	compiler_fence();
	store_relaxed(&me->call.op, 0u);
	return e;
}

/* --- Looking -------------------------------------------------------------- */

static uint32_t rate_of(const struct reactor *re)
{
	struct timespec now;
	uint64_t w;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	w = load_relaxed(&re->rate[(now.tv_sec - 1) & 1]);
	return (uint32_t)(w >> 32) == (uint32_t)(now.tv_sec - 1) ? (uint32_t)w
								 : 0;
}

int reactor_sum(const struct view *v, const struct reactor *re,
		struct reactor_sum *ret)
{
	struct reactor_sum sum = {
		.dispatched = load_relaxed(&re->dispatched),
		.bytes = load_relaxed(&re->bytes),
		.rate = rate_of(re),
		.cells = load_relaxed(&re->cells),
	};
	struct ring r;
	int e = reactor_ring(v, re, &r);

	if (e < 0 && e != -ENOENT)
		return e == -EIDRM ? -ENOENT : e;
	for (uint32_t i = 0; e == 0 && i < ring_cursors(&r); i++) {
		const struct cursor *c = cursor_at(&r, i);
		uint32_t state = CURSOR_STATE(load_acquire(&c->st));

		if (state < CURSOR_LIVE || CURSOR_FLAGS(c) & CURSOR_DONE)
			continue;
		sum.listeners++;
		sum.dropped += load_relaxed(&c->dropped);
	}
	*ret = sum;
	return 0;
}

/* --- Recovery ------------------------------------------------------------- */

int reactor_recover(struct view *v, struct thread_rec *t)
{
	uint32_t op = load_relaxed(&t->call.op), index = t->call.kind;
	struct thread_rec *me;
	struct reactor *re;
	struct ring r;

	if (op != CALL_OP_DISPATCH && op != CALL_OP_DESTROY)
		return 0;
	me = life_rec(v);
	if (!me)
		return -EIO;
	if (op == CALL_OP_DISPATCH && index < table_hi(v, KIND_REACTOR)) {
		re = view_entry(v, KIND_REACTOR, index);
		if (reactor_ring(v, re, &r) == 0 && !SEED_BUG(45))
			bells_ring(v, me, &r, BELLS_ALL, load_relaxed(&re->id));
	}
	if (op == CALL_OP_DESTROY && t->call.a[1] < table_hi(v, KIND_REACTOR)) {
		uint32_t id = (uint32_t)t->call.a[0];

		re = view_entry(v, KIND_REACTOR, (uint32_t)t->call.a[1]);
		/* Not if it is still there: it was not destroyed. */
		if (load_acquire(&re->id) != id)
			ring_goes(v, me, index, id);
		else
			open_again(re);
	}
	compiler_fence();
	store_relaxed(&t->call.op, 0u);
	return 0;
}
