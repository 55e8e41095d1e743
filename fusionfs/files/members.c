/* SPDX-License-Identifier: GPL-2.0-or-later */
/* members/ */
#include "fusionfs/files/members.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/base/hint.h"
#include "fusionfs/base/parse.h"
#include "fusionfs/files/properties.h"
#include "fusionfs/files/refs.h"
#include "fusionfs/service/threads.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/world/record.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/table_lens.h"

struct member_search {
	struct search search;
	struct member_rec m;
	bool master;
};

static uint32_t members_end(const struct view *v, const struct search *s)
{
	(void)s;
	return members_hi(v);
}

/* Slot 0 is the daemon's own and no member. */
static int copy_member(struct view *v, struct search *s)
{
	struct member_search *f = (struct member_search *)s;
	const struct member_rec *m = view_member(v, s->at);

	if (!s->at || s->at >= members_hi(v))
		return -ENOENT;
	memcpy(&f->m, m, sizeof(f->m));
	/* Acquire: pairs with the releases in member_claim() and life_depart().
	 * The copy is of no one moment all the same: it is for showing. */
	f->m.state = load_acquire(&m->state);
	if (f->m.state != MEMBER_JOINING && f->m.state != MEMBER_ALIVE &&
	    f->m.state != MEMBER_LEAVING)
		return -ENOENT;
	f->m.comm[15] = 0;
	text_make_printable(f->m.comm);
	/* Acquire: pairs with the release in member_claim(). */
	f->master = f->m.id == load_acquire(&v->sb->master);
	s->id = f->m.id;
	return 0;
}

static int find_member_slot(struct view *v, struct search *s)
{
	s->at = member_find(v, s->id);
	return s->at ? 0 : -ENOENT;
}

static const struct search_ops member_ops = {
	.hint = HINT_MEMBER,
	.end = members_end,
	.copy = copy_member,
	.find = find_member_slot,
};

static int find_member(const struct node *dir, const char *name,
		       struct node *ret)
{
	struct member_search f = {.search.ops = &member_ops};
	uint32_t id;
	int r = parse_number(name, UINT32_MAX, &id);

	if (r < 0 || !id)
		return -ENOENT;
	f.search.id = id;
	r = search_find(dir->arena, &f.search);
	if (r == 0)
		ret->item = search_keep_hint(dir->arena, &f.search);
	return r;
}

static int next_member(const struct node *dir, uint64_t *at, char name[256],
		       struct node *ret)
{
	struct member_search f = {
		.search = {.ops = &member_ops, .at = (uint32_t)*at},
	};
	int r = search_next(dir->arena, &f.search);

	if (r < 0)
		return r;
	snprintf(name, 256, "%u", f.m.id);
	ret->item = search_keep_hint(dir->arena, &f.search);
	*at = (uint64_t)f.search.at + 1;
	return 0;
}

/* Prefer the pid and uid that the daemon knows by itself. */
static void prefer_tracked(const struct arena *a, struct member_search *f)
{
	const struct tracked *t = undertaker_find(a, f->search.at, f->m.id);

	if (!t || !t->verified)
		return;
	f->m.pid = (uint32_t)t->pid;
	f->m.uid = t->uid;
}

static int get_member(const struct node *n, struct member_search *f)
{
	int r;

	f->search.ops = &member_ops;
	r = search_id(n->arena, &f->search, n->item);
	if (r == 0)
		prefer_tracked(n->arena, f);
	return r;
}

int member_slot(const struct node *n, uint32_t *slot)
{
	struct member_search f;
	int r = get_member(n, &f);

	if (r == 0)
		*slot = f.search.at;
	return r;
}

static int check_member(const struct node *n)
{
	struct member_search f;

	return get_member(n, &f);
}

const struct items_ops member_items = {
	.find = find_member,
	.next = next_member,
	.check = check_member,
};

int member_status_show(const struct node *n, struct text *t)
{
	struct member_search f;
	int r = get_member(n, &f);

	if (r < 0)
		return r;
	text_add(t, "id %u\npid %u\ncomm %s\n", f.m.id, f.m.pid, f.m.comm);
	text_add(t, "role %s\nstate %s\n", f.master ? "master" : "slave",
		 member_state_name(f.m.state));
	text_add(t, "uid %u\ngid %u\njoined ", f.m.uid, f.m.gid);
	text_add_time(t, f.m.joined_ns);
	text_add(t, "\n");
	return 0;
}

