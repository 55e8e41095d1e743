/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots: where callers wait; taking one and giving it back
 *
 * The first max_threads slots belong to the thread records of the same index: a
 * thread's own slot needs no search.  The slots behind are for nested and
 * one-way calls, and have the token of their thread in .owner while they are
 * taken.
 *
 * Invariant: a slot behind that is not IDLE has an owner.  If it is IDLE and
 * its owner has died, anybody may steal it.
 */
#include "libfusion/core/talk/call_slot.h"

#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/talk/call_private.h"

static bool is_upper_slot(const struct view *v, const struct call_slot *s)
{
	return call_slot_index(v, s) >= v->geo.max_threads;
}

struct call_slot *call_slot_next(const struct view *v, uint32_t *at)
{
	uint32_t low = view_hi(&v->sb->threads_hi, v->geo.max_threads);
	uint32_t high =
		v->geo.max_threads +
		view_hi(&v->sb->slots_hi, v->geo.n_slots - v->geo.max_threads);

	if (*at >= low && *at < v->geo.max_threads)
		*at = v->geo.max_threads;
	return *at < high ? call_slot_at(v, (*at)++) : NULL;
}

struct call_slot *call_slot_of(const struct view *v, uint64_t serial)
{
	uint32_t i = SERIAL_SLOT(serial), at = i;

	return i < v->geo.n_slots && call_slot_next(v, &at) && at == i + 1
		       ? call_slot_at(v, i)
		       : NULL;
}

/* Reserve memory for one more slot behind.  Killed in between: the next caller
 * reserves the same memory again. */
static int extend_slots(struct view *v)
{
	uint32_t hi = load_relaxed(&v->sb->slots_hi);
	int r;

	if (hi >= v->geo.n_slots - v->geo.max_threads)
		return -EAGAIN;
	r = view_reserve(v,
			 v->geo.off_slots +
				 (uint64_t)(v->geo.max_threads + hi) *
					 SLOT_SIZE,
			 SLOT_SIZE);
	/* Release: pairs with the acquire in view_hi(). */
	if (r == 0)
		cas_release(&v->sb->slots_hi, &hi, hi + 1);
	return r;
}

/* Claim a slot that is idle and has no owner; with @steal also one that a dead
 * thread has left. */
static bool claim_slot(struct view *v, struct call_slot *s, uint32_t token,
		       bool steal)
{
	uint32_t owner = load_relaxed(&s->owner);

	/* Acquire: pairs with the release in call_slot_end() and
	 * call_withdraw().  The last user is done with the slot. */
	if (SLOT_STATE(load_acquire(&s->st)) != SLOT_IDLE)
		return false;
	if (owner && (!steal || thread_by_token(v, owner)))
		return false;
	/* Acquire: pairs with the release in call_slot_leave(); it makes the
	 * slot ours alone. */
	return cas_acquire(&s->owner, &owner, token);
}

static struct call_slot *search_upper_slot(struct view *v, uint32_t token,
					   bool steal)
{
	uint32_t at = v->geo.max_threads;
	struct call_slot *s;

	while ((s = call_slot_next(v, &at)))
		if (claim_slot(v, s, token, steal))
			return s;
	return NULL;
}

static int take_upper_slot(struct view *v, uint32_t token,
			   struct call_slot **ret)
{
	int r = 0;

	while (!(*ret = search_upper_slot(v, token, r == -EAGAIN))) {
		if (r < 0)
			return r;
		r = extend_slots(v);
	}
	return 0;
}

/* Tell whether slot @s is @t's own, and its answer was put off.  Acquire: pairs
 * with the release in call_slot_put_off(). */
static bool is_answer_put_off(const struct view *v, const struct thread_rec *t,
			      const struct call_slot *s, uint64_t st)
{
	uint32_t i = call_slot_index(v, s);

	return i == thread_slot(v, t) &&
	       (SLOT_STATE(st) == SLOT_DONE || SLOT_STATE(st) == SLOT_FAILED) &&
	       load_acquire(&t->put_off) == CALL_SERIAL(i, SLOT_SEQ(st));
}

/* Free the block of an idle slot.  Its last user could not, as the lock of the
 * heap was held. */
static int free_leftover_block(struct view *v, struct thread_rec *me,
			       struct call_slot *s)
{
	int r = 0;

	if (load_relaxed(&s->block))
		r = block_free_from(v, me, view_off(v, &s->block));
	if (r != -ETIMEDOUT)
		return 0;
	call_slot_leave(v, s, load_relaxed(&s->owner));
	return r;
}

int call_slot_take(struct view *v, struct thread_rec *me, bool oneway,
		   struct call_slot **ret)
{
	uint32_t token = thread_token(me);
	struct call_slot *s = call_slot_at(v, thread_slot(v, me));
	/* Acquire: pairs with the release in call_slot_end() and in
	 * call_finish(). */
	uint64_t st = load_acquire(&s->st);

	if (oneway ||
	    (SLOT_STATE(st) != SLOT_IDLE && !is_answer_put_off(v, me, s, st))) {
		int r = take_upper_slot(v, token, ret);

		return r < 0 ? r : free_leftover_block(v, me, *ret);
	}
	store_relaxed(&s->owner, token);
	*ret = s;
	return SLOT_STATE(st) == SLOT_IDLE ? free_leftover_block(v, me, s) : 0;
}

bool call_is_put_off(const struct view *v, const struct call_slot *s,
		     uint64_t st)
{
	const struct thread_rec *t =
		SLOT_STATE(st) == SLOT_DONE || SLOT_STATE(st) == SLOT_FAILED
			? thread_by_token(v, load_relaxed(&s->owner))
			: NULL;

	return t && is_answer_put_off(v, t, s, st);
}

/* Killed: recovery frees the slot like any other answer. */
void call_slot_put_off(struct view *v, struct thread_rec *me,
		       struct call_slot *s, uint64_t serial)
{
	if (s != call_slot_at(v, thread_slot(v, me)))
		call_slot_free(v, me, s);
	else
		/* Release: pairs with the acquire in is_answer_put_off().
		 * Others take the answer for used only when it was used. */
		store_release(&me->put_off, serial);
}

/* Killed before this: the slot is stolen when no other is free. */
void call_slot_leave(struct view *v, struct call_slot *s, uint32_t owner)
{
	compiler_fence();
	/* Release: pairs with the CAS in claim_slot().  The next user must find
	 * the slot idle. */
	if (is_upper_slot(v, s))
		cas_release(&s->owner, &owner, 0u);
}

/* Commit: the CAS.  Release: pairs with the acquire in claim_slot() and
 * call_slot_take(). */
bool call_slot_end(struct view *v, struct call_slot *s, uint64_t *st)
{
	uint32_t owner = load_relaxed(&s->owner);

	if (!cas_acq_rel(&s->st, st,
			 SLOT_MAKE(SLOT_SEQ(*st) + 1, SLOT_IDLE, 0, 0)))
		return false;
	call_slot_leave(v, s, owner);
	return true;
}

void call_slot_free_block(struct view *v, struct thread_rec *me,
			  struct call_slot *s)
{
	if (load_relaxed(&s->block))
		block_free_from(v, me, view_off(v, &s->block));
}

void call_slot_free(struct view *v, struct thread_rec *me, struct call_slot *s)
{
	uint64_t st = load_relaxed(&s->st);

	call_slot_free_block(v, me, s);
	call_slot_end(v, s, &st);
}
