/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cursors: listening to a reactor, and reading what is dispatched
 *
 * A listener copies a record out, checks that the header is still the same, and
 * moves its cursor by CAS.  The CAS is the commit: if it succeeds the listener
 * has the message; if it fails a dispatcher has pushed the cursor, and counted
 * the message as dropped.  For one message both never happen.
 *
 * A listener that moves, or goes away, may make room.  Invariant: a dispatcher
 * that waits for room is told by the last listener that held it up.  A listener
 * that reads on tells it twice a lap, so that a reader that never goes idle
 * reports its progress, too.
 */
#include "libfusion/core/talk/cursor.h"

#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/talk/listener_wake.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/core/talk/ring_open.h"
#include "libfusion/core/talk/ring_room.h"

/* --- Taking --------------------------------------------------------------- */

static void raise_cursors_hi(struct ring *r, uint32_t hi)
{
	uint32_t was = load_relaxed(&r->ctl->cursors_hi);

	/* Release: pairs with the acquire in view_hi().  The cursor is taken
	 * before others scan it. */
	while (was < hi && !cas_release(&r->ctl->cursors_hi, &was, hi))
		;
}

/*
 * Begin behind all that was dispatched before the cursor was LIVE.  In the ring
 * is only what was dispatched while somebody listened.  So a listener that
 * began earlier would miss messages between those that it hears.
 *
 *   the listener                  a dispatcher, twice
 *   cursor LIVE                   the first message is committed
 *   fence                         fence (listeners_wake())
 *   the end? begin there          does anybody listen? the next message
 *
 * If the listener hears the first message, it begins before that message; then
 * the dispatcher sees LIVE, and the listener hears the next message, too.  What
 * dispatchers have pushed the cursor over so far was not meant for it.
 */
static void begin_at_the_end(struct ring *r, struct cursor *c)
{
	uint64_t at = load_relaxed(&c->pos), end;

	full_fence();
	end = ring_end(r);
	/* Relaxed: nothing was read. */
	while (at < end && !cas_relaxed(&c->pos, &at, end))
		;
	store_relaxed(&c->dropped, 0ull);
}

/* Take a free cursor and set it up.  Commit: LIVE.  Killed before it: recovery
 * finds the cursor TAKEN by a dead thread. */
static int take_cursor(struct ring *r, const struct thread_rec *me,
		       const struct cursor_params *params)
{
	uint32_t token = thread_token(me);

	for (uint32_t i = 0; i < r->n_cursors; i++) {
		struct cursor *c = cursor_at(r, i);
		uint64_t st = load_relaxed(&c->st);

		if (CURSOR_STATE(st) != CURSOR_FREE)
			continue;
		/* Before the cursor is taken: recovery, too, scans no others,
		 * and must find it if this thread is killed. */
		if (!SEED_BUG(111))
			raise_cursors_hi(r, i + 1);
		/* Acquire: pairs with the release in cursor_free() and
		 * free_lost_cursors().  The last listener is done with the
		 * cursor. */
		if (!cas_acquire(&c->st, &st, CURSOR_MAKE(CURSOR_TAKEN, token)))
			continue;
		if (SEED_BUG(111))
			raise_cursors_hi(r, i + 1);
		store_relaxed(&c->owner, params->owner);
		store_relaxed(&c->slot, params->slot);
		store_relaxed(&c->idle, (uint32_t)CURSOR_READS);
		store_relaxed(&c->dropped, 0ull);
		store_relaxed(&c->busy, 0ull);
		store_relaxed(&c->mask, params->mask);
		store_relaxed(&c->policy, params->policy << 24 | params->flags);
		store_relaxed(&c->limit_ms, params->limit_ms);
		store_relaxed(&c->pos, ring_tail(r));
		/* Commit.  Release: pairs with the acquires of the state in
		 * cursor_is_gating(), has_listener() and listeners_wake().  A
		 * dispatcher must see the cursor with its position and its
		 * policy. */
		store_release(&c->st, CURSOR_MAKE(CURSOR_LIVE, token));
		if (!SEED_BUG(110))
			begin_at_the_end(r, c);
		return (int)i;
	}
	return -ENOSPC;
}

/* Close a ring that was made too late: its reactor has gone.  Its listeners may
 * still read, if it was not this thread that made the ring.  The link stays, as
 * the ring of nobody or of another: a listener to the record's next reactor
 * clears it (reactor_unlink_foreign()). */
static void close_late_ring(struct view *v, uint32_t index)
{
	struct ring r;

	if (ring_map(v, index, &r) == 0)
		reactor_close_ended(v, &r);
}

