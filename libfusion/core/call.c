/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/call.h"

#include <limits.h>
#include <string.h>

#include "libfusion/core/bell.h"
#include "libfusion/core/block.h"
#include "libfusion/core/life.h"
#include "libfusion/core/lock.h"
#include "libfusion/core/seed.h"
#include "libfusion/core/thread.h"

#define CHAIN_MAX 256 /* calls within calls that are looked at */

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
}

static struct call *call_of(const struct view *v, const struct call_slot *s)
{
	uint32_t i = load_relaxed(&s->call);

	return i && i <= table_hi(v, KIND_CALL)
		       ? view_entry(v, KIND_CALL, i - 1)
		       : NULL;
}

void call_count(struct call *c, int64_t since_ns, bool failed)
{
	uint64_t ns = (uint64_t)(clock_monotonic_ns() - since_ns);
	uint64_t max = load_relaxed(&c->max_ns);

	/* Relaxed: numbers for people. */
	add_relaxed(&c->executed, 1);
	if (failed)
		add_relaxed(&c->failed, 1);
	add_relaxed(&c->total_ns, ns);
	while (ns > max && !cas_relaxed(&c->max_ns, &max, ns))
		;
}

/* --- Quotas --------------------------------------------------------------- */

uint32_t call_limit(const struct call *c, uint32_t caller)
{
	uint32_t others = CALL_NO_LIMIT;

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
	if (row)
		store_release(row, q);
	core_unlock(v, me, &c->lock);
	if (!row && q)
		return -ENOSPC;
	call_ended(c);
	return 0;
}

/*
 *   who ends an execution         who waits for its quota
 *   slot's word                   waiters++
 *   fence                         fence
 *   waiters? -> seq + 1, wake     count -> too many; sleep while seq is as seen
 */
