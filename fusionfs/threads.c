/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/threads.h"

#include <errno.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/life.h"
#include "libfusion/core/thread.h"

uint32_t threads_hi(const struct view *v)
{
	return view_hi(&v->sb->threads_hi, v->geo.max_threads);
}

int thread_at(struct view *v, uint32_t i, struct thread *ret)
{
	const struct thread_rec *t;
	uint32_t slot;

	if (i >= threads_hi(v))
		return -ENOENT;
	t = view_thread(v, i);
	/* Acquire: pairs with the release in thread_claim(). */
	slot = load_acquire(&t->member);
	if (!slot || slot > members_hi(v))
		return -ENOENT;
	*ret = (struct thread){
		.index = i,
		.token = load_acquire(&t->token) & TOKEN_MASK,
		.tid = load_relaxed(&t->tid),
		.member = slot == 1 ? 0 : view_member(v, slot - 1)->id,
	};
	return 0;
}

int thread_of_token(struct view *v, uint32_t token, struct thread *ret)
{
	struct thread t;
	int r;

	token &= TOKEN_MASK;
	r = token ? thread_at(v, TOKEN_SLOT(token), &t) : -ENOENT;
	if (r < 0 || t.token != token)
		return -ENOENT;
	*ret = t;
	return 0;
}

unsigned threads_waiting(struct view *v, uint32_t index)
{
	uint32_t hi = threads_hi(v);
	unsigned n = 0;

	for (uint32_t i = 1; i < hi; i++) {
		const struct thread_rec *t = view_thread(v, i);

		n += load_relaxed(&t->waits_for) == index + 1 &&
		     load_relaxed(&t->member);
	}
	return n;
}

void text_add_thread(struct text *t, const struct thread *who)
{
	if (who->member)
		text_add(t, "member %u thread %u", who->member, who->tid);
	else
		text_add(t, "shell %u", who->tid);
}

void text_add_owner(struct text *t, struct view *v, uint32_t token)
{
	struct thread who;

	if (thread_of_token(v, token, &who) == 0)
		text_add_thread(t, &who);
	else
		text_add(t, "none");
}