/* Have reactor @id name a ring of its own.  A listener that is late may link
 * another reactor's ring behind our look, and then the reactor is still there:
 * try again.  -EIDRM: the reactor is gone; others as ring_open(). */
static int open_reactor_ring(struct view *v, struct thread_rec *me,
			     struct reactor *re, uint32_t id, struct ring *ret)
{
	uint32_t index;
	int e = -ENOENT;

	for (unsigned n = 0; e == -ENOENT && n < REACTOR_TRIES; n++) {
		reactor_unlink_foreign(v, re, id);
		e = ring_open(v, me, id | RING_OF_REACTOR,
			      load_relaxed(&re->cells),
			      load_relaxed(&re->listeners), &re->ring, &index);
		if (e < 0)
			return load_relaxed(&re->ring) == REACTOR_SHUT ||
					       load_acquire(&re->id) != id
				       ? -EIDRM
				       : e;
		ring_opened(me);
		e = reactor_ring(v, re, ret);
		if (load_acquire(&re->id) != id) {
			close_late_ring(v, index);
			return -EIDRM;
		}
	}
	return e == -ENOENT ? -EIDRM : e;
}

/* Free a cursor that this thread has just taken.  The ring may be another
 * reactor's by now, whose dispatchers may wait for this cursor, and which may
 * have ended, too.  Release: pairs with the CAS in take_cursor(). */
static void give_up_cursor(struct view *v, struct thread_rec *me,
			   struct ring *r, struct cursor *c)
{
	store_release(&c->st, 0ull);
	cursor_tell_moved(v, me, r, c, false);
	reactor_close_ended(v, r);
}

/* Commit: LIVE, in take_cursor().  Killed between making the ring and that: the
 * ring has no listener, and stays with the reactor. */
int cursor_take(struct view *v, struct thread_rec *me, struct reactor *re,
		const struct cursor_params *params, struct listener *ret)
{
	/* Acquire, as in each load of the id here: pairs with the commit of the
	 * record and with the release in reactor_fini(). */
	uint32_t id = load_acquire(&re->id);
	struct ring r;
	int e;

	if (!id)
		return -EIDRM;
	e = open_reactor_ring(v, me, re, id, &r);
	if (e < 0)
		return e;
	reactor_note_ring(v, re, id, &r);
	e = take_cursor(&r, me, params);
	if (e < 0)
		return e;
	/* The drawing is at tell_the_end(): the destroyer sees our LIVE, or we
	 * see that the id has changed. */
	full_fence();
	if (load_acquire(&re->id) != id && !SEED_BUG(93)) {
		give_up_cursor(v, me, &r, cursor_at(&r, (uint32_t)e));
		return -EIDRM;
	}
	*ret = (struct listener){
		.re = re,
		.id = id,
		.cursor = (uint32_t)e,
		.owner = params->owner,
		.ring = r.index,
	};
	return 0;
}

/* Tell whether the reactor is destroyed.  Acquire: pairs with the release in
 * reactor_fini().  What was committed before that is seen behind this load. */
static bool has_ended(const struct listener *l)
{
	return load_acquire(&l->re->id) != l->id;
}

int cursor_get(const struct view *v, const struct listener *l,
	       struct ring *ret_ring, struct cursor **ret)
{
	struct cursor *c;

	if (ring_map(v, l->ring, ret_ring) < 0 ||
	    l->cursor >= ret_ring->n_cursors)
		return -EIO;
	/* Relaxed: the ring stays this reactor's as long as the cursor is this
	 * listener's.  A listener without a cursor may find any owner. */
	if (load_relaxed(&ret_ring->ctl->owner) != (l->id | RING_OF_REACTOR))
		return -EIDRM;
	c = cursor_at(ret_ring, l->cursor);
	/* Acquire: pairs with the CAS in give_up_on_listener(); and whose
	 * cursor it is, is read behind the state. */
	switch (CURSOR_STATE(load_acquire(&c->st))) {
	case CURSOR_LIVE:
	case CURSOR_LAGGED:
		break;
	case CURSOR_GONE:
		return -EPIPE;
	default:
		return -EIDRM;
	}
	if (load_relaxed(&c->owner) != l->owner)
		return -EIDRM;
	*ret = c;
	return 0;
}

/* --- Which listeners hold up the ring ------------------------------------- */

/* Acquire: pairs with the release in take_cursor(); policy and position are
 * read behind LIVE. */
bool cursor_is_gating(const struct cursor *c)
{
	return CURSOR_STATE(load_acquire(&c->st)) == CURSOR_LIVE &&
	       CURSOR_POLICY(c) != POLICY_DROP;
}

