/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/talk/call.h"

#include "libfusion/core/talk/call_private.h"

#include <limits.h>
#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/bell.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/call_here.h"
#include "libfusion/core/talk/call_slot.h"

/* --- The record ----------------------------------------------------------- */

void call_init(struct view *v, void *rec, const void *arg)
{
	const struct call_owner *owner = arg;
	struct call *c = rec;

	(void)v;
	c->owner = owner->id;
	c->owner_slot = owner->slot;
	store_relaxed(&c->executed, 0ull);
	store_relaxed(&c->failed, 0ull);
	store_relaxed(&c->total_ns, 0ull);
	store_relaxed(&c->max_ns, 0ull);
	for (unsigned i = 0; i < CALL_QUOTAS; i++)
		store_relaxed(&c->quota[i], 0ull);
	store_relaxed(&c->limited, (uint16_t)0);
	/* Release: pairs with the acquire of who asks whether it is there. */
	store_release(&c->id, load_relaxed(&c->e.id));
}

void call_fini(struct view *v, void *rec)
{
	struct call *c = rec;

	/* The drawing is at call_begin(). */
	store_release(&c->id, 0u);
	full_fence();
	call_fail_all(v, c, load_relaxed(&c->e.id), CALL_ANYBODY, EIDRM);
	add_release(&c->seq, 1);
	futex_wake(&c->seq, INT_MAX);
	visitor_tell(v->sb, &c->visitors);
}

struct call *call_of_slot(const struct view *v, const struct call_slot *s)
{
	uint32_t i = load_relaxed(&s->call);

	return i && i <= table_hi(v, KIND_CALL)
		       ? view_entry(v, KIND_CALL, i - 1)
		       : NULL;
}

void call_count(struct call *c, bool failed)
{
	/* Relaxed: numbers for people, as are the next. */
	add_relaxed(&c->executed, 1);
	if (failed)
		add_relaxed(&c->failed, 1);
}

void call_count_time(struct call *c, int64_t since_ns)
{
	uint64_t ns = (uint64_t)(clock_monotonic_ns() - since_ns);
	uint64_t max = load_relaxed(&c->max_ns);

	add_relaxed(&c->total_ns, ns);
	while (ns > max && !cas_relaxed(&c->max_ns, &max, ns))
		;
}

/* --- Quotas --------------------------------------------------------------- */

uint32_t call_limit(const struct call *c, uint32_t caller)
{
	uint32_t others = CALL_NO_LIMIT;

	/* Acquire, as the next: pairs with the release in call_set_limit(). */
	if (!load_acquire(&c->limited))
		return others;
	for (unsigned i = 0; i < CALL_QUOTAS; i++) {
		uint64_t q = load_acquire(&c->quota[i]);

		if (!q)
			continue;
		if (q >> 32 == caller)
			return (uint32_t)q - 1;
		if (!(q >> 32))
			others = (uint32_t)q - 1;
	}
	return others;
}

static bool has_quota(const struct call *c)
{
	uint64_t any = 0;

	if (!load_acquire(&c->limited))
		return false;
	for (unsigned i = 0; i < CALL_QUOTAS; i++)
		any |= load_acquire(&c->quota[i]);
	return any;
}

/* Commit: the store of the row. */
int call_set_limit(struct view *v, struct thread_rec *me, struct call *c,
		   uint32_t member, uint32_t limit)
{
	uint64_t *row = NULL, q;
	int r = core_lock(v, me, &c->lock);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < CALL_QUOTAS; i++) {
		q = load_relaxed(&c->quota[i]);
		if (q && q >> 32 == member) {
			row = &c->quota[i];
			break;
		}
		if (!q && !row)
			row = &c->quota[i];
	}
	q = limit == CALL_NO_LIMIT ? 0 : (uint64_t)member << 32 | (limit + 1);
	if (row) {
		store_relaxed(&c->limited, (uint16_t)1);
		store_release(row, q);
	}
	core_unlock(v, me, &c->lock);
	if (!row && q)
		return -ENOSPC;
	call_ended(v, c);
	return 0;
}

/*
 *   who ends an execution         who waits for its quota
 *   slot's word                   waiters++
 *   fence                         fence
 *   waiters? -> seq + 1, wake     count -> too many; sleep while seq is as seen
 */
