/* SPDX-License-Identifier: GPL-2.0-or-later */
/* members/ */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/base/hint.h"
#include "fusionfs/files/objects.h"
#include "fusionfs/files/show.h"
#include "fusionfs/service/threads.h"
#include "fusionfs/service/undertaker.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/table_lens.h"

/* An item is the id of who is there, all of it, so that a file that stays open
 * never speaks of the next one in the slot. */
static uint32_t *hint(const struct arena *a, uint32_t id)
{
	return hint_of(a->life, HINT_MEMBER, id);
}

struct find {
	uint32_t slot, id;
	struct member_rec m;
	bool master;
};

/* Slot 0 is the daemon's own and no member. */
static int copy_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	const struct member_rec *m = view_member(&a->view, f->slot);

	if (!f->slot || f->slot >= members_hi(&a->view))
		return -ENOENT;
	memcpy(&f->m, m, sizeof(f->m));
	f->m.state = load_acquire(&m->state);
	if (f->m.state != MEMBER_JOINING && f->m.state != MEMBER_ALIVE &&
	    f->m.state != MEMBER_LEAVING)
		return -ENOENT;
	f->m.comm[15] = 0;
	for (char *p = f->m.comm; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	f->master = f->m.id == load_acquire(&a->view.sb->master);
	return 0;
}

static int find_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;

	f->slot = member_find(&a->view, f->id);
	return f->slot ? 0 : -ENOENT;
}

static int find_member(const struct node *dir, const char *name,
		       struct node *ret)
{
	struct find f = {.id = (uint32_t)strtoul(name, NULL, 10)};
	char again[16];
	int r;

	/* One name for each: no leading zeros, no signs. */
	snprintf(again, sizeof(again), "%u", f.id);
	if (!f.id || strcmp(again, name) != 0)
		return -ENOENT;
	r = guarded(dir->arena, find_guarded, &f);
	if (r < 0)
		return r;
	*hint(dir->arena, f.id) = f.slot;
	ret->item = f.id;
	return 0;
}

static int next_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	uint32_t hi = members_hi(&a->view);

	for (f->slot = f->slot ? f->slot : 1; f->slot < hi; f->slot++)
		if (copy_guarded(a, f) == 0)
			return 0;
	return -ENOENT;
}

static int next_member(const struct node *dir, uint64_t *at, char name[256],
		       struct node *ret)
{
	struct find f = {.slot = (uint32_t)*at};
	int r = guarded(dir->arena, next_guarded, &f);

	if (r < 0)
		return r;
	snprintf(name, 256, "%u", f.m.id);
	ret->item = f.m.id;
	*hint(dir->arena, f.m.id) = f.slot;
	*at = (uint64_t)f.slot + 1;
	return 0;
}

/* Of whom the daemon knows it by itself, that is told. */
static void tell_own(const struct arena *a, struct find *f)
{
	const struct tracked *t = undertaker_find(a, f->slot, f->m.id);

	if (!t || !t->verified)
		return;
	f->m.pid = (uint32_t)t->pid;
	f->m.uid = t->uid;
}

static int get_item(struct arena *a, uint32_t item, struct find *f)
{
	int r;

	f->slot = *hint(a, item);
	f->id = item;
	r = guarded(a, copy_guarded, f);
	if (r == -ENOENT || (r == 0 && f->m.id != item)) {
		r = guarded(a, find_guarded, f);
		if (r == 0)
			r = guarded(a, copy_guarded, f);
	}
	if (r == 0 && f->m.id != item)
		r = -ENOENT;
	if (r == 0) {
		*hint(a, item) = f->slot;
		tell_own(a, f);
	}
	return r;
}

static int get(const struct node *n, struct find *f)
{
	return get_item(n->arena, n->item, f);
}

int member_of(struct arena *a, uint32_t item, uint32_t *slot, uint32_t *id)
{
	struct find f;
	int r = get_item(a, item, &f);

	if (r < 0)
		return r;
	*slot = f.slot;
	*id = f.m.id;
	return 0;
}

static int check_member(const struct node *n)
{
	struct find f;

	return get(n, &f);
}

const struct items_ops member_items = {
	.find = find_member, .next = next_member, .check = check_member};

int member_status_show(const struct node *n, struct text *t)
{
	struct find f;
	int r = get(n, &f);

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
	struct find f;
	int r = get(n, &f);

	if (r == 0)
		text_add(t, "%u\n", f.m.pid);
	return r;
}

int member_comm_show(const struct node *n, struct text *t)
{
	struct find f;
	int r = get(n, &f);

	if (r == 0)
		text_add(t, "%s\n", f.m.comm);
	return r;
}

int member_role_show(const struct node *n, struct text *t)
{
	struct find f;
	int r = get(n, &f);

	if (r == 0)
		text_add(t, "%s\n", f.master ? "master" : "slave");
	return r;
}

/* The threads of the member in f->slot, one after another. */
static bool next_thread(struct view *v, const struct find *f, uint32_t *at,
			struct thread *ret)
{
	uint32_t hi = threads_hi(v);

	while (*at < hi)
		if (thread_at(v, (*at)++, ret) == 0 && ret->member == f->m.id)
			return true;
	return false;
}

/* A cheap look before the copy: the announcements are others' to write. */
static bool may_own(const struct view *v, enum entry_kind kind, uint32_t i,
		    uint32_t token)
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

/* What it has announced and really has. */
static void add_held(struct text *t, struct view *v, const struct thread *who)
{
	const struct thread_rec *rec = view_thread(v, who->index);
	union record o;

	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t i = ANNOUNCED_WHAT(load_relaxed(&rec->skirmishes[k]));

		if (!i || !may_own(v, KIND_SKIRMISH, i - 1, who->token) ||
		    table_copy(v, KIND_SKIRMISH, i - 1, &o) < 0 ||
		    SKIRMISH_OWNER(o.skirmish.word) != who->token)
			continue;
		text_add(t, "thread %u skirmish %s depth %" PRIu64 "\n",
			 who->tid, o.e.name, (uint64_t)o.skirmish.depth + 1);
	}
}

static void add_owned(struct text *t, struct view *v, const struct thread *who)
{
	const struct thread_rec *rec = view_thread(v, who->index);
	union record o;

	for (unsigned k = 0; k < THREAD_PROPERTIES; k++) {
		uint32_t i = load_relaxed(&rec->properties[k]);
		uint64_t w;

		if (!i || !may_own(v, KIND_PROPERTY, i - 1, who->token) ||
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
	struct find f;
	int r = get(n, &f);

	while (r == 0 && !t->cut && next_thread(v, &f, &at, &who)) {
		add_held(t, v, &who);
		add_owned(t, v, &who);
	}
	return r;
}

int member_waiting_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	struct wait_for waits;
	struct thread who;
	uint32_t at = 1;
	struct find f;
	int r = get(n, &f);

	while (r == 0 && !t->cut && next_thread(v, &f, &at, &who)) {
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
	struct find f;
	int r = get(n, &f);

	if (r == 0)
		refs_of_member_show(v, f.m.id, t);
	return r;
}

int member_joined_show(const struct node *n, struct text *t)
{
	struct find f;
	int r = get(n, &f);

	if (r < 0)
		return r;
	text_add_time(t, f.m.joined_ns);
	text_add(t, "\n");
	return 0;
}