uint64_t cursors_gate(const struct ring *r, uint64_t head)
{
	uint64_t gate = head + r->cells;

	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		const struct cursor *c = cursor_at(r, i);
		uint64_t pos;

		if (!cursor_is_gating(c))
			continue;
		/* Acquire: pairs with the release of pos in read_next_record().
		 * The listener is done with the cells before the gate. */
		pos = load_acquire(&c->pos);
		if (pos < gate)
			gate = pos;
	}
	return gate;
}

/* Tell the threads that wait for room, if this cursor was the last one that
 * held them up: not each of many listeners that have read what there is wakes
 * them.  Two that move at once each move, fence, and read the position of the
 * other, so one of them sees both moves. */
static void tell_room_fenced(struct ring *r)
{
	uint64_t head;

	if (!load_relaxed(&r->ctl->space_waiters) &&
	    !load_relaxed(&r->ctl->visitors))
		return;
	/* Acquire: pairs with the release in reactor_make_room(). */
	head = load_acquire(&r->ctl->head);
	if (cursors_gate(r, head) > head)
		ring_tell_space(r);
}

static void tell_room(struct ring *r)
{
	full_fence();
	tell_room_fenced(r);
}

/* Wake the listeners that read behind all others (CURSOR_DONE), if they are
 * idle or @always.  Acquire: pairs with the release in take_cursor(). */
static void wake_done_listeners(struct view *v, struct thread_rec *me,
				struct ring *r, const struct cursor *self,
				bool always)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		struct cursor *c = cursor_at(r, i);

		if (c != self && (always || load_relaxed(&c->idle)) &&
		    CURSOR_FLAGS(c) & CURSOR_DONE &&
		    CURSOR_STATE(load_acquire(&c->st)) == CURSOR_LIVE && me)
			listener_wake(v, me, r, c, always);
	}
}

void cursor_tell_moved(struct view *v, struct thread_rec *me, struct ring *r,
		       const struct cursor *self, bool always)
{
	tell_room(r);
	wake_done_listeners(v, me, r, self, always);
}

void cursor_free(struct view *v, struct thread_rec *me,
		 const struct listener *l)
{
	struct cursor *c;
	struct ring r;
	int e = cursor_get(v, l, &r, &c);

	if (e == -EPIPE)
		c = cursor_at(&r, l->cursor);
	else if (e < 0)
		return;
	/* Release: pairs with the CAS in take_cursor().  This listener is done
	 * with the cursor. */
	store_release(&c->st, 0ull);
	/* The fence in here comes before the id is read, as it is drawn at
	 * reactor_close_ended(). */
	cursor_tell_moved(v, me, &r, c, false);
	if (has_ended(l))
		reactor_close_ended(v, &r);
}

/* --- Reading -------------------------------------------------------------- */

/* Not farther than the ring can go.  Cells may have been freed, and used again,
 * before the head was moved.  Acquire: the head is read behind the position;
 * pairs with the release in reactor_make_room(). */
bool cursor_is_sound(const struct ring *r, const struct cursor *c)
{
	uint32_t state = CURSOR_STATE(load_acquire(&c->st));
	uint64_t pos = load_acquire(&c->pos);

	return (state != CURSOR_LIVE && state != CURSOR_LAGGED) ||
	       pos <= load_acquire(&r->ctl->head) + 2 * r->cells;
}

/* Acquire of the position: pairs with the release in read_next_record(): if it
 * is behind a message, `busy` of that message is seen, or a later one.  Acquire
 * of that: pairs with the releases there and in end_message().  What the
 * listener did with earlier messages came before. */
uint64_t cursor_done_pos(const struct cursor *c)
{
	uint64_t pos = load_acquire(&c->pos), busy = load_acquire(&c->busy);

	return busy && busy - 1 < pos ? busy - 1 : pos;
}

/* Acquire of the state: pairs with the release in take_cursor(); flags and
 * position are read behind LIVE. */
uint64_t cursors_done_pos(const struct ring *r, const struct cursor *self)
{
	uint64_t done = UINT64_MAX;

	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		const struct cursor *c = cursor_at(r, i);
		uint64_t pos;

		/* A visitor only looks on: it may be stopped, and nobody waits
		 * until it has read. */
		if (c == self ||
		    CURSOR_FLAGS(c) & (CURSOR_DONE | CURSOR_VISITOR) ||
		    CURSOR_STATE(load_acquire(&c->st)) != CURSOR_LIVE)
			continue;
		pos = cursor_done_pos(c);
		if (pos < done)
			done = pos;
	}
	return done;
}