void call_ended(struct call *c)
{
	full_fence();
	if (!c || !load_relaxed(&c->waiters))
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

/* --- Slots ---------------------------------------------------------------- */

static bool is_upper(const struct view *v, const struct call_slot *s)
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

/* One more slot for nested calls has memory.  Killed in between: the memory is
 * reserved twice, which is once. */
static int extend(struct view *v)
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

/* Idle, and nobody's: @steal also takes what was left behind by a thread that
 * is gone. */
static bool claim(struct view *v, struct call_slot *s, uint32_t token,
		  bool steal)
{
	uint32_t owner = load_relaxed(&s->owner);

	if (SLOT_STATE(load_acquire(&s->st)) != SLOT_IDLE)
		return false;
	if (owner && (!steal || thread_by_token(v, owner)))
		return false;
	/* Acquire: pairs with the release in give_up_owner(). */
	return cas_acquire(&s->owner, &owner, token);
}

static struct call_slot *search(struct view *v, uint32_t token, bool steal)
{
	uint32_t at = v->geo.max_threads;
	struct call_slot *s;

	while ((s = call_slot_next(v, &at)))
		if (claim(v, s, token, steal))
			return s;
	return NULL;
}

static int take_upper(struct view *v, uint32_t token, struct call_slot **ret)
{
	int r = 0;

	while (!(*ret = search(v, token, r == -EAGAIN))) {
		if (r < 0)
			return r;
		r = extend(v);
	}
	return 0;
}

static int take(struct view *v, struct thread_rec *me, bool oneway,
		struct call_slot **ret)
{
	uint32_t token = load_relaxed(&me->token) & TOKEN_MASK;
	struct call_slot *s = call_slot_at(v, thread_slot(v, me));

	if (oneway || SLOT_STATE(load_acquire(&s->st)) != SLOT_IDLE)
		return take_upper(v, token, ret);
	store_relaxed(&s->owner, token);
	*ret = s;
	return 0;
}

/* Killed before this: the slot is stolen when there are no others. */
static void give_up_owner(struct view *v, struct call_slot *s, uint32_t owner)
{
	compiler_fence();
	/* Release: pairs with the acquire in claim(). */
	if (is_upper(v, s))
		cas_release(&s->owner, &owner, 0u);
}

/* Idle with the next seq, if it is still @st. */
static bool end(struct view *v, struct call_slot *s, uint64_t *st)
{
	uint32_t owner = load_relaxed(&s->owner);

	if (!cas_acq_rel(&s->st, st,
			 SLOT_MAKE(SLOT_SEQ(*st) + 1, SLOT_IDLE, 0, 0)))
		return false;
	give_up_owner(v, s, owner);
	return true;
}

static void free_block(struct view *v, struct thread_rec *me,
		       struct call_slot *s)
{
	if (load_relaxed(&s->block))
		block_free_from(v, me, view_off(v, &s->block));
}

void call_slot_free(struct view *v, struct thread_rec *me, struct call_slot *s)
{
	uint64_t st = load_relaxed(&s->st);

	free_block(v, me, s);
	end(v, s, &st);
}

static void fill(struct thread_rec *me, const struct call_request *rq,
		 uint32_t call, struct call_slot *s)
{
	uint32_t exec = load_relaxed(&me->exec);

	store_relaxed(&s->ret, 0ull);
	store_relaxed(&s->len, 0u);
	store_relaxed(&s->callee_slot, rq->call->owner_slot);
	store_relaxed(&s->callee_id, rq->call->owner);
	store_relaxed(&s->call, call + 1);
	store_relaxed(&s->call_id, rq->id);
	store_relaxed(&s->exec, 0u);
	store_relaxed(&s->caller_id, rq->caller);
	store_relaxed(&s->parent,
		      exec ? (uint64_t)exec << 32 | me->exec_seq : 0ull);
	store_relaxed(&s->upcall, 0ull);
}

static void post(struct call_slot *s, uint32_t flags)
{
	uint32_t seq = SLOT_SEQ(load_relaxed(&s->st));

	/* Release: pairs with the acquires of who finds it posted. */
	store_release(&s->st, SLOT_MAKE(seq, SLOT_POSTED, flags, 0));
}

/* Counted and posted in one, or not at all.  Who dies with the lock has posted
 * or has not. */
static int post_limited(struct view *v, struct thread_rec *me,
			const struct call_request *rq, struct call_slot *s)
{
	int r = core_lock(v, me, &rq->call->lock);

	if (r < 0)
		return r;
	if (call_pending(v, rq->call, rq->caller) >=
	    call_limit(rq->call, rq->caller))
		r = -EDQUOT;
	else
		post(s, rq->flags);
	core_unlock(v, me, &rq->call->lock);
	return r;
}

/*
 *   who calls                     who destroys, or recovers the owner
 *   slot POSTED                   call.id = 0, member.state, ring closed
 *   fence                         fence
 *   is the call there, the owner? all POSTED slots -> FAILED
 */
int call_begin(struct view *v, struct thread_rec *me,
	       const struct call_request *rq, struct call_slot **ret)
{
	struct call *c = rq->call;
	struct call_slot *s;
	int r;

	if (load_acquire(&c->id) != rq->id)
		return -EIDRM;
	if (!member_at(v, c->owner_slot, c->owner))
		return -EOWNERDEAD;
	r = take(v, me, rq->flags & SLOT_ONEWAY, &s);
	if (r < 0)
		return r;
	fill(me, rq, call_index(v, c), s);
	if (!rq->unlimited && has_quota(c))
		r = post_limited(v, me, rq, s);
	else
		post(s, rq->flags);
	if (r < 0) {
		give_up_owner(v, s, load_relaxed(&s->owner));
		return r;
	}
	full_fence();
	*ret = s;
	r = load_relaxed(&c->id) != rq->id	    ? -EIDRM
	    : member_at(v, c->owner_slot, c->owner) ? 0
						    : -EOWNERDEAD;
	if (r < 0)
		call_drop(v, me, s);
	return r;
}

/* Nobody has been told of it.  A one-way slot is freed by who fails it. */
void call_drop(struct view *v, struct thread_rec *me, struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);
	bool oneway = st & SLOT_ONEWAY;

	while (SLOT_STATE(st) == SLOT_POSTED) {
		if (end(v, s, &st)) {
			call_ended(call_of(v, s));
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
	int r = message_post(v, me, rq->call->owner_slot, rq->call->owner, &h,
			     data, owed);

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
		free_block(v, me, s);
		give_up_owner(v, s, owner);
		call_ended(call_of(v, s));
		return true;
	}
	return false;
}

bool call_abandon(struct view *v, struct call_slot *s, uint64_t *st)
{
	(void)v;
	*st = load_acquire(&s->st);
	while (SLOT_STATE(*st) == SLOT_RETURNING && !(*st & SLOT_UPCALL))
		if (cas_acq_rel(&s->st, st, *st | SLOT_ABANDONED))
			return true;
	return false;
}

/* --- Failing -------------------------------------------------------------- */

/* Who waits looks; again if need be. */
static void tell(struct view *v, const struct call_slot *s, uint64_t st)
{
	if (st & SLOT_SLEEP)
		futex_wake((const uint32_t *)&s->st, INT_MAX);
	if (st & SLOT_VISITOR)
		visitor_bell_ring(v);
}

/* It is posted, or was failed by who died before he could tell.  true: failed
 * now. */
static bool fail(struct view *v, struct call_slot *s, uint64_t st, int error)
{
	while (SLOT_STATE(st) == SLOT_POSTED) {
		bool done;

		if (st & SLOT_ONEWAY)
			done = end(v, s, &st);
		else
			done = cas_acq_rel(
				&s->st, &st,
				SLOT_MAKE(SLOT_SEQ(st), SLOT_FAILED,
					  st & (SLOT_SLEEP | SLOT_UPCALL |
						SLOT_VISITOR | SLOT_LENT),
					  error));
		if (!done)
			continue;
		tell(v, s, st);
		call_ended(call_of(v, s));
		return true;
	}
	if (SLOT_STATE(st) == SLOT_FAILED)
		tell(v, s, st);
	return false;
}

void call_fail(struct view *v, struct call_slot *s, int error)
{
	fail(v, s, load_acquire(&s->st), error);
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
		     load_relaxed(&s->caller_id) == caller))
			n += fail(v, s, st, error);
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
	uint32_t exec = load_relaxed(&me->exec);
	uint64_t was = exec ? (uint64_t)exec << 32 | me->exec_seq : 0;

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
static void finish(struct view *v, struct thread_rec *me, struct call_slot *s,
		   unsigned state, int error)
{
	uint64_t st = load_relaxed(&s->st);
	bool done = false;

	while (!done) {
		uint32_t keep =
			SLOT_SLEEP | SLOT_UPCALL | SLOT_VISITOR | SLOT_LENT;

		if (st & (SLOT_ABANDONED | SLOT_ONEWAY)) {
			free_block(v, me, s);
			done = end(v, s, &st);
		} else {
			/* Release: pairs with the acquire of who waits. */
			done = cas_acq_rel(&s->st, &st,
					   SLOT_MAKE(SLOT_SEQ(st), state,
						     st & keep, error));
		}
	}
	tell(v, s, st);
	call_ended(call_of(v, s));
}

