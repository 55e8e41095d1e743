/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caller's side
 *
 *   direct    This process owns the call: the handler runs here, without a slot
 *             unless another thread is to answer.
 *   one-way   A record in the owner's queue and nothing else, unless there is a
 *             quota: then a slot counts the call.
 *   else      A slot is posted.  The request goes into the queue of the owner
 *             or, if a thread of the owner waits further up, into the slot.
 *             Then this thread waits, and executes what it is asked to
 *             meanwhile (call_wait.c).
 *
 * Acquires of a call's id pair with the releases in call_init() and
 * call_fini(), those of a slot's word with the releases of its answer and its
 * failure in core/talk.
 */
#include "libfusion/talk/call_execute.h"

#include <errno.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/ring_produce.h"
#include "libfusion/heap/slot.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/call_answer.h"
#include "libfusion/talk/call_execution.h"
#include "libfusion/talk/call_flush.h"
#include "libfusion/talk/call_handler.h"
#include "libfusion/talk/call_wait.h"
#include "libfusion/talk/dispatch.h"

#define ALL_FLAGS                                                        \
	(FUSION_CALL_ONEWAY | FUSION_CALL_QUEUE | FUSION_CALL_NODIRECT | \
	 FUSION_CALL_NOWAIT | WAIT_FLAGS)

/* --- Asking --------------------------------------------------------------- */

/* Wait, as the caller is over its quota, until one of its calls has ended or
 * the quota has changed. */
static int wait_quota(struct execution *x)
{
	struct call *c = x->rq.call;
	uint32_t seen;
	int slept = 0;

	if (x->flags & FUSION_CALL_NOWAIT)
		return -EAGAIN;
	if (is_late(x)) {
		if (x->looked)
			return wait_error(&x->wait);
		call_probe(x, 0);
	}
	give_turn_away(x);
	add_relaxed(&c->waiters, 1);
	/* The drawing is at call_ended(). */
	full_fence();
	seen = load_acquire(&c->seq);
	if (load_relaxed(&c->id) == x->rq.id &&
	    call_pending(x->v, c, x->rq.caller) >= call_limit(c, x->rq.caller))
		slept = futex_wait(&c->seq, seen,
				   wait_nap(&x->wait, SUSPECT_FIRST_NS));
	if (slept == -ETIMEDOUT)
		call_probe(x, 0);
	sub_relaxed(&c->waiters, 1);
	wait_slept(&x->wait, slept);
	return 0;
}

static int post_slot(struct execution *x, bool here)
{
	return here ? call_begin_here(x->v, x->me, &x->rq, x->in, &x->slot)
		    : call_begin(x->v, x->me, &x->rq, &x->slot);
}

/* Note the serial of what was posted: @r.  1: it is one-way, has been ended by
 * the end of the call or of the owner, and the slot may be another thread's. */
static int note_serial(struct execution *x, int r)
{
	const struct call_slot *s = x->slot;
	/* Acquire: pairs with the release in post_slot().  The owner is read
	 * behind the word: if that is another thread's request, then the owner
	 * is not this thread. */
	uint64_t st = load_acquire(&s->st);

	x->serial = CALL_SERIAL(call_slot_index(x->v, s), SLOT_SEQ(st));
	if (x->rq.flags & SLOT_ONEWAY &&
	    (SLOT_STATE(st) != SLOT_POSTED ||
	     load_relaxed(&s->owner) != thread_token(x->me)))
		return 1;
	return r;
}

/* Post the slot.  1: the request is in the slot, and the owner sees to it. */
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
		r = note_serial(x, r);
	return r;
}

/* The thread that fails a one-way slot frees it: then it has another number. */
static bool has_failed(const struct execution *x)
{
	uint64_t st = load_acquire(&x->slot->st);

	return SLOT_STATE(st) == SLOT_FAILED ||
	       SLOT_SEQ(st) != SERIAL_SEQ(x->serial);
}

/* Wait for room in the owner's queue.  0 try again, 1 the call has failed. */
static int wait_room(struct execution *x)
{
	const struct call *c = x->rq.call;
	int r;

	if (x->flags & FUSION_CALL_NOWAIT ||
	    (c->owner == x->arena->id && dispatch_is_mine(x->arena)))
		return -EAGAIN;
	call_flush(x->arena);
	give_turn_away(x);
	if (x->slot && has_failed(x))
		return 1;
	if (load_acquire(&c->id) != x->rq.id)
		return -EIDRM;
	r = message_wait(x->v, c->owner_slot, c->owner, &x->wait);
	return r == -ESRCH ? -EHOSTDOWN : r;
}

/* Put a record with @data, or with the block in me->msg_block, into the owner's
 * queue.  1: the call has failed already. */
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
		/* Killed: recovery finds the block in the thread's record. */
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
		heap_free_from(x->arena, (void **)block);
	return r;
}

/* Put the request into the slot, for a thread that waits further up. */
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

/* Have the thread of the owner execute the request that waits for us in slot
 * @above.  1: it will; 0: it does not wait any more. */
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
		heap_free_from(x->arena, (void **)&x->slot->block);
	return 0;
}

/* The owner is gone, and the request could not be put anywhere: -EHOSTDOWN, or
 * -ECONNRESET.  The owner may have executed a request that was HERE, and has
 * died before it took HERE off.  The caller then took HERE off, as the owner
 * had no queue any more.  The queue is closed behind all recovery that notes
 * what the owner had begun (recover_member()), so the note is there. */
