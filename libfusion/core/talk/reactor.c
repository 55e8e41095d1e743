/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of a reactor: its creation, its end, its numbers
 *
 * The ring of a reactor is made when somebody listens for the first time.  It
 * outlives the reactor, until each listener has read what was dispatched before
 * the end, and has freed its cursor.  The last one closes the ring.  So nobody
 * but its listener, or who recovers the listener, frees a cursor, and no ring
 * changes hands under a thread that reads there.
 *
 * Invariants: no listener stays behind without being told, and no ring without
 * cursors outlives its reactor.  The drawings at tell_the_end() and
 * reactor_close_ended() show why.
 *
 * Dead destroyer: thread_rec.call says {DESTROY, ring, id, reactor} from before
 * the ring is shut until all are told.  If the reactor is still there it is
 * opened again; if not, recovery tells the listeners once more.
 *
 * Dead listener: between its last store to the cursor and the closing of the
 * ring nothing is announced.  Recovery of its member looks at all rings, and
 * in each at the record that ring_ctl.reactor names: so its work is in
 * proportion to the rings, however many reactors there are.
 */
#include "libfusion/core/talk/reactor.h"

#include <string.h>
#include <time.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/listener_wake.h"
#include "libfusion/core/talk/ring_open.h"
#include "libfusion/core/talk/ring_room.h"

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

/* Commit of the end: id = 0.  What was dispatched before that is read before
 * the end is told.  Those that wait for room look again. */
void reactor_fini(struct view *v, void *rec)
{
	struct reactor *re = rec;
	struct ring r;

	/* Release: pairs with the acquires of id in reactor_ring() and
	 * cursor_take().  A thread that sees 0 only learns that the reactor is
	 * gone. */
	store_release(&re->id, 0u);
	if (load_relaxed(&re->ring) &&
	    ring_map(v, load_relaxed(&re->ring) - 1, &r) == 0)
		ring_shut(&r);
}

/* Tell whether the reactor is an object's: then no event says that it comes and
 * goes. */
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
	/* Acquire: the ring is read behind the id.  Pairs with the commit of
	 * the record in table_add(). */
	uint32_t id = load_acquire(&re->id);
	/* Acquire: pairs with the CAS in ring_open().  The ring must be seen
	 * ready. */
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
	/* Acquire: pairs with the CAS in ring_give_up(); the id is read once
	 * more behind it. */
	if (load_acquire(&ret->ctl->owner) == (id | RING_OF_REACTOR))
		return 0;
	/* The ring was closed with its reactor; or it never was this reactor's
	 * (reactor_unlink_foreign()). */
	return load_acquire(&re->id) == id ? -ENOENT : -EIDRM;
}

/* Tell whether @ring, which the word of reactor @id names, is another
 * reactor's.  The owner is read before the id: when the reactor is destroyed,
 * the owner changes behind the id.  Acquire: pairs with the CAS in ring_open()
 * and the release in ring_give_up(). */
static bool is_foreign(const struct view *v, const struct reactor *re,
		       uint32_t id, uint32_t ring)
{
	return ring && ring <= ring_hi(v) &&
	       load_acquire(&ring_ctl(v, ring - 1)->owner) !=
		       (id | RING_OF_REACTOR) &&
	       load_acquire(&re->id) == id;
}

void reactor_unlink_foreign(const struct view *v, struct reactor *re,
			    uint32_t id)
{
	/* Acquire: pairs with the CAS of the word in ring_open(). */
	uint32_t ring = load_acquire(&re->ring);

	if (is_foreign(v, re, id, ring))
		cas_acq_rel(&re->ring, &ring, 0u);
}

/* --- The end -------------------------------------------------------------- */

/* A note says of a reactor, for ever, which record was its own: so a thread
 * that is late, and notes a former reactor of the ring, does no harm.  Release:
 * pairs with the acquire in is_reactor_there().  The id was seen in the record
 * before. */