void call_return_end(struct view *v, struct thread_rec *me, struct call_slot *s,
		     int error)
{
	finish(v, me, s, error ? SLOT_FAILED : SLOT_DONE, error);
	compiler_fence();
	store_relaxed(&me->call.op, 0u);
}

/* --- Calls within calls --------------------------------------------------- */

struct call_slot *call_waits_above(const struct view *v,
				   const struct thread_rec *me, uint32_t id,
				   uint64_t *ret_st)
{
	uint32_t exec = load_relaxed(&me->exec);
	uint64_t up = exec ? (uint64_t)exec << 32 | me->exec_seq : 0;

	for (unsigned n = 0; up && n < CHAIN_MAX; n++) {
		struct call_slot *s = call_slot_of(v, up);
		uint64_t st = s ? load_acquire(&s->st) : 0;

		if (!s || SLOT_SEQ(st) != SERIAL_SEQ(up) ||
		    SLOT_STATE(st) != SLOT_POSTED || st & SLOT_VISITOR)
			return NULL;
		*ret_st = st;
		if (load_relaxed(&s->caller_id) == id)
			return s;
		up = load_relaxed(&s->parent);
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

/* --- Lending ------------------------------------------------------------- */

uint64_t call_executes(const struct thread_rec *t)
{
	uint32_t exec = load_acquire(&t->exec);

	return exec ? (uint64_t)exec << 32 | load_relaxed(&t->exec_seq) : 0;
}

struct call_slot *call_chain(const struct view *v, uint64_t *serial)
{
	struct call_slot *s = *serial ? call_slot_of(v, *serial) : NULL;
	uint64_t st = s ? load_acquire(&s->st) : 0;

	if (!s || SLOT_SEQ(st) != SERIAL_SEQ(*serial) ||
	    SLOT_STATE(st) != SLOT_POSTED)
		return NULL;
	*serial = load_relaxed(&s->parent);
	return s;
}

/*
 *   who borrows                   who waits above
 *   announce, fence               slot's word: not POSTED any more
 *   slot POSTED -> |LENT          LENT? fence; anybody who has announced?
 */
static bool lend_slot(struct call_slot *s, uint32_t seq)
{
	uint64_t st = load_acquire(&s->st);

	/* A visitor does not wait for who has borrowed. */
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED &&
	       !(st & SLOT_VISITOR))
		if (st & SLOT_LENT || cas_acq_rel(&s->st, &st, st | SLOT_LENT))
			return true;
	return false;
}

bool call_lend(struct view *v, const struct thread_rec *me, uint32_t token)
{
	uint64_t up = call_executes(me), serial;
	struct call_slot *s;

	for (unsigned n = 0; n < CHAIN_MAX; n++) {
		serial = up;
		s = call_chain(v, &up);
		if (!s || !lend_slot(s, SERIAL_SEQ(serial)))
			return false;
		if (load_relaxed(&s->owner) == token)
			return true;
	}
	return false;
}

/* --- Recovery ------------------------------------------------------------- */

static void recover_return(struct view *v, struct thread_rec *t,
			   struct thread_rec *me)
{
	uint32_t i = t->call.kind, at = i;
	struct call_slot *s;
	uint64_t st;

	if (load_relaxed(&t->call.op) != CALL_OP_RETURN)
		return;
	s = i < v->geo.n_slots ? call_slot_next(v, &at) : NULL;
	if (s && at == i + 1) {
		st = load_acquire(&s->st);
		if (SLOT_SEQ(st) == (uint32_t)t->call.a[0] &&
		    SLOT_STATE(st) == SLOT_RETURNING &&
		    SLOT_EXTRA(st) == thread_slot(v, t)) {
			free_block(v, me, s);
			finish(v, me, s, SLOT_FAILED, EOWNERDEAD);
		} else {
			tell(v, s, st);
		}
	}
	compiler_fence();
	store_relaxed(&t->call.op, 0u);
}

/* A slot of a thread that is gone. */
static void recover_slot(struct view *v, struct thread_rec *me,
			 struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);

	if (st & SLOT_ONEWAY)
		return; /* who executes it frees it */
	if (call_withdraw(v, me, s, &st) || call_abandon(v, s, &st))
		return;
	if (st & SLOT_UPCALL) {
		/* Nobody executes that. */
		struct call_slot *up =
			call_slot_of(v, load_acquire(&s->upcall));

		if (up && call_is_wanted(v, load_relaxed(&s->upcall)))
			fail(v, up, load_acquire(&up->st), EOWNERDEAD);
		call_upcall_take(s);
		recover_slot(v, me, s);
		return;
	}
	if (SLOT_STATE(st) == SLOT_IDLE) {
		free_block(v, me, s);
		give_up_owner(v, s, load_relaxed(&s->owner));
	} else {
		call_slot_free(v, me, s);
	}
}

