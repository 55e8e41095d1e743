/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a request: it is answered, or it fails
 *
 * Each request ends by one CAS of its slot's word, so it ends once.  RETURNING
 * names the thread that writes the answer; as long as it stands there, no other
 * thread touches ret, len, bytes and block of the slot.
 *
 * Killed before the CAS: the request is still pending, and the recovery of the
 * thread, of the owner or of the call fails it.  Killed behind the CAS: the
 * caller may not have been woken, and recovery tells it again (call_tell()).
 */
#include "libfusion/core/talk/call_return.h"

#include <errno.h>
#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/bell.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/talk/call_private.h"
#include "libfusion/core/talk/call_slot.h"

/* --- Failing -------------------------------------------------------------- */

/* May be repeated: a wake too many costs one look. */
void call_tell(struct view *v, const struct call_slot *s, uint64_t st)
{
	if (st & SLOT_SLEEP)
		futex_wake((const uint32_t *)&s->st, INT_MAX);
	if (st & SLOT_VISITOR)
		visitor_bell_ring(v->sb);
}

/* Only the request that *st names: given up meanwhile, the slot may be posted
 * with another one. */
bool call_fail_seen(struct view *v, struct call_slot *s, uint64_t st, int error)
{
	uint32_t seq = SLOT_SEQ(st);

	/* The slot may have been given up meanwhile, and have another
	 * request. */
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED) {
		bool done;

		if (st & SLOT_ONEWAY)
			done = call_slot_end(v, s, &st);
		else
			/* Commit.  Release: pairs with the acquire of the
			 * waiting caller, and in call_poll(). */
			done = cas_acq_rel(&s->st, &st,
					   SLOT_MAKE(SLOT_SEQ(st), SLOT_FAILED,
						     st & SLOT_KEPT, error));
		if (!done)
			continue;
		if (!SEED_BUG(53))
			call_tell(v, s, st);
		call_ended(v, call_of_slot(v, s));
		return true;
	}
	if (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_FAILED)
		call_tell(v, s, st);
	return false;
}

unsigned call_fail_all(struct view *v, struct call *c, uint32_t id,
		       uint32_t caller, int error)
{
	uint32_t what = call_index(v, c) + 1, at = 0;
	struct call_slot *s;
	unsigned n = 0;

	while ((s = call_slot_next(v, &at))) {
		/* Acquire: pairs with the release in post_slot(); whose request
		 * it is, is read behind the word. */
		uint64_t st = load_acquire(&s->st);

		if (load_relaxed(&s->call) == what &&
		    load_relaxed(&s->call_id) == id &&
		    (caller == CALL_ANYBODY ||
		     (load_relaxed(&s->caller_id) == caller &&
		      !(st & SLOT_ONEWAY))))
			n += call_fail_seen(v, s, st, error);
	}
	return n;
}

/* --- Executing ------------------------------------------------------------ */

bool call_is_wanted(const struct view *v, uint64_t serial)
{
	const struct call_slot *s = call_slot_of(v, serial);
	/* Acquire: pairs with the release in post_slot(). */
	uint64_t st = s ? load_acquire(&s->st) : 0;

	return s && SLOT_SEQ(st) == SERIAL_SEQ(serial) &&
	       SLOT_STATE(st) == SLOT_POSTED;
}

uint64_t call_enter(struct thread_rec *me, uint64_t serial)
{
	uint64_t was = call_executes(me);

	/* Only this thread and its recovery read the pair exactly, so program
	 * order is enough: never a new exec with an old exec_seq. */
	store_relaxed(&me->exec, 0u);
	compiler_fence();
	store_relaxed(&me->exec_seq, SERIAL_SEQ(serial));
	compiler_fence();
	/* Release: pairs with the acquire in call_executes().  A thread that
	 * sees another serial must see how the last request has ended. */
	store_release(&me->exec, (uint32_t)(serial >> 32));
	compiler_fence();
	return was;
}

static int ended_error(uint64_t st, uint32_t seq)
{
	return SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_FAILED &&
			       SLOT_EXTRA(st) == EIDRM
		       ? -EIDRM
		       : -ECANCELED;
}

/* Commit: the CAS, which names this thread.  It is announced first, so that
 * recovery finds the slot (recover_return()). */
int call_return_begin(struct view *v, struct thread_rec *me, uint64_t serial,
		      struct call_slot **ret)
{
	struct call_slot *s = call_slot_of(v, serial);
	uint32_t seq = SERIAL_SEQ(serial);
	uint64_t st;

	if (!s)
		return -EINVAL;
	me->call.kind = call_slot_index(v, s);
	me->call.a[0] = seq;
	compiler_fence();
	if (!SEED_BUG(50))
		store_relaxed(&me->call.op, (uint32_t)CALL_OP_RETURN);
	compiler_fence();
	/* Acquire: pairs with the release in post_slot().  Acquire and release
	 * of the CAS: the answer is written behind it, and a caller that
	 * abandons the slot (call_abandon()) is seen by call_finish(). */
	st = load_acquire(&s->st);
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED) {
		if (cas_acq_rel(&s->st, &st,
				SLOT_MAKE(seq, SLOT_RETURNING, st & SLOT_FLAGS,
					  thread_slot(v, me)))) {
			*ret = s;
			return 0;
		}
	}
	store_relaxed(&me->call.op, 0u);
	return ended_error(st, seq);
}

/* The slot is RETURNING by @me, or by a dead thread that @me recovers: the
 * answer is whole, or there is none.  Relaxed: only call_abandon() changes the
 * word meanwhile, and then the CAS fails and reads it again. */
void call_finish(struct view *v, struct thread_rec *me, struct call_slot *s,
		 unsigned state, int error)
{
	uint64_t st = load_relaxed(&s->st);
	bool done = false;

	while (!done) {
		if (st & (SLOT_ABANDONED | SLOT_ONEWAY)) {
			call_slot_free_block(v, me, s);
			done = call_slot_end(v, s, &st);
		} else {
			/* Release: pairs with the acquire of the library's
			 * waiting caller, and in call_poll().  The caller must
			 * see the answer before it sees DONE. */
			done = cas_acq_rel(&s->st, &st,
					   SLOT_MAKE(SLOT_SEQ(st), state,
						     st & SLOT_KEPT, error));
		}
	}
	call_tell(v, s, st);
	call_ended(v, call_of_slot(v, s));
}

void call_return_end(struct view *v, struct thread_rec *me, struct call_slot *s,
		     unsigned state, int error)
{
	call_finish(v, me, s, state, error);
	compiler_fence();
	store_relaxed(&me->call.op, 0u);
}