void reactor_note_ring(const struct view *v, const struct reactor *re,
		       uint32_t id, struct ring *r)
{
	uint64_t note = (uint64_t)(reactor_index(v, re) + 1) << 32 | id;

	if (load_relaxed(&r->ctl->reactor) != note)
		store_release(&r->ctl->reactor, note);
}

/* Tell whether reactor @id, which has had the ring @r, is not destroyed.  No
 * other reactor ever gets the id.  The ring has no note of it if its first
 * listener was killed, or if a late listener has noted a former reactor. */
static bool is_reactor_there(const struct view *v, struct ring *r, uint32_t id)
{
	uint32_t hi = table_hi(v, KIND_REACTOR), at;
	const struct reactor *re;
	/* Acquire: pairs with the release in reactor_note_ring(). */
	uint64_t note = load_acquire(&r->ctl->reactor);

	at = (uint32_t)(note >> 32);
	if ((uint32_t)note == id && at && at <= hi) {
		re = view_entry(v, KIND_REACTOR, at - 1);
		/* Acquire: pairs with the release in reactor_fini(). */
		return load_acquire(&re->id) == id;
	}
	for (uint32_t i = 0; i < hi; i++) {
		re = view_entry(v, KIND_REACTOR, i);
		/* Acquire: pairs with the release in reactor_fini(). */
		if (load_acquire(&re->id) != id)
			continue;
		reactor_note_ring(v, re, id, r);
		return true;
	}
	return false;
}

/*
 *   a listener, or who recovers it     the thread that destroys
 *   cursor FREE                        reactor.id = 0
 *   fence                              fence
 *   the id gone, all FREE? close       all FREE? close
 *
 * First the id: a listener that begins behind the look at its cursor sees that
 * the reactor has gone, and gives the cursor up.  Several threads may find that
 * the ring is over: the CAS lets one close it.
 */
static void close_unread(struct ring *r, uint32_t owner)
{
	full_fence();
	for (uint32_t i = 0; i < ring_cursors(r); i++)
		/* Relaxed: the fence orders it, as drawn. */
		if (CURSOR_STATE(load_relaxed(&cursor_at(r, i)->st)) !=
		    CURSOR_FREE)
			return;
	ring_give_up(r, owner);
}

void reactor_close_ended(struct view *v, struct ring *r)
{
	uint32_t owner = load_relaxed(&r->ctl->owner);

	if (!ring_is_reactors(owner))
		return;
	full_fence();
	if (!is_reactor_there(v, r, owner & ~RING_OF_REACTOR))
		close_unread(r, owner);
}

/*
 * Tell all listeners.  Each reads on, and frees its cursor.  Idempotent.
 *
 *   the thread that destroys           the thread that begins to listen
 *   reactor.id = 0                     cursor LIVE
 *   fence                              fence
 *   a cursor? tell it                  the id still the same? else give up
 */
static void tell_the_end(struct view *v, struct thread_rec *me, uint32_t index,
			 uint32_t id)
{
	struct ring r;

	if (ring_map(v, index, &r) < 0 ||
	    load_relaxed(&r.ctl->owner) != (id | RING_OF_REACTOR))
		return;
	full_fence();
	for (uint32_t i = 0; i < ring_cursors(&r); i++) {
		struct cursor *c = cursor_at(&r, i);

		/* Acquire: pairs with the release in take_cursor().  The cursor
		 * must be seen with its owner. */
		if (CURSOR_STATE(load_acquire(&c->st)) >= CURSOR_LIVE &&
		    !SEED_BUG(46))
			listener_wake(v, me, &r, c, true);
	}
	close_unread(&r, id | RING_OF_REACTOR);
}

/* Let no more listeners come first.  True: this thread has set the mark.  Else
 * *ret_ring is what the word names: the ring of this reactor, or the mark of
 * another thread.  A foreign link counts as none, since a listener may replace
 * it behind our look.  Acquire and release of the CAS: pairs with the CAS of
 * the word in ring_open().  Either the ring is seen here, or it is not linked.
 */