static struct call_slot *next_of(struct view *v, const struct thread_rec *t,
				 uint32_t *at)
{
	uint32_t token = load_relaxed(&t->token) & TOKEN_MASK;
	struct call_slot *s = NULL;

	if (*at == 0) {
		*at = v->geo.max_threads;
		s = call_slot_at(v, thread_slot(v, t));
	}
	if (!s)
		s = call_slot_next(v, at);
	while (s && load_relaxed(&s->owner) != token)
		s = call_slot_next(v, at);
	return s;
}

/* What it executed: @serial, and is not any more. */
static void fail_exec(struct view *v, uint64_t serial)
{
	struct call_slot *s = call_slot_of(v, serial);
	uint64_t st = s ? load_acquire(&s->st) : 0;

	if (s && SLOT_SEQ(st) == SERIAL_SEQ(serial))
		fail(v, s, st, EOWNERDEAD);
}

/* And what it was in the middle of when it called others. */
static void recover_exec(struct view *v, struct thread_rec *t)
{
	const struct call_slot *s;
	uint32_t at = 0;

	fail_exec(v, call_enter(t, 0));
	while ((s = next_of(v, t, &at)))
		if (SLOT_STATE(load_acquire(&s->st)) != SLOT_IDLE &&
		    !(load_relaxed(&s->st) & SLOT_ONEWAY))
			fail_exec(v, load_relaxed(&s->parent));
}

