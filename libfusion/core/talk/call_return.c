/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a request: it is answered, or it fails
 *
 * Whoever ends a request does it with one CAS on the slot's word, so a request
 * ends once.  RETURNING names the thread that writes the answer; as long as it
 * stands there nobody else touches the slot's answer.
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

/* Who waits looks; again if need be. */
void call_tell(struct view *v, const struct call_slot *s, uint64_t st)
{
	if (st & SLOT_SLEEP)
		futex_wake((const uint32_t *)&s->st, INT_MAX);
	if (st & SLOT_VISITOR)
		visitor_bell_ring(v->sb);
}

/* It is posted, or was failed by who died before he could tell.  true: failed
 * now. */
bool call_fail_seen(struct view *v, struct call_slot *s, uint64_t st, int error)
{
	uint32_t seq = SLOT_SEQ(st);

	/* Given up meanwhile, it may be posted to somebody else. */
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED) {
		bool done;

		if (st & SLOT_ONEWAY)
			done = call_slot_end(v, s, &st);
		else
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

void call_fail(struct view *v, struct call_slot *s, int error)
{
	call_fail_seen(v, s, load_acquire(&s->st), error);
}

unsigned call_fail_all(struct view *v, struct call *c, uint32_t id,
		       uint32_t caller, int error)
{
	uint32_t what = call_index(v, c) + 1, at = 0;
	struct call_slot *s;
	unsigned n = 0;

	while ((s = call_slot_next(v, &at))) {
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
	uint64_t st = s ? load_acquire(&s->st) : 0;

	return s && SLOT_SEQ(st) == SERIAL_SEQ(serial) &&
	       SLOT_STATE(st) == SLOT_POSTED;
}

uint64_t call_enter(struct thread_rec *me, uint64_t serial)
{
	uint64_t was = call_executes(me);

	store_relaxed(&me->exec, 0u);
	compiler_fence();
	store_relaxed(&me->exec_seq, SERIAL_SEQ(serial));
	compiler_fence();
	store_relaxed(&me->exec, (uint32_t)(serial >> 32));
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

/* Announced before the CAS, which says who does it. */
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
	/* Acquire: pairs with the release in post(). */
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

/* RETURNING by a thread that is here: the answer is whole, or there is none.
 * @me frees what nobody wants any more. */
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
			/* Release: pairs with the acquire of who waits. */
			done = cas_acq_rel(&s->st, &st,
					   SLOT_MAKE(SLOT_SEQ(st), state,
						     st & SLOT_KEPT, error));
		}
	}
	call_tell(v, s, st);
	call_ended(v, call_of_slot(v, s));
}

void call_return_end(struct view *v, struct thread_rec *me, struct call_slot *s,
		     int error)
{
	call_finish(v, me, s, error ? SLOT_FAILED : SLOT_DONE, error);
	compiler_fence();
	store_relaxed(&me->call.op, 0u);
}
