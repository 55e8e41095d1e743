/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/threads.h"

#include <errno.h>

#include "fusionfs/world/record.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/locks/skirmish_ring.h"
#include "libfusion/core/names/table_lens.h"

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
		/* Acquire: pairs with the release of the token in
		 * thread_claim(). */
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

static int waits_for_skirmish(struct view *v, const struct thread_rec *t,
			      struct wait_for *ret)
{
	const struct thread_rec *owner;
	const struct skirmish *s;
	uint32_t index;

	owner = skirmish_blocker(v, t, &index);
	if (!owner)
		return -ENOENT;
	s = view_entry(v, KIND_SKIRMISH, index);
	*ret = (struct wait_for){
		.kind = KIND_SKIRMISH,
		.index = index,
		.owner = load_relaxed(&owner->token) & TOKEN_MASK,
		.taken = load_relaxed(&s->taken),
	};
	return 0;
}

/* A thread announces the properties that it has and those that it wants. */
static int waits_for_property(struct view *v, const struct thread_rec *t,
			      uint32_t token, struct wait_for *ret)
{
	uint32_t hi = table_hi(v, KIND_PROPERTY);

	for (unsigned k = 0; k < THREAD_PROPERTIES; k++) {
		uint32_t i = load_relaxed(&t->properties[k]), owner;
		const struct property *p;

		if (!i || i > hi)
			continue;
		p = view_entry(v, KIND_PROPERTY, i - 1);
		/* Acquire: pairs with the release by which property.c gives it
		 * back. */
		owner = PROPERTY_OWNER(load_acquire(&p->word));
		if (!owner || owner == token)
			continue;
		*ret = (struct wait_for){
			.kind = KIND_PROPERTY,
			.index = i - 1,
			.owner = owner,
			.taken = load_relaxed(&p->leased) +
				 load_relaxed(&p->purchased),
		};
		return 0;
	}
	return -ENOENT;
}

int thread_waits(struct view *v, uint32_t i, struct wait_for *ret)
{
	const struct thread_rec *t = view_thread(v, i);
	struct thread who;
	int r = thread_at(v, i, &who);

	if (r < 0)
		return r;
	r = waits_for_skirmish(v, t, ret);
	return r ? waits_for_property(v, t, who.token, ret) : 0;
}

void text_add_object(struct text *t, struct view *v, enum entry_kind kind,
		     uint32_t index)
{
	union record o;

	text_add(t, "%s ", kind_ops[kind].name);
	if (table_copy(v, kind, index, &o) == 0)
		text_add(t, "%s", o.e.name);
	else
		text_add(t, "-");
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
