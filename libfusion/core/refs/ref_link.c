/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A global count that belongs to a place: both are changed, or neither
 *
 * Under the guard.  Commit is the CAS of the place, which says to recovery
 * whether the count follows.  Invariant: without this guard nobody takes out
 * what a link has put into a place, and nobody puts back what an unlink has
 * taken out.  Another ref may come to a place that was cleared, so recovery
 * asks whether the place names this one.
 */
#include "libfusion/core/refs/ref_link.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_private.h"

static uint64_t *place_at(const struct view *v, uint64_t off)
{
	return off % 8 || !view_has(v, off, 8) ? NULL : view_at(v, off);
}

/* Announce @op: the place, the value that stands for the ref there, and the
 * count to be. */
static void announce_link(struct thread_rec *me, uint32_t op,
			  const struct ref_place *p, uint64_t global)
{
	struct intent *in = &me->ref;

	in->a[1] = p->off;
	in->a[2] = p->value;
	in->a[3] = global;
	compiler_fence();
	store_relaxed(&in->op, op);
	compiler_fence();
}

static void finish_link(struct view *v, struct thread_rec *me, struct ref *r)
{
	compiler_fence();
	store_relaxed(&me->ref.op, (uint32_t)REF_OP_TOUCH);
	compiler_fence();
	ref_settle(v, r);
}

static int link_locked(struct view *v, struct thread_rec *me, struct ref *r,
		       const struct ref_place *p)
{
	uint64_t none = 0, n = load_relaxed(&r->global);
	uint64_t *place = place_at(v, p->off);

	if (load_relaxed(&r->locker))
		return -EBUSY;
	if (n == UINT64_MAX)
		return -EOVERFLOW;
	if (load_relaxed(place))
		return -EEXIST;
	announce_link(me, REF_OP_LINK, p, n + 1);
	/* Commit.  Release: a member that finds the value in the place must
	 * find what it stands for whole.  Acquire: pairs with the CAS in
	 * unlink_locked(). */
	if (cas_acq_rel(place, &none, p->value))
		store_relaxed(&r->global, n + 1);
	finish_link(v, me, r);
	return none ? -EEXIST : 0;
}

static int unlink_locked(struct view *v, struct thread_rec *me, struct ref *r,
			 const struct ref_place *p)
{
	uint64_t was = p->value, n = load_relaxed(&r->global);
	bool done;

	/* The place may belong to something else by now. */
	if (load_relaxed(place_at(v, p->off)) != was)
		return -ESTALE;
	if (!n)
		return -EPERM;
	announce_link(me, REF_OP_UNLINK, p, n - 1);
	/* Commit.  Acquire and release: pairs with the CAS in link_locked(). */
	done = cas_acq_rel(place_at(v, p->off), &was, 0ull);
	compiler_fence();
	if (done)
		store_relaxed(&r->global, n - 1);
	finish_link(v, me, r);
	return done ? 0 : -ESTALE;
}

static int change_place(struct view *v, struct thread_rec *me, struct ref *r,
			const struct ref_place *p,
			int (*fn)(struct view *, struct thread_rec *,
				  struct ref *, const struct ref_place *))
{
	struct core_lock *guard;
	int rc = place_at(v, p->off) ? ref_enter(v, me, r, p->id, &guard)
				     : -EINVAL;

	if (rc < 0)
		return rc;
	rc = fn(v, me, r, p);
	ref_leave(v, me, guard);
	return rc;
}

int ref_link(struct view *v, struct thread_rec *me, struct ref *r,
	     const struct ref_place *p)
{
	return change_place(v, me, r, p, link_locked);
}

int ref_unlink(struct view *v, struct thread_rec *me, struct ref *r,
	       const struct ref_place *p)
{
	return change_place(v, me, r, p, unlink_locked);
}

/* The place says whether the change was committed: the announced count follows,
 * or the old one stays. */
int ref_link_recover(const struct view *v, struct ref *r,
		     const struct intent *in)
{
	const uint64_t *place = place_at(v, in->a[1]);
	bool is_link = in->op == REF_OP_LINK, there;

	if (!place)
		return -EIO;
	there = load_relaxed(place) == in->a[2];
	if (there == is_link && !SEED_BUG(70))
		store_relaxed(&r->global, in->a[3]);
	return 0;
}
