/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of a call, its numbers, and its quotas
 *
 * A quota limits how many executions a member may have pending.  Nothing counts
 * them: call_pending() looks at all slots, so a death leaves no wrong number.
 * The count and the store of POSTED are made under call.lock, so two callers
 * cannot both take the last place (post_slot_limited()).
 */
#include "libfusion/core/talk/call.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/bell.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/talk/call_return.h"
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
	/* Release: pairs with the acquire in take_filled_slot() and of the
	 * library's calls.  A caller that sees the id must see the owner. */
	store_release(&c->id, load_relaxed(&c->e.id));
}

void call_fini(struct view *v, void *rec)
{
	struct call *c = rec;

	/* The drawing is at post_and_check(): the id, then the slots.  Release
	 * of the id: a caller that loads it with acquire only learns that the
	 * call is gone. */
	store_release(&c->id, 0u);
	full_fence();
	call_fail_all(v, c, load_relaxed(&c->e.id), CALL_ANYBODY, EIDRM);
	/* Release: pairs with the acquire of seq in the library.  A waiter that
	 * sees the new number must see the call destroyed. */
	add_release(&c->seq, 1);
	futex_wake(&c->seq, INT_MAX);
	visitor_tell(v->sb, &c->visitors);
}

void call_count(struct call *c, bool failed)
{
	/* Relaxed: these are numbers for people, as are the next. */
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

	/* Acquire, here and in the loop: pairs with the release of the row in
	 * call_set_limit().  The rows are read behind the mark that says that
	 * there are any. */
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

/* Commit: the store of the row.  Killed before it: `limited` may be set without
 * a quota, which costs callers time and nothing else. */
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
		/* Commit.  Release: pairs with the acquires in call_limit() and
		 * has_quota(); `limited` is set first. */
		store_release(row, q);
	}
	core_unlock(v, me, &c->lock);
	if (!row && q)
		return -ENOSPC;
	call_ended(v, c);
	return 0;
}

/*
 *   the thread that ends an execution     the thread that waits for a quota
 *   slot's word                           waiters++
 *   fence                                 fence
 *   waiters? seq + 1, wake                seen = seq; count: too many
 *                                         sleep while seq == seen
 */
void call_ended(struct view *v, struct call *c)
{
	full_fence();
	if (!c)
		return;
	visitor_tell(v->sb, &c->visitors);
	if (!load_relaxed(&c->waiters))
		return;
	/* Release: pairs with the acquire of seq in the library.  A waiter that
	 * sees the new number must see the slot ended. */
	add_release(&c->seq, 1);
	futex_wake(&c->seq, INT_MAX);
}

uint32_t call_pending(const struct view *v, const struct call *c,
		      uint32_t caller)
{
	uint32_t what = call_index(v, c) + 1, at = 0, n = 0;
	const struct call_slot *s;

	while ((s = call_slot_next(v, &at))) {
		/* Acquire: pairs with the release in post_slot(); what the slot
		 * says of its call is read behind its state. */
		unsigned state = SLOT_STATE(load_acquire(&s->st));

		n += (state == SLOT_POSTED || state == SLOT_RETURNING) &&
		     load_relaxed(&s->call) == what &&
		     load_relaxed(&s->call_id) == load_relaxed(&c->id) &&
		     (caller == CALL_ANYBODY ||
		      load_relaxed(&s->caller_id) == caller);
	}
	return n;
}
