/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of recovery
 *
 * recover.h has the order and the reason for each step.  Two rules are behind
 * it: a lock is freed only once what it guards is whole, and what takes locks
 * comes after all locks of the dead are free.
 */
#include "libfusion/core/recovery/recover.h"

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/heap_recover.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/property_recover.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_recover.h"
#include "libfusion/core/names/table_recover.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_recover.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_recover.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_recover.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/cursor_recover.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/core/talk/ring_recover.h"

#define BATCH 64 /* tokens that the heap gets in one pass */

/* What was found, for one event. */
struct tally {
	unsigned ops, locks;
};

static void tally_record(struct tally *tally, const struct thread_rec *t)
{
	tally->ops +=
		!!load_relaxed(&t->span.op) + !!load_relaxed(&t->table.op) +
		!!load_relaxed(&t->pool.op) + !!load_relaxed(&t->ref.op) +
		!!load_relaxed(&t->row.op) + !!load_relaxed(&t->object.op);
	for (unsigned i = 0; i < THREAD_CORE_LOCKS; i++)
		tally->locks += t->core_locks[i] != 0;
}

static void log_tally(struct view *v, uint32_t slot, const struct tally *tally)
{
	uint32_t id = slot ? view_member(v, slot)->id : 0;

	if (tally->ops || tally->locks)
		event_log(v, life_rec(v), EVENT_RECOVERED, id,
			  "operations %u locks %u", tally->ops, tally->locks);
}

/* Finish what the thread was doing under core locks, then free these locks: the
 * next owner finds whole what they guard. */
static int recover_record(struct view *v, struct thread_rec *t)
{
	int r = heap_recover_intent(v, t);

	if (!r)
		r = table_recover(v, t);
	if (!r)
		r = ref_recover_locked(v, t);
	if (!r) {
		object_recover_locked(v, t);
		core_lock_recover(v, t);
	}
	return r;
}

/* Finish what needs locks that the dead may have held: a pending block, a
 * record in a ring, a call, an object, a reference on its way out.  Also a pool
 * that is DYING, which guards itself. */
static int recover_pending(struct view *v, struct thread_rec *t, bool alone)
{
	struct thread_rec *me;
	int r = heap_recover_pending(v, t);

	if (!r)
		r = heap_recover_pool(v, t);
	if (!r)
		r = ring_recover(v, t);
	if (!r)
		r = reactor_recover(v, t);
	if (!r)
		r = life_rec_get(v, &me);
	if (!r)
		r = call_recover(v, t, me, alone);
	if (!r)
		r = object_recover(v, t);
	return r ? r : ref_recover(v, t);
}

/* Find the next thread record of the member.  Never the caller's own: a
 * member that departs by itself still uses that, and gives it back with the
 * life lock. */
static struct thread_rec *next_thread_of(struct view *v, uint32_t slot,
					 uint32_t *at)
{
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	while (*at < hi) {
		struct thread_rec *t = view_thread(v, (*at)++);

		/* What the record's last owner announced must not be read.
		 * Acquire: pairs with the release in thread_release(). */
		if (load_acquire(&t->member) == slot + 1 && t != v->rec &&
		    t != v->gate.rec)
			return t;
	}
	return NULL;
}

/* Recover the slabs of all threads of the member, in few passes over the span
 * words. */
static int recover_slabs(struct view *v, uint32_t slot)
{
	uint32_t tokens[BATCH], at = 0;
	struct thread_rec *t;
	int r = 0;

	do {
		unsigned n = 0;

		while (n < BATCH && (t = next_thread_of(v, slot, &at)))
			tokens[n++] = thread_token(t);
		if (n)
			r = heap_recover_tokens(v, tokens, n);
	} while (t && !r);
	return r;
}

int recover_reserved(struct view *v, struct thread_rec **ret)
{
	struct thread_rec *t = view_thread(v, THREAD_RESERVED);
	uint32_t token = thread_token(t);
	int r = 0;

	/* Acquire: pairs with the release in thread_claim_reserved(). */
	if (load_acquire(&t->member)) {
		/* From here on life_rec() returns this record. */
		v->gate.rec = t;
		r = recover_record(v, t);
		if (!r)
			r = recover_pending(v, t, false);
		if (!r)
			r = heap_recover_tokens(v, &token, 1);
		v->gate.rec = NULL;
	}
	if (!r)
		*ret = thread_claim_reserved(v);
	return r;
}

int recover_member(struct view *v, uint32_t slot)
{
	struct tally tally = {0};
	struct thread_rec *t;
	uint32_t at = 0;
	int r;

	if (slot > v->geo.max_members)
		return -EIO;
	while ((t = next_thread_of(v, slot, &at))) {
		tally_record(&tally, t);
		r = recover_record(v, t);
		if (r < 0)
			return r;
	}
	for (at = 0; (t = next_thread_of(v, slot, &at));) {
		r = recover_pending(v, t, false);
		if (r < 0)
			return r;
	}
	/* The event comes when all locks are free: the event lock may be among
	 * them. */
	log_tally(v, slot, &tally);
	r = recover_slabs(v, slot);
	if (!r && slot)
		r = heap_recover_member(v, slot);
	if (!r && slot)
		r = message_recover_member(v, slot);
	if (!r && slot)
		r = ref_recover_member(v, slot);
	if (r < 0)
		return r;
	cursor_recover_member(v, slot);
	if (slot)
		object_recover_member(v, slot);
	/* The locks of users come last: the next owner of one finds all else
	 * whole. */
	for (at = 0; (t = next_thread_of(v, slot, &at));) {
		property_recover(v, t, life_rec(v));
		r = skirmish_recover(v, t, life_rec(v));
		if (r < 0)
			return r;
		thread_release(v, t);
	}
	/* The callers of the member have back whole what they lent to it: let
	 * them go on. */
	return slot ? call_recover_member(v, slot) : 0;
}

int recover_thread(struct view *v, struct thread_rec *t)
{
	uint32_t token = thread_token(t);
	int r = recover_record(v, t);

	lend_tell(v, t);
	if (!r)
		r = recover_pending(v, t, true);
	if (!r)
		r = heap_recover_tokens(v, &token, 1);
	if (r < 0)
		return r;
	cursor_recover_thread(v, t);
	property_recover(v, t, life_rec(v));
	r = skirmish_recover(v, t, life_rec(v));
	if (!r)
		thread_release(v, t);
	return r;
}

void recover_seen(struct view *v)
{
	object_duties_wake(v);
}