void call_ended(struct view *v, struct call *c)
{
	full_fence();
	if (!c)
		return;
	visitor_tell(v->sb, &c->visitors);
	if (!load_relaxed(&c->waiters))
		return;
	add_release(&c->seq, 1);
	futex_wake(&c->seq, INT_MAX);
}

uint32_t call_pending(const struct view *v, const struct call *c,
		      uint32_t caller)
{
	uint32_t what = call_index(v, c) + 1, at = 0, n = 0;
	const struct call_slot *s;

	while ((s = call_slot_next(v, &at))) {
		unsigned state = SLOT_STATE(load_acquire(&s->st));

		n += (state == SLOT_POSTED || state == SLOT_RETURNING) &&
		     load_relaxed(&s->call) == what &&
		     load_relaxed(&s->call_id) == load_relaxed(&c->id) &&
		     (caller == CALL_ANYBODY ||
		      load_relaxed(&s->caller_id) == caller);
	}
	return n;
}

/* --- Posting -------------------------------------------------------------- */

/*
 *   who calls again                   who copies the last request, late
 *   its number is over                read the words
 *   fence                             fence
 *   write the words                   is it over?  Then they are nothing
 */
static void fill(struct thread_rec *me, const struct call_request *rq,
		 uint32_t call, struct call_slot *s)
{
	/* Pairs with the fence in call_here_copy(). */
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

static void fill_here(const struct call_request *rq, const void *in,
		      struct call_slot *s)
{
	store_relaxed(&s->len, rq->size);
	if (rq->size)
		memcpy(s->bytes, in, rq->size);
}

static void post(struct call_slot *s, uint32_t flags)
{
	uint64_t st = load_relaxed(&s->st);
	/* The next, if the last answer was put off (call_slot.c). */
	uint32_t seq = SLOT_SEQ(st) + (SLOT_STATE(st) != SLOT_IDLE);

	/* Release: pairs with the acquires of who finds it posted. */
	store_release(&s->st, SLOT_MAKE(seq, SLOT_POSTED, flags, 0));
}

/* Counted and posted in one, or not at all.  Who dies with the lock has posted
 * or has not. */
static int post_limited(struct view *v, struct thread_rec *me,
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
		post(s, flags);
	core_unlock(v, me, &rq->call->lock);
	return r;
}

/*
 *   who calls                     who destroys, or recovers the owner
 *   slot POSTED                   call.id = 0, member.state, ring closed
 *   fence                         fence
 *   is the call there, the owner? all POSTED slots -> FAILED
 */
static int begin(struct view *v, struct thread_rec *me,
		 const struct call_request *rq, uint32_t flags,
		 struct call_slot **ret)
{
	struct call *c = rq->call;
	struct call_slot *s = *ret;
	int r = 0;

	if (!rq->unlimited && has_quota(c))
		r = post_limited(v, me, rq, flags, s);
	else
		post(s, flags);
	if (r < 0) {
		call_slot_leave(v, s, load_relaxed(&s->owner));
		return r;
	}
	full_fence();
	r = load_relaxed(&c->id) != rq->id	    ? -EIDRM
	    : member_at(v, c->owner_slot, c->owner) ? 0
						    : -EOWNERDEAD;
	if (r < 0)
		call_drop(v, me, s);
	return r;
}

static int take_slot(struct view *v, struct thread_rec *me,
		     const struct call_request *rq, struct call_slot **ret)
{
	const struct call *c = rq->call;
	int r;

	if (load_acquire(&c->id) != rq->id)
		return -EIDRM;
	if (!member_at(v, c->owner_slot, c->owner))
		return -EOWNERDEAD;
	r = call_slot_take(v, me, rq->flags & SLOT_ONEWAY, ret);
	if (r == 0)
		fill(me, rq, call_index(v, c), *ret);
	return r;
}

int call_begin(struct view *v, struct thread_rec *me,
	       const struct call_request *rq, struct call_slot **ret)
{
	int r = take_slot(v, me, rq, ret);

	return r < 0 ? r : begin(v, me, rq, rq->flags, ret);
}

int call_begin_here(struct view *v, struct thread_rec *me,
		    const struct call_request *rq, const void *in,
		    struct call_slot **ret)
{
	uint32_t flags = rq->flags, i;
	int r = take_slot(v, me, rq, ret);

	if (r < 0)
		return r;
	i = call_slot_index(v, *ret);
	if (call_is_attended(v, rq->call, i)) {
		flags |= SLOT_HERE;
		fill_here(rq, in, *ret);
	}
	r = begin(v, me, rq, flags, ret);
	if (r < 0 || !(flags & SLOT_HERE))
		return r;
	/* The drawing is at call_here_take(); begin() has the fence. */
	if (call_is_attended(v, rq->call, i))
		return 1;
	return !call_here_take(
		v, CALL_SERIAL(i, SLOT_SEQ(load_relaxed(&(*ret)->st))));
}

/* Nobody has been told of it.  A one-way slot is freed by who fails it. */
void call_drop(struct view *v, struct thread_rec *me, struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);
	bool oneway = st & SLOT_ONEWAY;

	while (SLOT_STATE(st) == SLOT_POSTED) {
		if (call_slot_end(v, s, &st)) {
			call_ended(v, call_of_slot(v, s));
			return;
		}
	}
	if (!oneway)
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

	return r == -ESRCH ? -EOWNERDEAD : r;
}

