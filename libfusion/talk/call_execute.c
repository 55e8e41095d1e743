/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caller's side
 *
 *   direct    the call is one's own: the handler runs here, without a slot
 *             unless somebody else is to answer
 *   one-way   a record in the owner's queue and nothing else, unless there is a
 *             quota: then a slot counts it
 *   else      a slot is posted, the request goes into the queue of the owner
 *             or, if a thread of it waits further up, into the slot; then this
 *             thread waits, and executes what it is asked to meanwhile
 */

#include "libfusion/talk/call_execute.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fusion/heap.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/talk/borrow.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/ring_produce.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/call_flush.h"
#include "libfusion/talk/call_handler.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_thread.h"

#define ALL_FLAGS                                                        \
	(FUSION_CALL_ONEWAY | FUSION_CALL_QUEUE | FUSION_CALL_NODIRECT | \
	 FUSION_CALL_NOWAIT)
/* How long one who has given up waits for an answer that is being written. */
#define RETURNING_NS 10000000LL

struct execution {
	struct tcache *cache;
	struct fusion_arena *arena;
	struct view *v;
	struct thread_rec *me;
	struct call_request rq;
	const void *in;
	unsigned flags;
	int64_t deadline; /* CLOCK_MONOTONIC, < 0 never */

	struct call_slot *slot;
	uint64_t serial;
	bool blocked; /* the turn has been given away */
	bool looked;  /* whether the owner is dead */
	int64_t nap, given_up_ns;
	uint32_t n_naps; /* while others have borrowed */

	uint64_t *ret_word;
	void *out;
	size_t out_size;
	size_t *ret_size;
};

static bool is_late(const struct execution *x)
{
	return x->deadline >= 0 && clock_monotonic_ns() >= x->deadline;
}

/* Others may handle what comes while this thread waits. */
static void give_turn_away(struct execution *x)
{
	if (!x->blocked)
		x->blocked = dispatch_block(x->arena);
}

static void take_turn_back(struct execution *x)
{
	if (x->blocked)
		dispatch_unblock(x->arena);
	x->blocked = false;
}

/* At most @most, or until the deadline. */
static int64_t nap_of(const struct execution *x, int64_t most)
{
	int64_t left =
		x->deadline >= 0 ? x->deadline - clock_monotonic_ns() : most;

	return left < 0 ? 0 : left < most ? left : most;
}

/* Nothing has happened for a while: is anybody dead? */
static void probe_owner(struct execution *x, uint64_t st)
{
	struct view *v = x->v;
	const struct call *c = x->rq.call;
	uint32_t exec;

	x->looked = true;
	if (member_is_dead(v, c->owner_slot))
		life_sweep(v);
	if (!x->slot)
		return;
	exec = call_executor(v, x->serial);
	if (SLOT_STATE(st) == SLOT_RETURNING &&
	    SLOT_EXTRA(st) < v->geo.max_threads)
		exec = load_relaxed(&view_thread(v, SLOT_EXTRA(st))->token) &
		       TOKEN_MASK;
	if (exec)
		life_suspect(v, exec);
	/* It left just when this was posted. */
	if (!member_at(v, load_relaxed(&x->slot->callee_slot),
		       load_relaxed(&x->slot->callee_id)))
		call_fail(v, x->slot, EOWNERDEAD);
}

/* --- Answers -------------------------------------------------------------- */

/* What the last call left. */
static void drop_answer(struct tcache *cache)
{
	struct call_slot *s;

	if (!cache->answer)
		return;
	s = call_slot_at(&cache->arena->view, cache->answer - 1);
	cache->answer = 0;
	if (load_relaxed(&s->block))
		fusion_free_from(cache->arena, (void **)&s->block);
	call_slot_free(&cache->arena->view, cache->rec, s);
}

static bool wants_bytes(const struct execution *x)
{
	return x->out_size || x->ret_size;
}

static void tell_result(const struct execution *x, uint64_t word, size_t size)
{
	if (x->ret_word)
		*x->ret_word = word;
	if (x->ret_size)
		*x->ret_size = size;
}

static int take_answer(struct execution *x, bool *keep)
{
	const struct call_slot *s = x->slot;
	size_t size = load_relaxed(&s->len);
	const void *from = call_bytes(x->arena, s, size);

	if (!from)
		return -EIO;
	tell_result(x, load_relaxed(&s->ret), size);
	*keep = size > x->out_size && wants_bytes(x);
	if (*keep)
		return -EMSGSIZE;
	if (size && wants_bytes(x))
		memcpy(x->out, from, size);
	return 0;
}