static bool shut_reactor(const struct view *v, struct reactor *re, uint32_t id,
			 uint32_t *ret_ring)
{
	for (unsigned n = 0; n < REACTOR_TRIES; n++) {
		*ret_ring = 0;
		if (cas_acq_rel(&re->ring, ret_ring, REACTOR_SHUT))
			return true;
		if (!is_foreign(v, re, id, *ret_ring))
			return false;
		reactor_unlink_foreign(v, re, id);
	}
	return false;
}

/* Take the shut mark off, which no ring has replaced.  Release: pairs with the
 * acquire of the word in ring_open(). */
static void reopen_reactor(struct reactor *re)
{
	uint32_t shut = REACTOR_SHUT;

	cas_acq_rel(&re->ring, &shut, 0u);
}

/* Commit: that of table_remove().  Before it, listeners that come first are
 * shut out, as the ring that they make would have no owner.  Killed before the
 * commit: recovery opens the reactor again.  Killed behind it: recovery tells
 * the listeners (reactor_recover()). */
int reactor_destroy_id(struct view *v, struct thread_rec *me,
		       struct reactor *re, uint32_t id)
{
	uint32_t ring;
	bool shut;
	int r;

	/* Acquire: pairs with the release in reactor_fini(). */
	if (!id || load_acquire(&re->id) != id)
		return -EIDRM;
	me->call.kind = v->geo.n_rings;
	me->call.a[0] = id;
	me->call.a[1] = reactor_index(v, re);
	compiler_fence();
	store_relaxed(&me->call.op, (uint32_t)CALL_OP_DESTROY);
	compiler_fence();
	shut = shut_reactor(v, re, id, &ring);
	if (!shut && ring != REACTOR_SHUT)
		me->call.kind = ring - 1;
	compiler_fence();
	r = table_remove(v, me, KIND_REACTOR, reactor_index(v, re), id);
	if (r == 0)
		tell_the_end(v, me, me->call.kind, id);
	else if (shut)
		reopen_reactor(re);
	compiler_fence();
	store_relaxed(&me->call.op, 0u);
	return r;
}

int reactor_destroy(struct view *v, struct thread_rec *me, struct reactor *re)
{
	return reactor_destroy_id(v, me, re, load_acquire(&re->id));
}

/* --- Numbers for the lens ------------------------------------------------- */

static uint32_t last_second_rate(const struct reactor *re)
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
		.rate = last_second_rate(re),
		.cells = load_relaxed(&re->cells),
	};
	struct ring r;
	int e = reactor_ring(v, re, &r);

	if (e < 0 && e != -ENOENT)
		return e == -EIDRM ? -ENOENT : e;
	for (uint32_t i = 0; e == 0 && i < ring_cursors(&r); i++) {
		const struct cursor *c = cursor_at(&r, i);
		/* Acquire: pairs with the release in take_cursor(). */
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
	uint32_t id = (uint32_t)t->call.a[0];
	struct thread_rec *me;
	struct reactor *re;
	struct ring r;
	int err;

	if (op != CALL_OP_DISPATCH && op != CALL_OP_DESTROY)
		return 0;
	err = life_rec_get(v, &me);
	if (err < 0)
		return err;
	/* Also if the reactor was destroyed meanwhile: its listeners wait at a
	 * claim of the dead thread before they come to the end.  And if the
	 * ring has another reactor: the dead thread was late, and claimed
	 * there, or took the mark of a listener. */
	if (op == CALL_OP_DISPATCH && ring_map(v, index, &r) == 0 &&
	    load_relaxed(&r.ctl->owner) & RING_OF_REACTOR && !SEED_BUG(45))
		listeners_wake(v, me, &r, LISTENERS_ALL);
	if (op == CALL_OP_DESTROY && t->call.a[1] < table_hi(v, KIND_REACTOR)) {
		re = view_entry(v, KIND_REACTOR, (uint32_t)t->call.a[1]);
		/* If the reactor is still there, it was not destroyed. */
		if (load_acquire(&re->id) != id)
			tell_the_end(v, me, index, id);
		else
			reopen_reactor(re);
	}
	compiler_fence();
	store_relaxed(&t->call.op, 0u);
	return 0;
}