/* The block goes after the slot is idle: an upcall may be reading it, and finds
 * out then. */
bool call_withdraw(struct view *v, struct thread_rec *me, struct call_slot *s,
		   uint64_t *st)
{
	uint32_t owner = load_relaxed(&s->owner);

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
	*st = load_acquire(&s->st);
	while (SLOT_STATE(*st) == SLOT_RETURNING && !(*st & SLOT_UPCALL))
		if (cas_acq_rel(&s->st, st, *st | SLOT_ABANDONED))
			return true;
	return false;
}

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

static int too_late(uint64_t st, uint32_t seq)
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
	return too_late(st, seq);
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

/* --- Calls within calls --------------------------------------------------- */

uint64_t call_executes(const struct thread_rec *t)
{
	uint32_t exec = load_acquire(&t->exec);

	return exec ? (uint64_t)exec << 32 | load_relaxed(&t->exec_seq) : 0;
}

/* call_chain(), with the word that was seen. */
static struct call_slot *chain_up(const struct view *v, uint64_t *serial,
				  uint64_t *ret_st)
{
	struct call_slot *s = *serial ? call_slot_of(v, *serial) : NULL;

	*ret_st = s ? load_acquire(&s->st) : 0;
	if (!s || SLOT_SEQ(*ret_st) != SERIAL_SEQ(*serial) ||
	    SLOT_STATE(*ret_st) == SLOT_IDLE || *ret_st & SLOT_ONEWAY ||
	    call_is_put_off(v, s, *ret_st))
		return NULL;
	*serial = load_relaxed(&s->parent);
	return s;
}

uint32_t call_executor(const struct view *v, uint64_t serial)
{
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *t = view_thread(v, i);

		if (load_acquire(&t->member) && call_executes(t) == serial)
			return thread_token(t);
	}
	return 0;
}

struct call_slot *call_chain(const struct view *v, uint64_t *serial)
{
	uint64_t st;

	return chain_up(v, serial, &st);
}

struct call_slot *call_waits_above(const struct view *v,
				   const struct thread_rec *me, uint32_t id,
				   uint64_t *ret_st)
{
	uint64_t up = call_executes(me), st;
	struct call_slot *s;

	for (unsigned n = 0; n < CALL_CHAIN_MAX && (s = chain_up(v, &up, &st));
	     n++) {
		if (st & SLOT_VISITOR || SLOT_STATE(st) != SLOT_POSTED)
			return NULL;
		*ret_st = st;
		if (load_relaxed(&s->caller_id) == id)
			return s;
	}
	return NULL;
}

bool call_upcall(struct call_slot *s, uint64_t st, uint64_t serial)
{
	uint32_t seq = SLOT_SEQ(st);
	uint64_t none = 0;

	if (!cas_release(&s->upcall, &none, serial))
		return false;
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED) {
		/* Release: pairs with the acquire of who waits: the request. */
		if (cas_release(&s->st, &st,
				(st & ~(uint64_t)SLOT_SLEEP) | SLOT_UPCALL)) {
			if (st & SLOT_SLEEP)
				futex_wake((const uint32_t *)&s->st, INT_MAX);
			return true;
		}
	}
	cas_relaxed(&s->upcall, &serial, 0ull);
	return false;
}

/* The flag first: as long as the serial stands there, no other can be asked. */
uint64_t call_upcall_take(struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);

	while (!cas_acquire(&s->st, &st, st & ~(uint64_t)SLOT_UPCALL))
		;
	return xchg_acquire(&s->upcall, 0ull);
}