int call_recover(struct view *v, struct thread_rec *t, struct thread_rec *me,
		 bool alone)
{
	struct call_slot *s;
	uint32_t at = 0;

	if (!me)
		return -EIO;
	recover_return(v, t, me);
	if (alone)
		recover_exec(v, t);
	while (!SEED_BUG(52) && (s = next_of(v, t, &at)))
		recover_slot(v, me, s);
	store_relaxed(&t->exec, 0u);
	return 0;
}

/* Records that it has queued, and whose wake it owed. */
static void wake_rings(struct view *v)
{
	uint32_t cells, producer;
	struct ring r;

	for (uint32_t i = 0; i < ring_hi(v); i++) {
		uint64_t head;

		if (ring_map(v, i, &r) < 0 || !load_acquire(&r.ctl->owner) ||
		    load_relaxed(&r.ctl->owner) & RING_OF_REACTOR)
			continue;
		head = load_acquire(&r.ctl->head);
		if (ring_look(&r, head, &cells, &producer) == RING_RECORD)
			ring_wake(&r, head);
	}
}

int call_recover_member(struct view *v, uint32_t slot)
{
	uint32_t id = load_relaxed(&view_member(v, slot)->id), at = 0;
	struct call_slot *s;

	/* The drawing is at call_begin(). */
	full_fence();
	while ((s = call_slot_next(v, &at))) {
		uint64_t st = load_acquire(&s->st);

		if (load_relaxed(&s->callee_slot) == slot &&
		    load_relaxed(&s->callee_id) == id && !SEED_BUG(51))
			fail(v, s, st, EOWNERDEAD);
	}
	wake_rings(v);
	return 0;
}

/* --- The checker ---------------------------------------------------------- */

static const char *slot_fault(struct view *v, const struct call_slot *s)
{
	uint64_t st = load_relaxed(&s->st);
	uint32_t owner = load_relaxed(&s->owner);

	switch (SLOT_STATE(st)) {
	case SLOT_IDLE:
		return s->block ? "call: an idle slot has a block" : NULL;
	case SLOT_RETURNING:
		if (SLOT_EXTRA(st) >= v->geo.max_threads ||
		    !load_relaxed(&view_thread(v, SLOT_EXTRA(st))->member))
			return "call: nobody returns it";
		return NULL;
	case SLOT_POSTED:
		if (!member_at(v, s->callee_slot, s->callee_id))
			return "call: its owner is gone";
		break;
	case SLOT_DONE:
	case SLOT_FAILED:
		break;
	default:
		return "call: unknown state";
	}
	return st & SLOT_ONEWAY || thread_by_token(v, owner)
		       ? NULL
		       : "call: nobody waits for it";
}

unsigned call_check(struct view *v, void (*report)(void *, const char *),
		    void *ctx)
{
	uint32_t hi = table_hi(v, KIND_CALL), at = 0;
	const struct call_slot *s;
	unsigned faults = 0;

	for (uint32_t i = 0; i < hi; i++) {
		const struct call *c = view_entry(v, KIND_CALL, i);
		const char *what = NULL;

		if (load_relaxed(&c->e.state) != ENTRY_USED)
			continue;
		if (load_relaxed(&c->id) != load_relaxed(&c->e.id))
			what = "call: id is not its own";
		else if (load_relaxed(&c->lock.word))
			what = "call: lock is held";
		if (what && report)
			report(ctx, what);
		faults += !!what;
	}
	while ((s = call_slot_next(v, &at))) {
		const char *what = slot_fault(v, s);

		if (what && report)
			report(ctx, what);
		faults += !!what;
	}
	return faults;
}
