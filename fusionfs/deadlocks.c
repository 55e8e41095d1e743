/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deadlocks: rings of threads of which each waits for a lock of the next
 *
 * A thread waits for one lock, which has one owner; so from each thread one
 * path leads on, and a walk that meets itself has found a ring.  All of this
 * changes while we look.  So a ring is written down and looked at again: if
 * each still waits for the same lock, and each lock has still the same owner
 * and was taken no more often, the owners have had their locks all the time in
 * between, and waited.
 *
 * A shell that holds one file's lock and waits for another's is one thread.
 */
#include <errno.h>

#include "fusionfs/objects.h"
#include "fusionfs/show.h"
#include "fusionfs/threads.h"
#include "fusionfs/visitors.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/thread.h"

#define THREADS_MAX 16384 /* of the largest span, geometry.c */

/* A thread in a ring. */
struct link {
	struct thread who;
	uint32_t waits; /* index of the skirmish it waits for */
	uint32_t owner; /* token of who has that */
	uint64_t taken; /* how often it was, then */
	uint32_t next;	/* record of the thread that the ring goes on with */
};

/* One thread, one ring at a time: kept off the stack. */
static struct link ring[THREADS_MAX];
static uint16_t seen[THREADS_MAX]; /* by which walk, 0 none */

/* From thread @i to the one it waits for.  0, -ENOENT it waits for none. */
static int look(struct arena *a, uint32_t i, struct link *ret)
{
	struct view *v = &a->view;
	const struct thread_rec *owner, *other;
	const struct skirmish *s;
	int r = thread_at(v, i, &ret->who);

	if (r < 0)
		return r;
	owner = skirmish_blocker(v, view_thread(v, i), &ret->waits);
	if (!owner)
		return -ENOENT;
	s = view_entry(v, KIND_SKIRMISH, ret->waits);
	ret->owner = load_relaxed(&owner->token) & TOKEN_MASK;
	ret->taken = load_relaxed(&s->taken);
	other = load_relaxed(&owner->member) == 1
			? visitor_who_waits(a, load_relaxed(&owner->tid))
			: NULL;
	ret->next = thread_slot(v, other ? other : owner);
	return ret->next < THREADS_MAX ? 0 : -ENOENT;
}

static bool is_same(const struct link *l, const struct link *m)
{
	return l->who.token == m->who.token && l->waits == m->waits &&
	       l->owner == m->owner && l->taken == m->taken &&
	       l->next == m->next;
}

/* Write down the ring that goes through thread @first.  How many are in it, 0
 * there is none, or not any more. */
static uint32_t write_down(struct arena *a, uint32_t first)
{
	uint32_t n = 0, i = first;
	struct link again;

	do {
		if (n == THREADS_MAX || look(a, i, &ring[n]) < 0)
			return 0;
		i = ring[n++].next;
	} while (i != first);
	for (uint32_t k = 0; k < n; k++)
		if (look(a, ring[k].who.index, &again) < 0 ||
		    !is_same(&ring[k], &again))
			return 0;
	return n > 1 ? n : 0;
}

static void add_name(struct text *t, struct view *v, uint32_t index)
{
	union object o;

	if (table_copy(v, KIND_SKIRMISH, index, &o) == 0)
		text_add(t, "%s", o.e.name);
	else
		text_add(t, "-");
}

/* From the oldest record on, so that a ring is always the same line. */
static void add_ring(struct text *t, struct view *v, uint32_t n)
{
	uint32_t first = 0;

	for (uint32_t k = 1; k < n; k++)
		if (ring[k].who.index < ring[first].who.index)
			first = k;
	for (uint32_t k = 0; k < n; k++) {
		const struct link *l = &ring[(first + k) % n];
		const struct link *before = &ring[(first + k + n - 1) % n];

		if (k)
			text_add(t, " ");
		text_add_thread(t, &l->who);
		text_add(t, " holds ");
		add_name(t, v, before->waits);
		text_add(t, " waits ");
		add_name(t, v, l->waits);
	}
	text_add(t, "\n");
}

/* The first thread that the walk meets twice, 0 it ends. */
static uint32_t walk(struct arena *a, uint32_t i, uint16_t number)
{
	struct link l;

	while (!seen[i]) {
		seen[i] = number;
		if (look(a, i, &l) < 0)
			return 0;
		i = l.next;
	}
	return seen[i] == number ? i : 0;
}

int arena_deadlocks_show(const struct node *n, struct text *t)
{
	struct arena *a = n->arena;
	uint32_t hi = threads_hi(&a->view), first, length;

	if (hi > THREADS_MAX)
		hi = THREADS_MAX;
	for (uint32_t i = 0; i < THREADS_MAX; i++)
		seen[i] = 0;
	for (uint32_t i = 1; i < hi; i++) {
		first = walk(a, i, (uint16_t)i);
		length = first ? write_down(a, first) : 0;
		if (length)
			add_ring(t, &a->view, length);
	}
	return 0;
}