/* DONE or FAILED. */
static int collect_answer(struct execution *x)
{
	/* Acquire: pairs with the release of who answered. */
	uint64_t st = load_acquire(&x->slot->st);
	bool keep = false;
	int r = -(int)SLOT_EXTRA(st);

	/* An upcall's, meanwhile. */
	drop_answer(x->cache);
	if (SLOT_STATE(st) == SLOT_DONE)
		r = take_answer(x, &keep);
	if (!keep && !load_relaxed(&x->slot->block)) {
		call_slot_put_off(x->v, x->me, x->slot, x->serial);
		return r;
	}
	x->cache->answer = (uint32_t)(x->serial >> 32);
	/* Recovery: nothing waits for this one any more (call_recover.c). */
	store_relaxed(&x->slot->parent, 0ull);
	if (!keep)
		drop_answer(x->cache);
	return r;
}

FUSION_API int fusion_call_answer(struct fusion_arena *arena, void *out,
				  size_t *size)
{
	struct tcache *cache = arena ? tls_cache(arena) : NULL;
	const struct call_slot *s;
	size_t room, len;
	const void *from;

	if (!cache || !size || (!out && *size))
		return told(arena && !cache ? -errno : -EINVAL);
	if (!cache->answer)
		return told(-ENODATA);
	room = *size;
	s = call_slot_at(&arena->view, cache->answer - 1);
	len = load_relaxed(&s->len);
	from = call_bytes(arena, s, len);
	if (!from)
		return told(-EIO);
	*size = len;
	if (len > room)
		return told(-EMSGSIZE);
	if (len)
		memcpy(out, from, len);
	drop_answer(cache);
	return 0;
}

/* --- Waiting -------------------------------------------------------------- */

static bool is_news(uint64_t st)
{
	return st & SLOT_UPCALL || SLOT_STATE(st) == SLOT_DONE ||
	       SLOT_STATE(st) == SLOT_FAILED;
}

static bool has_answer(void *arg)
{
	const struct execution *x = arg;

	return is_news(load_acquire(&x->slot->st));
}

static void sleep_once(struct execution *x)
{
	struct call_slot *s = x->slot;
	uint64_t st;

	give_turn_away(x);
	st = load_acquire(&s->st);
	if (is_news(st))
		return;
	/* Relaxed: what others bring is read with acquire. */
	if (!(st & SLOT_SLEEP) && !cas_relaxed(&s->st, &st, st | SLOT_SLEEP))
		return;
	if (futex_wait((uint32_t *)&s->st, (uint32_t)st | SLOT_SLEEP,
		       nap_of(x, x->nap)) != -ETIMEDOUT)
		return;
	if (is_late(x))
		return;
	x->nap = SUSPECT_LAST_NS;
	probe_owner(x, load_acquire(&s->st));
}

static void await_borrower(struct execution *x, uint32_t token)
{
	const struct timespec nap = {.tv_nsec = 100000};

	give_turn_away(x);
	nanosleep(&nap, NULL);
	if (++x->n_naps % 1000 == 0)
		life_suspect(x->v, token);
}

/* Too late.  -ETIMEDOUT; 0: something has happened after all, or will. */
static int give_up_call(struct execution *x)
{
	int64_t now = clock_monotonic_ns();
	uint64_t st = load_acquire(&x->slot->st);
	uint32_t token;
	int r;

	/* Nobody is sent away before the owner was looked at once. */
	if (!x->looked) {
		probe_owner(x, st);
		return 0;
	}
	/* Nor goes on while others have what is its own. */
	r = lend_close(x->v, x->me, x->slot, &token);
	if (r == 1)
		await_borrower(x, token);
	if (r)
		return 0;
	if (call_withdraw(x->v, x->me, x->slot, &st))
		return -ETIMEDOUT;
	if (SLOT_STATE(st) != SLOT_RETURNING)
		return 0;
	if (!x->given_up_ns)
		x->given_up_ns = now;
	sched_yield();
	if (now - x->given_up_ns < RETURNING_NS)
		return 0;
	return call_abandon(x->slot, &st) ? -ETIMEDOUT : 0;
}

/* Whoever has borrowed a lock of ours, or of who waits for us, gives it back
 * (or dies) before we go on. */