static int owner_gone(const struct execution *x)
{
	if (SEED_BUG(105))
		return -EHOSTDOWN;
	/* Acquire: pairs with the release in post_slot(). */
	return -call_gone_error(x->v, x->slot, load_acquire(&x->slot->st));
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
	if (r == -EHOSTDOWN)
		r = owner_gone(x);
	if (r < 0) {
		call_drop(x->v, x->me, x->slot, SERIAL_SEQ(x->serial));
		return r;
	}
	r = call_await(x);
	return r < 0 ? r : call_collect(x);
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
			return -EHOSTDOWN;
		return put_request(x);
	}
	x->rq.flags |= SLOT_ONEWAY;
	r = begin_call(x, false);
	if (r == 0) {
		r = put_request(x);
		if (r)
			call_drop(x->v, x->me, x->slot, SERIAL_SEQ(x->serial));
	}
	/* The end of the call, or of its owner, has freed the slot. */
	if (r > 0)
		r = load_acquire(&c->id) == x->rq.id ? -EHOSTDOWN : -EIDRM;
	return r;
}

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
	r = call_await(x);
	return r < 0 ? r : call_collect(x);
}

/* End a direct execution whose handler returned @r.  It needs a slot only if
 * another thread is to answer. */
static int finish_direct(struct execution *x, struct serving *sv, int r)
{
	bool answered = r == 0;

	if (sv->failed)
		return sv->failed;
	if (sv->serial) {
		if (r != FUSION_CALL_DEFER)
			call_answer_serving(x->arena, sv, r);
		return wait_for_serving(x, sv);
	}
	if (!is_status(r))
		return -EBADMSG;
	return call_give_answer(x->answer, r, answered ? sv->word : 0,
				sv->data ? sv->data : sv->bytes,
				answered ? sv->size : 0);
}

static int execute_direct(struct execution *x)
{
	struct serving sv = {
		.request =
			{
				.arena = x->arena,
				.call = entry_handle(x->rq.call, x->rq.id),
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
	struct calls *calls = calls_existing(x->arena);
	int r = -EIDRM;

	if (calls) {
		r = call_run(calls, &sv);
		call_ran(calls, &sv);
	} else {
		sv.failed = r;
	}
	if (sv.oneway)
		r = sv.failed;
	else
		r = finish_direct(x, &sv, r);
	serving_finish(&sv);
	return r;
}

static int execute_call(struct execution *x)
{
	bool own = x->rq.call->owner == x->arena->id &&
		   x->rq.call->owner_slot == x->v->slot;

	if (own && (!(x->flags & FUSION_CALL_NODIRECT) || call_in_handler() ||
		    dispatch_is_mine(x->arena)))
		return execute_direct(x);
	return x->flags & FUSION_CALL_ONEWAY ? execute_one_way(x)
					     : execute_remote(x);
}

static int open_options(struct execution *x,
			const struct fusion_call_execute_options *options)
{
	struct fusion_call_execute_options o;
	const char *name = "fusion_call_execute_options";
	int r;

	x->wait.deadline_ns = -1;
	if (!options)
		return 0;
	r = options_copy(
		&o, sizeof(o),
		OPTIONS_FIRST(struct fusion_call_execute_options, timeout_ns),
		options, name);
	if (r < 0)
		return r;
	if (o.reserved)
		return refuse_reserved(name);
	if (o.flags & ~ALL_FLAGS)
		return refuse_flags(name, o.flags, ALL_FLAGS);
	if (o.flags & FUSION_CALL_QUEUE && !(o.flags & FUSION_CALL_ONEWAY))
		return refuse(-EINVAL,
			      "struct %s: FUSION_CALL_QUEUE is set without "
			      "FUSION_CALL_ONEWAY",
			      name);
	x->flags = o.flags;
	return wait_begin(o.timeout_ns ? o.timeout_ns : FUSION_FOREVER,
			  o.flags & WAIT_FLAGS, &x->wait);
}

static int check_bytes(const void *in, size_t size)
{
	const size_t most = UINT32_MAX - sizeof(uint64_t);

	if (!in && size)
		return refuse_null("call", "in");
	if (size > most)
		return refuse(-EINVAL, "call: %zu bytes, %zu are the most",
			      size, most);
	return 0;
}

/* Say of which call the owner is gone, or what has ended the execution. */
static int refuse_execution(const struct execution *x, int r)
{
	const struct call *c = x->rq.call;

	if (is_refused(r))
		return r;
	switch (-r) {
	case EHOSTDOWN:
	case ECONNRESET:
	case EBADMSG:
	case ETIMEDOUT:
	case EINTR:
	case ECANCELED:
	case EIDRM:
		return refuse(r, "call #%u of arena '%s', of member %u: %s",
			      x->rq.id, x->arena->name, c->owner,
			      error_meaning(r));
	}
	return r;
}

FUSION_API int
fusion_call_execute(struct fusion_call *call,
		    const struct fusion_call_execute_options *options,
		    uint64_t word, const void *in, size_t in_size,
		    struct fusion_call_answer *answer)
{
	struct execution x = {
		.rq = {.call = call_of(call), .word = word},
		.in = in,
		.answer = answer,
	};
	int r = open_options(&x, options);

	callback_check();
	if (r == 0)
		r = call_check_answer(answer);
	if (r == 0)
		r = check_bytes(in, in_size);
	if (r < 0)
		return told(r);
	x.cache = entry_cache(KIND_CALL, call, offsetof(struct call, id), &r);
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
	return told(r < 0 ? refuse_execution(&x, r) : r);
}
