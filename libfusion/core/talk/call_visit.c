/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of visitors
 *
 * The daemon calls for a visitor with the visitor's own thread record, in the
 * slot of that record.  It must not sleep and has no caches: requests that do
 * not fit into a record go through a block of the heap.
 *
 * Invariant: a visitor has one call at a time, and its slot is not IDLE until
 * call_end().
 */
#include "libfusion/core/talk/call_visit.h"

#include "libfusion/core/talk/call.h"

#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/bell.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_slot.h"

/* The slot of the visitor's call, NULL it has none.  Acquire: pairs with the
 * release in call_finish(); an answer that is seen is seen whole. */
static struct call_slot *visitor_slot(const struct view *v,
				      const struct thread_rec *me)
{
	struct call_slot *s = call_slot_at(v, thread_slot(v, me));

	return load_relaxed(&s->owner) == thread_token(me) &&
			       SLOT_STATE(load_acquire(&s->st)) != SLOT_IDLE
		       ? s
		       : NULL;
}

/* Put the word and the bytes into a block, which the record has. */
static int write_block(struct view *v, struct thread_rec *me, uint64_t word,
		       const void *data, uint32_t size)
{
	uint64_t off = view_off(v, &me->msg_block);
	/* One may be left that could not be freed: the lock was held. */
	int r = load_relaxed(&me->msg_block) ? block_free_from(v, me, off) : 0;
	void *p;

	if (r == 0)
		r = block_alloc_to(v, me, sizeof(word) + (uint64_t)size, off);
	if (r < 0)
		return r;
	if (block_in(v, off, &p) < sizeof(word) + (uint64_t)size)
		return -EIO;
	memcpy(p, &word, sizeof(word));
	memcpy((char *)p + sizeof(word), data, size);
	return 0;
}

static int send_request(struct view *v, struct thread_rec *me,
			const struct call_request *rq, uint64_t serial,
			const void *data)
{
	unsigned char bytes[RING_INLINE];
	int r;

	if (sizeof(rq->word) + (uint64_t)rq->size <= sizeof(bytes)) {
		memcpy(bytes, &rq->word, sizeof(rq->word));
		if (rq->size)
			memcpy(bytes + sizeof(rq->word), data, rq->size);
		return call_message(v, me, rq, serial, bytes, NULL);
	}
	r = write_block(v, me, rq->word, data, rq->size);
	if (r == 0)
		r = call_message(v, me, rq, serial, NULL, NULL);
	if (r < 0)
		block_free_from(v, me, view_off(v, &me->msg_block));
	return r;
}

int call_post(struct view *v, struct thread_rec *me, uint32_t index,
	      uint32_t id, uint64_t word, const void *data, uint32_t size)
{
	struct call_request rq = {
		.id = id,
		.flags = SLOT_VISITOR,
		.word = word,
		.size = size,
	};
	struct call_slot *s;
	uint32_t seq;
	int r;

	if (index >= table_hi(v, KIND_CALL) || size > INT32_MAX)
		return -EINVAL;
	/* Acquire: pairs with the release in call_slot_end(). */
	if (SLOT_STATE(load_acquire(
		    &call_slot_at(v, thread_slot(v, me))->st)) != SLOT_IDLE)
		return -EBUSY;
	rq.call = view_entry(v, KIND_CALL, index);
	r = call_begin(v, me, &rq, &s);
	if (r == -EDQUOT) {
		visitor_ask(&rq.call->visitors);
		r = call_begin(v, me, &rq, &s);
	}
	if (r < 0)
		return r == -EDQUOT ? -EAGAIN : r;
	seq = SLOT_SEQ(load_relaxed(&s->st));
	r = send_request(v, me, &rq, CALL_SERIAL(call_slot_index(v, s), seq),
			 data);
	if (r < 0)
		call_drop(v, me, s, seq);
	return r;
}

/* Find the answer, checking what the callee has written. */
static int read_answer(struct view *v, struct call_slot *s, uint64_t st,
		       struct call_answer *ret)
{
	uint32_t len = load_relaxed(&s->len);
	void *p = s->bytes;

	if (len > SLOT_INLINE && block_in(v, view_off(v, &s->block), &p) < len)
		return -EIO;
	*ret = (struct call_answer){
		.status = -(int)SLOT_EXTRA(st),
		.word = load_relaxed(&s->ret),
		.data = p,
		.size = len,
	};
	return 0;
}

/* Tell whether the state is none that a pending call has, or names a thread
 * that is not there as the one that returns.  The last load must not be older
 * than the end of that thread.  Acquire of the member: pairs with the release
 * in thread_release().  Acquire of the word: pairs with that in call_finish().
 */
static bool is_state_impossible(const struct view *v, const struct call_slot *s,
				uint64_t st)
{
	uint32_t who = SLOT_EXTRA(st);

	if (SLOT_STATE(st) != SLOT_POSTED && SLOT_STATE(st) != SLOT_RETURNING)
		return true;
	return SLOT_STATE(st) == SLOT_RETURNING &&
	       (who >= view_hi(&v->sb->threads_hi, v->geo.max_threads) ||
		!load_acquire(&view_thread(v, who)->member)) &&
	       load_acquire(&s->st) == st;
}

int call_poll(struct view *v, struct thread_rec *me, struct call_answer *ret)
{
	struct call_slot *s = visitor_slot(v, me);
	/* Acquire: pairs with the release in call_finish().  An answer that is
	 * seen is seen whole. */
	uint64_t st = s ? load_acquire(&s->st) : 0;
	int r;

	if (!s)
		return -ENODATA;
	switch (SLOT_STATE(st)) {
	case SLOT_DONE:
		r = read_answer(v, s, st, ret);
		break;
	case SLOT_FAILED:
		r = -(int)SLOT_EXTRA(st);
		break;
	default:
		if (is_state_impossible(v, s, st)) {
			r = -EIO;
			break;
		}
		/* The owner may be gone without a word: nobody was told. */
		if (member_at(v, load_relaxed(&s->callee_slot),
			      load_relaxed(&s->callee_id)))
			return -EAGAIN;
		r = -call_gone_error(v, s, st);
		/* The owner may have answered before it went: the word, which
		 * is older, does not say so.  Acquire: this load is not older
		 * than what says that the owner is gone. */
		if (load_acquire(&s->st) != st && !SEED_BUG(108))
			return -EAGAIN;
	}
	if (r < 0)
		call_end(v, me);
	return r;
}

void call_end(struct view *v, struct thread_rec *me)
{
	struct call_slot *s = visitor_slot(v, me);
	uint64_t st;

	if (!s || call_withdraw(v, me, s, &st) || call_abandon(s, &st))
		return;
	call_slot_free(v, me, s);
}
