/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cursors of the dead, and the checker of cursors
 *
 * A cursor belongs to a member.  While it is being set up (TAKEN), and if it is
 * a visitor's, it belongs to one thread.  A dead listener holds up all
 * dispatchers of its reactor.  Invariant: whoever frees its cursor also tells
 * them that there may be room, and wakes the listeners that read behind all
 * others.  The ring of a reactor that is destroyed ends with its last cursor.
 * The dead may have freed that one, and not closed the ring.
 */
#include "libfusion/core/talk/cursor_recover.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/cursor.h"

/* --- Recovery ------------------------------------------------------------- */

/* Tell whether the ring is a member's queue, which has no cursors.  A ring
 * without an owner may have one: its listener was late, made the cursor LIVE
 * when the reactor had gone, and died before it saw that. */
static bool is_queue(uint32_t owner)
{
	return owner && !(owner & RING_OF_REACTOR);
}

/* Free the cursors for which @is_lost holds, and tell those that wait.  Close
 * the rings that are over.  Acquire: pairs with the release in take_cursor();
 * whose cursor it is, is read behind the state. */
static void free_lost_cursors(struct view *v, const void *who,
			      bool (*is_lost)(const struct view *,
					      const struct cursor *,
					      const void *))
{
	uint32_t hi = ring_hi(v);
	struct ring r;

	for (uint32_t i = 0; i < hi; i++) {
		uint32_t owner = load_relaxed(&ring_ctl(v, i)->owner);
		bool any = false;

		if (is_queue(owner) || ring_map(v, i, &r) < 0)
			continue;
		for (uint32_t k = 0; k < ring_cursors(&r); k++) {
			struct cursor *c = cursor_at(&r, k);

			if (CURSOR_STATE(load_acquire(&c->st)) == CURSOR_FREE ||
			    !is_lost(v, c, who))
				continue;
			/* Release: pairs with the CAS in take_cursor(). */
			store_release(&c->st, 0ull);
			any = true;
		}
		if (any)
			cursor_tell_moved(v, life_rec(v), &r, NULL, true);
		if (!SEED_BUG(47))
			reactor_close_ended(v, &r);
	}
}

static bool is_cursor_of_thread(const struct view *v, const struct cursor *c,
				const void *who)
{
	const struct thread_rec *t = who;
	uint64_t st = load_relaxed(&c->st);

	(void)v;
	return CURSOR_TOKEN(st) == thread_token(t) &&
	       (CURSOR_STATE(st) == CURSOR_TAKEN ||
		CURSOR_FLAGS(c) & CURSOR_VISITOR);
}

void cursor_recover_thread(struct view *v, const struct thread_rec *t)
{
	free_lost_cursors(v, t, is_cursor_of_thread);
}

static bool is_cursor_of_member(const struct view *v, const struct cursor *c,
				const void *who)
{
	uint32_t slot = *(const uint32_t *)who;
	uint64_t st = load_relaxed(&c->st);
	uint32_t thread = TOKEN_SLOT(CURSOR_TOKEN(st));
	const struct thread_rec *t;

	if (CURSOR_STATE(st) != CURSOR_TAKEN &&
	    !(CURSOR_FLAGS(c) & CURSOR_VISITOR))
		return slot && load_relaxed(&c->slot) == slot;
	if (thread >= view_hi(&v->sb->threads_hi, v->geo.max_threads))
		return false;
	t = view_thread(v, thread);
	return load_relaxed(&t->member) == slot + 1 &&
	       is_cursor_of_thread(v, c, t);
}

void cursor_recover_member(struct view *v, uint32_t slot)
{
	free_lost_cursors(v, &slot, is_cursor_of_member);
}

/* --- The checker ---------------------------------------------------------- */

/* Tell whether somebody who is inside has the cursor. */
static bool has_listener(const struct view *v, const struct cursor *c)
{
	const struct thread_rec *t;
	uint64_t st = load_relaxed(&c->st);

	if (CURSOR_STATE(st) == CURSOR_TAKEN)
		return false;
	if (!(CURSOR_FLAGS(c) & CURSOR_VISITOR))
		return member_at(v, load_relaxed(&c->slot),
				 load_relaxed(&c->owner));
	t = thread_by_token(v, CURSOR_TOKEN(st));
	return t && load_relaxed(&t->member) == 1;
}

/* Tell whether a reactor names ring @i, and is its @owner. */
static bool has_reactor(const struct view *v, uint32_t i, uint32_t owner)
{
	uint32_t hi = table_hi(v, KIND_REACTOR);

	for (uint32_t k = 0; k < hi; k++) {
		const struct reactor *re = view_entry(v, KIND_REACTOR, k);

		if (load_relaxed(&re->e.state) == ENTRY_USED &&
		    load_relaxed(&re->ring) == i + 1 &&
		    (load_relaxed(&re->id) | RING_OF_REACTOR) == owner)
			return true;
	}
	return false;
}

/* Tell whether somebody has still to read there. */
static bool has_cursor(const struct ring *r)
{
	for (uint32_t i = 0; i < ring_cursors(r); i++)
		if (CURSOR_STATE(load_relaxed(&cursor_at(r, i)->st)) !=
		    CURSOR_FREE)
			return true;
	return false;
}

unsigned reactor_check(struct view *v, check_report_fn report, void *ctx)
{
	struct checker c = {.report = report, .ctx = ctx};
	struct ring r;

	for (uint32_t i = 0; i < ring_hi(v); i++) {
		uint32_t owner = load_relaxed(&ring_ctl(v, i)->owner);

		if (is_queue(owner) || ring_map(v, i, &r) < 0)
			continue;
		if (owner && !has_reactor(v, i, owner) && !has_cursor(&r))
			check_fault(&c, "reactor: a ring is nobody's");
		for (uint32_t k = 0; k < ring_cursors(&r); k++) {
			if (CURSOR_STATE(cursor_at(&r, k)->st) == CURSOR_FREE ||
			    has_listener(v, cursor_at(&r, k)))
				continue;
			check_fault(&c, "reactor: a cursor is nobody's");
		}
	}
	return c.faults;
}
