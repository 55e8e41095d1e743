/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests: count them against the quota, post them, take them back
 *
 * A request is pending from the store of POSTED on, which is also when
 * call_pending() begins to count it.  So a caller that dies leaves nothing but
 * its slot, and recovery finds that.  Behind that store the caller checks once
 * more that the call and its owner are there.
 *
 * Invariant: a slot that is POSTED to a call or a member that is gone is failed
 * by the end of that call or member, or dropped by its caller.  The drawing at
 * post_and_check() shows why one of the two sees the other.
 */
#include "libfusion/core/talk/call_request.h"

#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_here.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"

/* Tell whether any quota is set.  Acquire: as in call_limit(). */
static bool has_quota(const struct call *c)
{
	uint64_t any = 0;

	if (!load_acquire(&c->limited))
		return false;
	for (unsigned i = 0; i < CALL_QUOTAS; i++)
		any |= load_acquire(&c->quota[i]);
	return any;
}

/*
 *   the thread that calls again       the thread that copies late
 *   the last number is over           read the words
 *   fence (release)                   fence (acquire)
 *   write the words                   is the number over? then they are nothing
 */
static void fill_slot(struct thread_rec *me, const struct call_request *rq,
		      uint32_t call, struct call_slot *s)
{
	/* Pairs with the fence in call_here_copy(): if a late reader sees a
	 * word of this request, it also sees that the last number is over. */
	release_fence();
	store_relaxed(&s->ret, rq->word);
	store_relaxed(&s->len, 0u);
	store_relaxed(&s->callee_slot, rq->call->owner_slot);
	store_relaxed(&s->callee_id, rq->call->owner);
	store_relaxed(&s->call, call + 1);
	store_relaxed(&s->call_id, rq->id);
	store_relaxed(&s->since_ns, 0ull);
	store_relaxed(&s->caller_id, rq->caller);
	store_relaxed(&s->parent, call_executes(me));
	store_relaxed(&s->upcall, 0ull);
}

static void fill_slot_here(const struct call_request *rq, const void *in,
			   struct call_slot *s)
{
	store_relaxed(&s->len, rq->size);
	if (rq->size)
		memcpy(s->bytes, in, rq->size);
}

/* The number of the request that is posted next: the next one, if the last
 * answer was put off (call_slot.c); then the slot is still DONE or FAILED. */
static uint32_t next_seq(const struct call_slot *s)
{
	uint64_t st = load_relaxed(&s->st);

	return SLOT_SEQ(st) + (SLOT_STATE(st) != SLOT_IDLE);
}

static void post_slot(struct call_slot *s, uint32_t flags)
{
	uint32_t seq = next_seq(s);

	/* Release: pairs with the acquires in call_here(), call_return_begin()
	 * and call_pending().  A thread that finds the slot posted must see its
	 * request. */
	store_release(&s->st, SLOT_MAKE(seq, SLOT_POSTED, flags, 0));
}

/* Count and post under one lock, or do neither.  A caller that dies with the
 * lock has posted or has not. */
static int post_slot_limited(struct view *v, struct thread_rec *me,
			     const struct call_request *rq, uint32_t flags,
			     struct call_slot *s)
{
	int r = core_lock(v, me, &rq->call->lock);

	if (r < 0)
		return r;
	if (call_pending(v, rq->call, rq->caller) >=
	    call_limit(rq->call, rq->caller))
		r = -EDQUOT;
	else
		post_slot(s, flags);
	core_unlock(v, me, &rq->call->lock);
	return r;
}

/* The call of a request that is HERE was destroyed, or its owner is gone: @r.
 * The owner may have begun to execute it, so the caller waits for the end,
 * which this is if the owner has not answered.  0. */
static int fail_here(struct view *v, struct call_slot *s, int r)
{
	/* Acquire: pairs with the CAS in call_return_begin(). */
	uint64_t st = load_acquire(&s->st);

	call_fail_seen(v, s, st,
		       r == -EHOSTDOWN ? call_gone_error(v, s, st) : -r);
	return 0;
}

/*
 * Post, then check that somebody will answer.
 *
 *   the caller                        the end of the call, or of its owner
 *   slot POSTED                       call.id = 0, member.state, ring closed
 *   fence                             fence
 *   are the call and owner there?     all POSTED slots -> FAILED
 */
static int post_and_check(struct view *v, struct thread_rec *me,
			  const struct call_request *rq, uint32_t flags,
			  struct call_slot **ret)
{
	struct call *c = rq->call;
	struct call_slot *s = *ret;
	uint32_t seq = next_seq(s);
	int r = 0;

	if (!rq->unlimited && has_quota(c))
		r = post_slot_limited(v, me, rq, flags, s);
	else
		post_slot(s, flags);
	if (r < 0) {
		call_slot_leave(v, s, load_relaxed(&s->owner));
		return r;
	}
	full_fence();
	r = load_relaxed(&c->id) != rq->id	    ? -EIDRM
	    : member_at(v, c->owner_slot, c->owner) ? 0
						    : -EHOSTDOWN;
	if (r < 0 && flags & SLOT_HERE && !SEED_BUG(99))
		return fail_here(v, s, r);
	if (r < 0)
		call_drop(v, me, s, seq);
	return r;
}