int member_pid_show(const struct node *n, struct text *t)
{
	struct member_search f;
	int r = get_member(n, &f);

	if (r == 0)
		text_add(t, "%u\n", f.m.pid);
	return r;
}

int member_comm_show(const struct node *n, struct text *t)
{
	struct member_search f;
	int r = get_member(n, &f);

	if (r == 0)
		text_add(t, "%s\n", f.m.comm);
	return r;
}

int member_role_show(const struct node *n, struct text *t)
{
	struct member_search f;
	int r = get_member(n, &f);

	if (r == 0)
		text_add(t, "%s\n", f.master ? "master" : "slave");
	return r;
}

/* Step to the next thread of the member. */
static bool next_thread_of_member(struct view *v, const struct member_search *f,
				  uint32_t *at, struct thread *ret)
{
	uint32_t hi = threads_hi(v);

	while (*at < hi)
		if (thread_at(v, (*at)++, ret) == 0 && ret->member == f->m.id)
			return true;
	return false;
}

/* May the thread @token own entry @i?  A cheap look before the copy, as members
 * can write what they like into the announcements. */
static bool may_thread_own(const struct view *v, enum entry_kind kind,
			   uint32_t i, uint32_t token)
{
	uint64_t word;

	if (i >= table_hi(v, kind))
		return false;
	if (kind == KIND_SKIRMISH)
		word = load_relaxed(
			&((struct skirmish *)view_entry(v, kind, i))->word);
	else
		word = load_relaxed(
			&((struct property *)view_entry(v, kind, i))->word);
	return (word & TOKEN_MASK) == token;
}

/* Add the skirmishes that the thread has announced and really holds. */
static void add_held_skirmishes(struct text *t, struct view *v,
				const struct thread *who)
{
	const struct thread_rec *rec = view_thread(v, who->index);
	union record o;

	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t i = ANNOUNCED_WHAT(load_relaxed(&rec->skirmishes[k]));

		if (!i ||
		    !may_thread_own(v, KIND_SKIRMISH, i - 1, who->token) ||
		    table_copy(v, KIND_SKIRMISH, i - 1, &o) < 0 ||
		    SKIRMISH_OWNER(o.skirmish.word) != who->token)
			continue;
		text_add(t, "thread %u skirmish %s depth %" PRIu64 "\n",
			 who->tid, o.e.name, (uint64_t)o.skirmish.depth + 1);
	}
}

static void add_held_properties(struct text *t, struct view *v,
				const struct thread *who)
{
	const struct thread_rec *rec = view_thread(v, who->index);
	union record o;

	for (unsigned k = 0; k < THREAD_PROPERTIES; k++) {
		uint32_t i = load_relaxed(&rec->properties[k]);
		uint64_t w;

		if (!i ||
		    !may_thread_own(v, KIND_PROPERTY, i - 1, who->token) ||
		    table_copy(v, KIND_PROPERTY, i - 1, &o) < 0)
			continue;
		w = o.property.word;
		if (PROPERTY_OWNER(w) == who->token)
			text_add(t, "thread %u property %s %s levels %u\n",
				 who->tid, o.e.name, property_state_name(w),
				 PROPERTY_LEVELS(w));
	}
}

int member_held_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	struct thread who;
	uint32_t at = 1;
	struct member_search f;
	int r = get_member(n, &f);

	while (r == 0 && !t->cut && next_thread_of_member(v, &f, &at, &who)) {
		add_held_skirmishes(t, v, &who);
		add_held_properties(t, v, &who);
	}
	return r;
}

int member_waiting_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	struct wait_for waits;
	struct thread who;
	uint32_t at = 1;
	struct member_search f;
	int r = get_member(n, &f);

	while (r == 0 && !t->cut && next_thread_of_member(v, &f, &at, &who)) {
		if (thread_waits(v, who.index, &waits) < 0)
			continue;
		text_add(t, "thread %u ", who.tid);
		text_add_object(t, v, waits.kind, waits.index);
		text_add(t, " owner ");
		text_add_owner(t, v, waits.owner);
		text_add(t, "\n");
	}
	return r;
}

int member_refs_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	struct member_search f;
	int r = get_member(n, &f);

	if (r == 0)
		refs_of_member_show(v, f.m.id, t);
	return r;
}

int member_joined_show(const struct node *n, struct text *t)
{
	struct member_search f;
	int r = get_member(n, &f);

	if (r < 0)
		return r;
	text_add_time(t, f.m.joined_ns);
	text_add(t, "\n");
	return 0;
}