static void read_words(void *to, const void *from, uint32_t size)
{
	const uint64_t *w = from;
	char *p = to;
	uint64_t word;

	for (; size >= 8; size -= 8, p += 8) {
		word = load_relaxed(w++);
		memcpy(p, &word, 8);
	}
	if (size) {
		word = load_relaxed(w);
		memcpy(p, &word, size);
	}
}

/* Copy the record at @pos out.  It may be overwritten meanwhile; then the
 * caller throws the copy away. 1: it is a message for this listener. 0: it is
 * not.  -EMSGSIZE. */
static int copy_record(const struct ring *r, const struct cursor *c,
		       uint64_t pos, uint32_t cells, uint32_t skip_of,
		       void *buf, uint32_t size, struct msg_head *ret)
{
	struct msg_head *at = ring_head_at(r, pos);

	read_words(ret, at, sizeof(*ret));
	if (ret->target != load_relaxed(&r->ctl->owner) ||
	    ret->size > (uint64_t)cells * RING_CELL - sizeof(*ret) ||
	    ret->a > 0xffff || !(load_relaxed(&c->mask) & CHANNEL_BIT(ret->a)))
		return 0;
	if (skip_of && ret->sender == skip_of && ret->flags & MSG_NOT_SENDER)
		return 0;
	if (ret->size > size)
		return -EMSGSIZE;
	read_words(buf, at + 1, ret->size);
	return 1;
}

/* Tell whether header @h still stands at @pos, so that what was copied is that
 * record.  Pairs with the fence in fill_record(): if a word of the next message
 * was copied, its claim is seen. */
static bool is_header_same(const struct ring *r, uint64_t pos, uint64_t h)
{
	acquire_fence();
	return load_relaxed(&r->hdr[pos & r->mask]) == h;
}

/* The listener is done with the message that it has.  Release: pairs with the
 * acquire in cursor_done_pos(). */
static void end_message(struct cursor *c)
{
	store_release(&c->busy, 0ull);
}

/* Read the next record. 1: a message; 0: there is nothing; -EAGAIN: look again;
 * -EMSGSIZE, -EIO.  Acquire of pos: pairs with the release in push_cursor().
 * Acquire of the header: pairs with the release in ring_commit(). */
static int read_next_record(struct ring *r, struct cursor *c, uint32_t skip_of,
			    void *buf, uint32_t size, struct msg_head *ret)
{
	uint64_t pos = load_acquire(&c->pos), head;
	uint64_t h = load_acquire(&r->hdr[pos & r->mask]);
	uint32_t cells, producer;
	int e = 0;

	if (CURSOR_FLAGS(c) & CURSOR_DONE && pos >= cursors_done_pos(r, c))
		return 0;
	switch (ring_look(r, pos, &cells, &producer)) {
	case RING_RECORD:
		e = copy_record(r, c, pos, cells, skip_of, buf, size, ret);
		ret->b = pos;
		if (!is_header_same(r, pos, h))
			return -EAGAIN;
		if (e < 0)
			return e;
		break;
	case RING_SKIP:
		break;
	case RING_LOST:
		head = load_acquire(&r->ctl->head);
		/* The cells were freed: go on at the head.  Relaxed: nothing
		 * was read from them. */
		cas_relaxed(&c->pos, &pos, head > pos ? head : pos + 1);
		return -EAGAIN;
	case RING_BROKEN:
		return -EIO;
	default:
		return 0;
	}
	/* Release: pairs with the acquire in cursor_done_pos(). */
	if (e)
		store_release(&c->busy, pos + 1);
	/* Commit.  Release: pairs with the acquires of pos in cursors_gate()
	 * and cursor_done_pos(); this listener is done with the cells.  If the
	 * CAS fails, a dispatcher has pushed the cursor, and counted. */
	if (!cas_release(&c->pos, &pos, pos + cells)) {
		end_message(c);
		return -EAGAIN;
	}
	/* A reader that never goes idle must still report progress, or
	 * dispatchers would sleep. */
	if ((pos ^ (pos + cells)) & (r->cells / 2))
		tell_room(r);
	return e ? e : -EAGAIN;
}

/* Tell whether nothing was dispatched behind the position of @c, nor is about
 * to be.  Acquire: as in read_next_record(). */
static bool is_at_the_end(const struct ring *r, const struct cursor *c)
{
	uint32_t cells, producer;

	return ring_look(r, load_acquire(&c->pos), &cells, &producer) ==
	       RING_EMPTY;
}

/* The end comes behind all that was committed before it.  A record that is
 * still being written may have others behind it: so it is waited for. */