static int take_filled_slot(struct view *v, struct thread_rec *me,
			    const struct call_request *rq,
			    struct call_slot **ret)
{
	const struct call *c = rq->call;
	int r;

	/* Acquire: pairs with the release in call_init().  A handle is valid
	 * only with its id. */
	if (load_acquire(&c->id) != rq->id)
		return -EIDRM;
	if (!member_at(v, c->owner_slot, c->owner))
		return -EHOSTDOWN;
	r = call_slot_take(v, me, rq->flags & SLOT_ONEWAY, ret);
	if (r == 0)
		fill_slot(me, rq, call_index(v, c), *ret);
	return r;
}

int call_begin(struct view *v, struct thread_rec *me,
	       const struct call_request *rq, struct call_slot **ret)
{
	int r = take_filled_slot(v, me, rq, ret);

	return r < 0 ? r : post_and_check(v, me, rq, rq->flags, ret);
}

int call_begin_here(struct view *v, struct thread_rec *me,
		    const struct call_request *rq, const void *in,
		    struct call_slot **ret)
{
	uint32_t flags = rq->flags, i;
	int r = take_filled_slot(v, me, rq, ret);

	if (r < 0)
		return r;
	i = call_slot_index(v, *ret);
	if (call_is_attended(v, rq->call, i)) {
		flags |= SLOT_HERE;
		fill_slot_here(rq, in, *ret);
	}
	r = post_and_check(v, me, rq, flags, ret);
	if (r < 0 || !(flags & SLOT_HERE))
		return r;
	/* The drawing is at the top of call_here.c; post_and_check() has the
	 * fence. */
	if (call_is_attended(v, rq->call, i))
		return 1;
	return !call_here_take(
		v, CALL_SERIAL(i, SLOT_SEQ(load_relaxed(&(*ret)->st))));
}

/* No other thread knows of the request but those that fail slots.  The thread
 * that fails a one-way slot frees it: from then on another thread may have the
 * slot. */
void call_drop(struct view *v, struct thread_rec *me, struct call_slot *s,
	       uint32_t seq)
{
	/* Acquire: pairs with the CAS in call_fail_seen() and
	 * call_slot_end(). */
	uint64_t st = load_acquire(&s->st);

	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED) {
		if (call_slot_end(v, s, &st)) {
			call_ended(v, call_of_slot(v, s));
			return;
		}
	}
	if (SLOT_SEQ(st) == seq)
		call_slot_free(v, me, s);
}

int call_message(struct view *v, struct thread_rec *me,
		 const struct call_request *rq, uint64_t serial,
		 const void *data, struct owed *owed)
{
	const struct msg_head h = {
		.sender = rq->caller,
		.kind = MSG_CALL,
		.flags = data ? 0 : MSG_BLOCK,
		.size = (uint32_t)sizeof(uint64_t) + rq->size,
		.a = (uint64_t)call_index(v, rq->call) << 32 | rq->id,
		.b = serial,
	};
	uint32_t slot = rq->call->owner_slot, id = rq->call->owner;
	int r = rq->flags & SLOT_VISITOR
			? message_offer(v, me, slot, id, &h, data)
			: message_post(v, me, slot, id, &h, data, owed);

	return r == -ESRCH ? -EHOSTDOWN : r;
}

/* The block is freed after the slot is idle: an upcall may be reading the
 * block, and finds out by the number of the slot. */
bool call_withdraw(struct view *v, struct thread_rec *me, struct call_slot *s,
		   uint64_t *st)
{
	uint32_t owner = load_relaxed(&s->owner);

	/* Acquire: pairs with the release in call_finish().  An answer that has
	 * come is seen whole.  Release of the CAS: pairs with the acquire in
	 * call_slot_take(). */
	*st = load_acquire(&s->st);
	while (SLOT_STATE(*st) == SLOT_POSTED && !(*st & SLOT_UPCALL)) {
		if (!cas_acq_rel(&s->st, st,
				 SLOT_MAKE(SLOT_SEQ(*st) + 1, SLOT_IDLE, 0, 0)))
			continue;
		call_slot_free_block(v, me, s);
		call_slot_leave(v, s, owner);
		call_ended(v, call_of_slot(v, s));
		return true;
	}
	return false;
}

bool call_abandon(struct call_slot *s, uint64_t *st)
{
	/* Acquire: as in call_withdraw().  Release of the CAS: pairs with the
	 * CAS in call_finish(), which frees the slot. */
	*st = load_acquire(&s->st);
	while (SLOT_STATE(*st) == SLOT_RETURNING && !(*st & SLOT_UPCALL))
		if (cas_acq_rel(&s->st, st, *st | SLOT_ABANDONED))
			return true;
	return false;
}