static void await_borrowers(struct execution *x)
{
	uint32_t token;

	while (lend_is_out(x->v, x->me, &token) > 0)
		await_borrower(x, token);
}

/* The handler of an upcall did not return: nobody waits for the answer in the
 * slot any more.  It goes when it comes. */
static void undo_upcall(const struct callback_args *args)
{
	struct fusion_arena *arena = args->a;
	struct thread_rec *me = thread_rec_of(arena);
	struct call_slot *s = args->b;
	uint64_t st;

	if (me && !call_withdraw(&arena->view, me, s, &st) &&
	    !call_abandon(s, &st))
		call_slot_free(&arena->view, me, s);
	if (args->n)
		dispatch_unblock(arena);
}

static void run_upcall(struct execution *x)
{
	struct callback c CALLBACK;

	callback_begin(&c, undo_upcall, x->arena, x->slot, x->blocked);
	call_run_upcall(x->arena, call_upcall_take(x->slot));
	callback_end(&c);
}

/* 0: there is an answer.  Else the slot is not ours any more. */
static int await_answer(struct execution *x)
{
	uint64_t st = 0;
	int r = 0;

	x->nap = SUSPECT_FIRST_NS;
	while (r == 0) {
		st = load_acquire(&x->slot->st);

		if (st & SLOT_UPCALL)
			run_upcall(x);
		else if (is_news(st))
			break;
		else if (is_late(x))
			r = give_up_call(x);
		else if (!spin_until(&x->cache->call_spinner, has_answer, x))
			sleep_once(x);
	}
	if (r == 0 && st & SLOT_LENT)
		await_borrowers(x);
	return r;
}

/* --- Asking --------------------------------------------------------------- */

/* Over the quota: until one of ours has ended, or the quota has changed. */
static int wait_quota(struct execution *x)
{
	struct call *c = x->rq.call;
	uint32_t seen;

	if (x->flags & FUSION_CALL_NOWAIT)
		return -EAGAIN;
	if (is_late(x)) {
		if (x->looked)
			return -ETIMEDOUT;
		probe_owner(x, 0);
	}
	give_turn_away(x);
	add_relaxed(&c->waiters, 1);
	/* The drawing is at call_ended(). */
	full_fence();
	seen = load_acquire(&c->seq);
	if (load_relaxed(&c->id) == x->rq.id &&
	    call_pending(x->v, c, x->rq.caller) >=
		    call_limit(c, x->rq.caller) &&
	    futex_wait(&c->seq, seen, nap_of(x, SUSPECT_FIRST_NS)) ==
		    -ETIMEDOUT)
		probe_owner(x, 0);
	sub_relaxed(&c->waiters, 1);
	return 0;
}

static int post_slot(struct execution *x, bool here)
{
	return here ? call_begin_here(x->v, x->me, &x->rq, x->in, &x->slot)
		    : call_begin(x->v, x->me, &x->rq, &x->slot);
}

/* 1: the request is in the slot, and the owner sees to it. */
static int begin_call(struct execution *x, bool here)
{
	int r;

	while ((r = post_slot(x, here)) == -EDQUOT) {
		r = wait_quota(x);
		if (r < 0)
			break;
	}
	if (r < 0)
		x->slot = NULL;
	else
		x->serial = CALL_SERIAL(call_slot_index(x->v, x->slot),
					SLOT_SEQ(load_relaxed(&x->slot->st)));
	return r;
}

/* No room in the queue. */
static int wait_room(struct execution *x)
{
	const struct call *c = x->rq.call;
	int r;

	if (x->flags & FUSION_CALL_NOWAIT ||
	    (c->owner == x->arena->id && dispatch_is_mine(x->arena)))
		return -EAGAIN;
	call_flush(x->arena);
	give_turn_away(x);
	if (x->slot && SLOT_STATE(load_acquire(&x->slot->st)) == SLOT_FAILED)
		return 1;
	if (load_acquire(&c->id) != x->rq.id)
		return -EIDRM;
	r = message_wait(x->v, c->owner_slot, c->owner, x->deadline);
	return r == -ESRCH ? -EOWNERDEAD : r;
}

/* @data or the block that me->msg_block has.  1: it has failed already. */
static int put_record(struct execution *x, const void *data)
{
	bool queue = x->flags & FUSION_CALL_QUEUE;
	struct owed owed;
	int r;

	do {
		r = call_message(x->v, x->me, &x->rq, x->serial, data,
				 queue ? &owed : NULL);
	} while (r == -EAGAIN && (r = wait_room(x)) == 0);
	if (r == 0 && queue) {
		call_flush_later(calls_of(x->arena), &owed);
		ring_finish(x->me);
	} else {
		call_flush(x->arena);
	}
	return r;
}

