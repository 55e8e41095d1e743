/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/file/thread.h"

#include <errno.h>
#include <unistd.h>

#include "libfusion/core/base/atomic.h"

/* Never 0: a token of 0 would be a free lock. */
static uint32_t next_token(uint32_t slot, uint32_t old)
{
	uint32_t gen = (TOKEN_GEN(old) + 1) & 0x3fff;

	return TOKEN(slot, gen ? gen : 1);
}

/* Reserve memory for record @i and its slot, then move the mark over it. Killed
 * in between: the memory is reserved again, which does nothing.  0, -errno. */
static int thread_publish(struct view *v, uint32_t i)
{
	uint32_t hi = load_relaxed(&v->sb->threads_hi);
	int r;

	if (i < hi)
		return 0;
	r = view_reserve(v, view_off(v, view_thread(v, i)),
			 sizeof(struct thread_rec));
	if (!r)
		r = view_reserve(v, v->geo.off_slots + (uint64_t)i * SLOT_SIZE,
				 SLOT_SIZE);
	/* A thread that sees the mark may read the record and its first slot
	 * (call.h).  Release: pairs with the acquire in view_hi(). */
	while (!r && hi <= i)
		if (cas_release(&v->sb->threads_hi, &hi, i + 1))
			break;
	return r;
}

int thread_claim(struct view *v, struct thread_rec **ret)
{
	for (uint32_t i = THREAD_RESERVED + 1; i < v->geo.max_threads; i++) {
		struct thread_rec *t = view_thread(v, i);
		uint32_t unused = 0;
		int r = thread_publish(v, i);

		if (r < 0)
			return r;
		/* Commit: the CAS.  Killed after it: recovery finds the record
		 * by its member.  The new owner must see that the record
		 * announces nothing.  Acquire: pairs with the release in
		 * thread_release(). */
		if (load_relaxed(&t->member) ||
		    !cas_acquire(&t->member, &unused, v->slot + 1))
			continue;
		/* Release, both, token before tid: pairs with the acquires in
		 * thread_is_dead(), which reads the token first and compares it
		 * at the end.  So it never takes our tid for that of the last
		 * owner. */
		store_release(&t->token, next_token(i, t->token));
		store_release(&t->tid, (uint32_t)gettid());
		*ret = t;
		return 0;
	}
	return -EMFILE;
}

void thread_release(struct view *v, struct thread_rec *t)
{
	(void)v;
	store_relaxed(&t->tid, 0);
	/* Release: pairs with the acquire in thread_claim(). */
	store_release(&t->member, 0);
}

/* Commit: member.  Killed after it: recovery finds the record by its member, or
 * the next process that needs the reserved record finds it
 * (recover_reserved()). */
struct thread_rec *thread_claim_reserved(struct view *v)
{
	struct thread_rec *t = view_thread(v, THREAD_RESERVED);

	t->tid = (uint32_t)gettid();
	/* A thread that sees the member must see its token.  Release, both:
	 * pairs with the acquires in thread_by_token() and life_suspect(). */
	store_release(&t->token, next_token(THREAD_RESERVED, t->token));
	store_release(&t->member, v->slot + 1);
	return t;
}

void thread_claim_undertaker(struct view *v)
{
	struct thread_rec *t = view_thread(v, 0);

	/* Release, all three: pairs with the acquires in thread_by_token() and
	 * thread_is_dead(). */
	store_release(&t->token, next_token(0, t->token));
	store_release(&t->tid, (uint32_t)gettid());
	store_release(&t->member, 1);
	v->rec = t;
}

const struct thread_rec *thread_by_token(const struct view *v, uint32_t token)
{
	const struct thread_rec *t;

	if (!token || TOKEN_SLOT(token) >=
			      view_hi(&v->sb->threads_hi, v->geo.max_threads))
		return NULL;
	t = view_thread(v, TOKEN_SLOT(token));
	/* Acquire, both: pairs with the releases in thread_claim() and
	 * thread_release(). */
	if ((load_acquire(&t->token) & TOKEN_MASK) != (token & TOKEN_MASK) ||
	    !load_acquire(&t->member))
		return NULL;
	return t;
}

uint32_t thread_member_id(const struct view *v, const struct thread_rec *t)
{
	uint32_t slot = load_relaxed(&t->member);

	return slot > 1 && slot <= v->geo.max_members + 1
		       ? load_relaxed(&view_member(v, slot - 1)->id)
		       : 0;
}
