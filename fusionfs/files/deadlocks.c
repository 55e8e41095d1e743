/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deadlocks: rings of threads of which each waits for a lock of the next
 *
 * A thread waits for one skirmish or property, which has one owner; so from
 * each thread one path leads on, and a walk that meets itself has found a ring.
 * All of this changes during the walk.  So a ring is written down and walked a
 * second time.  It is a deadlock if each thread still waits for its lock, and
 * each lock still has its owner and was not taken again.  Then the owners had
 * their locks all the time in between, and waited.
 *
 * A shell that holds one file's lock and waits for another's is one thread.
 */
#include "fusionfs/files/deadlocks.h"

#include <errno.h>

#include "fusionfs/service/threads.h"
#include "fusionfs/service/visitors.h"
#include "libfusion/core/file/thread.h"

#define THREADS_MAX 16384 /* as the largest span has: geometry.c */

/* A thread in a ring. */
struct link {
	struct thread who;
	struct wait_for waits;
	uint32_t next; /* record of the thread that the ring goes on with */
};

/* The daemon has one thread, so one ring at a time: not on the stack. */
static struct link ring[THREADS_MAX];
static uint16_t
	seen[THREADS_MAX]; /* number of the walk that came by, 0: none */

/* Go from thread @i to the one it waits for.  0; -ENOENT it waits for none. */
static int follow_wait(struct arena *a, uint32_t i, struct link *ret)
{
	const struct thread_rec *other = NULL;
	struct thread owner;
	int r = thread_at(&a->view, i, &ret->who);

	if (r == 0)
		r = thread_waits(&a->view, i, &ret->waits);
	if (r == 0)
		r = thread_of_token(&a->view, ret->waits.owner, &owner);
	if (r < 0)
		return r;
	if (!owner.member)
		other = visitor_who_waits(a, owner.tid);
	ret->next = other ? thread_slot(&a->view, other) : owner.index;
	return ret->next < THREADS_MAX ? 0 : -ENOENT;
}

static bool is_same_link(const struct link *l, const struct link *m)
{
	return l->who.token == m->who.token && l->next == m->next &&
	       l->waits.kind == m->waits.kind &&
	       l->waits.index == m->waits.index &&
	       l->waits.owner == m->waits.owner &&
	       l->waits.taken == m->waits.taken;
}

/* Write down the ring that goes through thread @first.  Returns how many
 * threads are in it, 0: there is no ring, or not any more. */
static uint32_t write_ring(struct arena *a, uint32_t first)
{
	uint32_t n = 0, i = first;
	struct link again;

	do {
		if (n == THREADS_MAX || follow_wait(a, i, &ring[n]) < 0)
			return 0;
		i = ring[n++].next;
	} while (i != first);
	for (uint32_t k = 0; k < n; k++)
		if (follow_wait(a, ring[k].who.index, &again) < 0 ||
		    !is_same_link(&ring[k], &again))
			return 0;
	return n > 1 ? n : 0;
}

/* Begin with the lowest record, so that a ring is always one and the same
 * line. */
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
		text_add_object(t, v, before->waits.kind, before->waits.index);
		text_add(t, " waits ");
		text_add_object(t, v, l->waits.kind, l->waits.index);
	}
	text_add(t, "\n");
}

/* Return the first thread that the walk meets twice, 0: the walk ends. */
static uint32_t walk_waits(struct arena *a, uint32_t i, uint16_t number)
{
	struct link l;

	while (!seen[i]) {
		seen[i] = number;
		if (follow_wait(a, i, &l) < 0)
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
	for (uint32_t i = 1; i < hi && !t->cut; i++) {
		first = walk_waits(a, i, (uint16_t)i);
		length = first ? write_ring(a, first) : 0;
		if (length)
			add_ring(t, &a->view, length);
	}
	return 0;
}