static int put_request(struct execution *x)
{
	size_t size = sizeof(x->rq.word) + x->rq.size;
	unsigned char bytes[RING_INLINE], *to = bytes;
	uint64_t *block = &x->me->msg_block;
	int r = 0;

	if (size > sizeof(bytes)) {
		/* Killed: the record knows it. */
		r = fusion_malloc_to(x->arena, size, (void **)block);
		if (r < 0)
			return r;
		to = (unsigned char *)(uintptr_t)load_relaxed(block);
	}
	memcpy(to, &x->rq.word, sizeof(x->rq.word));
	if (x->rq.size)
		memcpy(to + sizeof(x->rq.word), x->in, x->rq.size);
	r = put_record(x, to == bytes ? bytes : NULL);
	if (r && to != bytes)
		fusion_free_from(x->arena, (void **)block);
	return r;
}

/* The request into the slot, for who waits above. */
static int fill_slot(struct execution *x)
{
	struct call_slot *s = x->slot;
	void *to = s->bytes;
	int r;

	store_relaxed(&s->ret, x->rq.word);
	store_relaxed(&s->len, x->rq.size);
	if (x->rq.size > SLOT_INLINE) {
		r = fusion_malloc_to(x->arena, x->rq.size, (void **)&s->block);
		if (r < 0)
			return r;
		to = (void *)(uintptr_t)load_relaxed(&s->block);
	}
	if (x->rq.size)
		memcpy(to, x->in, x->rq.size);
	return 0;
}

/* Does the owner wait for us?  Then it executes it right there.  1: done. */
static int ask_above(struct execution *x, struct call_slot *above, uint64_t st)
{
	int r;

	if (!above)
		return 0;
	r = fill_slot(x);
	if (r < 0)
		return r;
	if (call_upcall(above, st, x->serial))
		return 1;
	if (load_relaxed(&x->slot->block))
		fusion_free_from(x->arena, (void **)&x->slot->block);
	return 0;
}

static int execute_remote(struct execution *x)
{
	struct call_slot *above = NULL;
	uint64_t st = 0;
	int r;

	if (load_relaxed(&x->me->exec))
		above = call_waits_above(x->v, x->me, x->rq.call->owner, &st);
	r = begin_call(x, !above && x->rq.size <= SLOT_INLINE);
	if (r < 0)
		return r;
	if (r == 0)
		r = ask_above(x, above, st);
	if (r == 0)
		r = put_request(x);
	if (r < 0) {
		call_drop(x->v, x->me, x->slot);
		return r;
	}
	r = await_answer(x);
	return r < 0 ? r : collect_answer(x);
}

/* --- The other ways ------------------------------------------------------- */

static bool has_limit(const struct execution *x)
{
	return call_limit(x->rq.call, x->rq.caller) != CALL_NO_LIMIT;
}

static int execute_one_way(struct execution *x)
{
	const struct call *c = x->rq.call;
	int r;

	if (x->flags & FUSION_CALL_QUEUE && !calls_of(x->arena))
		return -ENOMEM;
	if (!has_limit(x)) {
		if (!member_at(x->v, c->owner_slot, c->owner))
			return -EOWNERDEAD;
		return put_request(x);
	}
	x->rq.flags |= SLOT_ONEWAY;
	r = begin_call(x, false);
	if (r == 0) {
		r = put_request(x);
		if (r)
			call_drop(x->v, x->me, x->slot);
	}
	return r > 0 ? -EIDRM : r;
}

/* The slot, for an answer that comes later or does not fit. */
int call_serving_slot(struct fusion_arena *arena, struct serving *sv)
{
	struct thread_rec *me = thread_rec_of(arena);
	const struct call_request rq = {
		.call = view_entry(&arena->view, KIND_CALL, sv->index),
		.id = sv->id,
		.caller = sv->request.caller,
		.unlimited = true,
	};
	struct call_slot *s;
	int r = me ? call_begin(&arena->view, me, &rq, &s) : -errno;

	if (r == 0)
		sv->serial = CALL_SERIAL(call_slot_index(&arena->view, s),
					 SLOT_SEQ(load_relaxed(&s->st)));
	return r;
}

