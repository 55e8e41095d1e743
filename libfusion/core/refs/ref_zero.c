/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * At zero: the lock that keeps a ref there, and the watch
 *
 * Lock and watch belong to a member, not to a thread, and are one word of the
 * ref each.  Invariant: that member has a row of the ref, so its death finds
 * both.  All changes are made under the guard.
 */
#include "libfusion/core/refs/ref_zero.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_private.h"

static uint64_t who_word(struct ref_member m)
{
	return REF_WHO(m.slot, m.id);
}

static int lock_zero_guarded(struct view *v, struct ref *r, struct ref_member m)
{
	if (load_relaxed(&r->locker) || ref_total_any(v, r))
		return -EBUSY;
	/* Commit. */
	store_relaxed(&r->locker, who_word(m));
	return 0;
}

/* Try to lock @r at zero.  If it is busy, *ret_seq is what to sleep on: the
 * guard makes the look and the number one. */
static int try_zero_lock(struct view *v, struct thread_rec *me, struct ref *r,
			 uint32_t id, uint32_t *ret_seq)
{
	struct ref_member m = ref_member_of(v, me);
	struct core_lock *guard;
	struct ref_row *row;
	int rc = ref_enter_row(v, me, r, id, m, &guard, &row);

	if (rc < 0)
		return rc;
	rc = lock_zero_guarded(v, r, m);
	if (rc == -EBUSY && ret_seq) {
		store_relaxed(&r->sleepers, 1);
		*ret_seq = load_relaxed(&r->seq);
	}
	ref_leave(v, me, guard);
	return rc;
}

int ref_zero_trylock_id(struct view *v, struct thread_rec *me, struct ref *r,
			uint32_t id)
{
	return try_zero_lock(v, me, r, id, NULL);
}

int ref_zero_trylock(struct view *v, struct thread_rec *me, struct ref *r)
{
	return ref_zero_trylock_id(v, me, r, load_acquire(&r->id));
}

int ref_zero_lock(struct view *v, struct thread_rec *me, struct ref *r,
		  struct wait *wait)
{
	int64_t nap = SUSPECT_FIRST_NS, left;
	int slept;
	/* Acquire: pairs with the release in ref_init(). */
	uint32_t id = load_acquire(&r->id), seq = 0;
	int rc;

	/* The futex compares seq, which ref_wake() changes under the guard.
	 * What a woken thread reads, it reads under the guard. */
	while ((rc = try_zero_lock(v, me, r, id, &seq)) == -EBUSY) {
		left = wait_nap(wait, nap);
		if (!left)
			return wait_error(wait);
		slept = futex_wait(&r->seq, seq, left);
		wait_slept(wait, slept);
		if (slept != -ETIMEDOUT)
			continue;
		/* A member that counts may be dead, and the daemon gone. */
		life_sweep(v);
		if (nap < SUSPECT_LAST_NS)
			nap *= 2;
	}
	return rc;
}

int ref_unlock(struct view *v, struct thread_rec *me, struct ref *r)
{
	struct core_lock *guard;
	int rc = ref_enter(v, me, r, load_acquire(&r->id), &guard);

	if (rc < 0)
		return rc;
	rc = -EPERM;
	if (load_relaxed(&r->locker) == who_word(ref_member_of(v, me))) {
		/* Commit. */
		store_relaxed(&r->locker, 0);
		compiler_fence();
		/* A ref that inherits may have gone up meanwhile: settle. */
		ref_settle(v, r);
		ref_wake(r);
		rc = 0;
	}
	ref_leave(v, me, guard);
	return rc;
}

int ref_watch(struct view *v, struct thread_rec *me, struct ref *r,
	      uint64_t *ret_falls)
{
	struct ref_member m = ref_member_of(v, me);
	struct core_lock *guard;
	struct ref_row *row;
	int rc = ref_enter_row(v, me, r, load_acquire(&r->id), m, &guard, &row);

	if (rc < 0)
		return rc;
	if (load_relaxed(&r->watcher)) {
		rc = -EBUSY;
	} else if (!ref_total_any(v, r)) {
		rc = -EINVAL;
	} else {
		*ret_falls = REF_FALLS(load_relaxed(&r->falls));
		/* Commit. */
		store_relaxed(&r->watcher, who_word(m));
	}
	ref_leave(v, me, guard);
	return rc;
}

int ref_unwatch(struct view *v, struct thread_rec *me, struct ref *r)
{
	struct core_lock *guard;
	int rc = ref_enter(v, me, r, load_acquire(&r->id), &guard);

	if (rc < 0)
		return rc;
	if (load_relaxed(&r->watcher) == who_word(ref_member_of(v, me)))
		store_relaxed(&r->watcher, 0);
	else
		rc = -EPERM;
	ref_leave(v, me, guard);
	return rc;
}

void ref_watcher_wake(const struct view *v, uint32_t slot)
{
	uint32_t *seq;

	if (!slot || slot > v->geo.max_members || slot >= members_hi(v))
		return;
	seq = &view_member(v, slot)->ref_seq;
	/* Release: pairs with the acquire of ref_seq by the watching thread.
	 * It must see what has fallen. */
	add_release(seq, 1);
	futex_wake(seq, INT_MAX);
}

void ref_watchers_wake(const struct view *v)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++)
		/* Acquire: pairs with the release in member_claim(). */
		if (load_acquire(&view_member(v, i)->state) != MEMBER_FREE)
			ref_watcher_wake(v, i);
}