int cursor_read(struct view *v, const struct listener *l, uint32_t skip_of,
		void *buf, uint32_t size, struct msg_head *ret_head)
{
	struct cursor *c;
	struct ring r;
	int e = cursor_get(v, l, &r, &c);
	bool ended;

	if (e < 0)
		return e;
	end_message(c);
	/* Before the ring is read: then nothing is missed. */
	ended = has_ended(l);
	if (ended && SEED_BUG(103))
		return -EIDRM;
	/* There is no more to pass over than the ring has, unless more keeps
	 * coming. */
	for (uint32_t n = 0; n < 2 * r.cells; n++) {
		e = read_next_record(&r, c, skip_of, buf, size, ret_head);
		if (e == 0 && ended && (is_at_the_end(&r, c) || SEED_BUG(102)))
			return -EIDRM;
		if (e != -EAGAIN)
			return e;
	}
	return 0;
}

/* Tell for what the listener may rest; CURSOR_READS if there is anything to
 * read.  Acquire: as in read_next_record(). */
static enum cursor_idle what_to_rest_for(const struct ring *r,
					 const struct cursor *c)
{
	uint64_t pos = load_acquire(&c->pos);
	uint32_t cells, producer;
	enum ring_found found = ring_look(r, pos, &cells, &producer);

	if (CURSOR_FLAGS(c) & CURSOR_DONE && pos >= cursors_done_pos(r, c))
		return CURSOR_IDLE;
	if (found == RING_BUSY)
		return CURSOR_BLOCKED;
	return found == RING_RECORD || found == RING_SKIP || found == RING_LOST
		       ? CURSOR_READS
		       : CURSOR_IDLE;
}

bool cursor_rest(struct view *v, struct thread_rec *me,
		 const struct listener *l)
{
	enum cursor_idle idle;
	struct cursor *c;
	struct ring r;
	uint64_t st;

	/* A listener that is disconnected must not go idle. */
	if (cursor_get(v, l, &r, &c) < 0)
		return false;
	end_message(c);
	idle = what_to_rest_for(&r, c);
	if (idle == CURSOR_READS)
		idle = CURSOR_IDLE;
	st = load_relaxed(&c->st);
	/* The listener has caught up.  Release of the CAS: pairs with the
	 * acquire in cursor_is_gating(); its position is seen by those that
	 * wait for it again. */
	if (CURSOR_STATE(st) == CURSOR_LAGGED)
		cas_acq_rel(&c->st, &st,
			    CURSOR_MAKE(CURSOR_LIVE, CURSOR_TOKEN(st)));
	/* The drawing is at listeners_wake(): a dispatcher must see that we are
	 * idle before we look again.  The fence also comes between our own
	 * position and all that we read now: the threads that wait for room,
	 * the positions of the others, and which of them are idle.  Release:
	 * pairs with the exchange in listener_wake(). */
	store_release(&c->idle, (uint32_t)idle);
	full_fence();
	/* Only a listener that is waited for makes room.  The daemon, which
	 * reads and dispatches, would tell itself of room that is not there,
	 * again and again. */
	if (CURSOR_POLICY(c) != POLICY_DROP)
		tell_room_fenced(&r);
	wake_done_listeners(v, me, &r, c, false);
	/* Nor must a listener that has come to the end. */
	if ((what_to_rest_for(&r, c) == idle &&
	     !(has_ended(l) && is_at_the_end(&r, c))) ||
	    SEED_BUG(96))
		return true;
	store_relaxed(&c->idle, (uint32_t)CURSOR_READS);
	return false;
}

int cursor_check(const struct view *v, const struct listener *l)
{
	struct cursor *c;
	struct ring r;
	int e = cursor_get(v, l, &r, &c);

	if (e < 0)
		return e;
	return cursor_is_sound(&r, c) && ring_is_sound(&r) ? 0 : -EIO;
}

int cursor_copy(const struct view *v, const struct reactor *re, uint32_t i,
		struct cursor *ret, uint64_t *ret_behind)
{
	struct cursor c;
	struct ring r;
	uint64_t tail;

	if (reactor_ring(v, re, &r) < 0 || i >= ring_cursors(&r))
		return -ERANGE;
	read_words(&c, cursor_at(&r, i), sizeof(c));
	if (CURSOR_STATE(c.st) < CURSOR_LIVE)
		return -ENOENT;
	tail = ring_tail(&r);
	*ret = c;
	*ret_behind =
		tail > c.pos && tail - c.pos <= r.cells ? tail - c.pos : 0;
	return 0;
}