static int wait_for_serving(struct execution *x, const struct serving *sv)
{
	int r;

	x->serial = sv->serial;
	x->slot = call_slot_of(x->v, sv->serial);
	r = await_answer(x);
	return r < 0 ? r : collect_answer(x);
}

/* The handler has returned @r.  Nobody else knows of it, and there is room for
 * the answer: done. */
static int finish_direct(struct execution *x, struct serving *sv, int r)
{
	bool fits = sv->size <= x->out_size || !wants_bytes(x);
	int made = 0;

	if (r == FUSION_CALL_DEFER)
		return sv->serial ? wait_for_serving(x, sv) : -EPROTO;
	if (!sv->serial && (r || fits)) {
		if (r)
			return r < 0 ? r : -EPROTO;
		tell_result(x, sv->word, sv->size);
		if (sv->size && wants_bytes(x))
			memcpy(x->out, sv->data ? sv->data : sv->bytes,
			       sv->size);
		return 0;
	}
	if (!sv->serial)
		made = call_serving_slot(x->arena, sv);
	if (made < 0)
		return made;
	call_answer_serving(x->arena, sv, r);
	return wait_for_serving(x, sv);
}

static int execute_direct(struct execution *x)
{
	struct serving sv = {
		.request =
			{
				.arena = x->arena,
				.call = (struct fusion_call *)x->rq.call,
				.caller = x->arena->id,
				.word = x->rq.word,
				.data = x->in,
				.size = x->rq.size,
			},
		.index = call_index(x->v, x->rq.call),
		.id = x->rq.id,
		.direct = true,
		.oneway = x->flags & FUSION_CALL_ONEWAY,
	};
	struct calls *calls = load_acquire(&x->arena->calls);
	int r = calls ? call_run(calls, &sv) : -EIDRM;

	if (calls)
		call_ran(calls, &sv);
	if (sv.oneway)
		r = 0;
	else
		r = finish_direct(x, &sv, r);
	serving_finish(&sv);
	return r;
}

static int execute_call(struct execution *x)
{
	bool own = x->rq.call->owner == x->arena->id &&
		   x->rq.call->owner_slot == x->v->slot;

	drop_answer(x->cache);
	if (own && (!(x->flags & FUSION_CALL_NODIRECT) || call_in_handler() ||
		    dispatch_is_mine(x->arena)))
		return execute_direct(x);
	return x->flags & FUSION_CALL_ONEWAY ? execute_one_way(x)
					     : execute_remote(x);
}

static int open_options(struct execution *x,
			const struct fusion_call_options *options)
{
	x->deadline = -1;
	if (!options)
		return 0;
	if (options->size < sizeof(*options) || options->flags & ~ALL_FLAGS ||
	    options->timeout_ns < FUSION_FOREVER ||
	    (options->flags & FUSION_CALL_QUEUE &&
	     !(options->flags & FUSION_CALL_ONEWAY)))
		return -EINVAL;
	x->flags = options->flags;
	x->deadline = deadline_of(options->timeout_ns);
	return 0;
}

FUSION_API int fusion_call_execute_bytes(
	struct fusion_call *call, const struct fusion_call_options *options,
	uint64_t word, const void *in, size_t in_size, uint64_t *ret_word,
	void *out, size_t out_size, size_t *ret_size)
{
	struct execution x = {
		.rq = {.call = (struct call *)call, .word = word},
		.in = in,
		.ret_word = ret_word,
		.out = out,
		.out_size = out_size,
		.ret_size = ret_size,
	};
	int r = open_options(&x, options);

	callback_check();
	if (r < 0 || (!in && in_size) || (!out && out_size) ||
	    in_size > UINT32_MAX - sizeof(word))
		return told(-EINVAL);
	x.cache = entry_cache(KIND_CALL, call, &r);
	if (!x.cache)
		return told(r);
	x.arena = x.cache->arena;
	x.v = &x.arena->view;
	x.me = x.cache->rec;
	x.rq.id = load_acquire(&x.rq.call->id);
	x.rq.caller = x.arena->id;
	x.rq.size = (uint32_t)in_size;
	r = x.rq.id ? execute_call(&x) : -EIDRM;
	take_turn_back(&x);
	return told(r);
}

FUSION_API int fusion_call_execute(struct fusion_call *call, uint64_t word,
				   uint64_t *ret_word)
{
	return told(fusion_call_execute_bytes(call, NULL, word, NULL, 0,
					      ret_word, NULL, 0, NULL));
}
