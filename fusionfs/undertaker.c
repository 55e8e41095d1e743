/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/undertaker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fusionfs/events.h"
#include "fusionfs/waiters.h"
#include "libfusion/core/atomic.h"

struct departure {
	uint32_t slot, id;
	pid_t pid;
	bool died;
	bool is_dead; /* for find_dead() */
};

static int depart(struct arena *a, void *arg)
{
	struct departure *d = arg;
	struct view *v = &a->view;
	int r = life_lock(v, -1);

	if (r < 0)
		return r;
	/* Somebody else, a survivor, may have done it. */
	if (member_at(v, d->slot, d->id) ||
	    load_acquire(&view_member(v, d->slot)->state) == MEMBER_DEAD)
		r = life_depart(v, d->slot, d->died);
	else
		r = 0;
	if (r == 0) {
		uint32_t joining, alive, leaving;

		member_count(v, 0, &joining, &alive, &leaving);
		r = (int)(joining + alive + leaving);
	}
	life_unlock(v);
	return r;
}

int undertaker_depart(struct arena *a, uint32_t slot, uint32_t id, bool died)
{
	struct departure d = {.slot = slot, .id = id, .died = died};
	int n;

	undertaker_untrack(a, id);
	n = guarded(a, depart, &d);
	if (died)
		world.deaths++;
	events_changed(a);
	if (n < 0) {
		arena_is_corrupt(a, "a member that went cannot be recovered");
		return n;
	}
	if (n == 0)
		arena_ended(a);
	else
		waiters_look(a);
	return 0;
}

static int ask(struct arena *a, void *arg)
{
	struct departure *d = arg;

	d->is_dead = member_is_dead(&a->view, d->slot);
	return 0;
}

static void look_at(struct tracked *t)
{
	struct departure d = {.slot = t->slot};

	if (t->arena->corrupt) {
		undertaker_untrack(t->arena, t->id);
		return;
	}
	if (guarded(t->arena, ask, &d) == 0 && d.is_dead)
		undertaker_depart(t->arena, t->slot, t->id, true);
}

static void pidfd_ready(struct source *s)
{
	struct tracked *t = (struct tracked *)s;

	undertaker_depart(t->arena, t->slot, t->id, true);
}

int undertaker_track(struct arena *a, uint32_t slot, uint32_t id, pid_t pid,
		     const void *dir)
{
	struct tracked *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct tracked){
		.source.ready = pidfd_ready,
		.arena = a,
		.slot = slot,
		.id = id,
		.dir = dir,
		.pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
	};
	r = t->pidfd < 0 ? -errno : source_add(&t->source, t->pidfd);
	if (r < 0) {
		if (t->pidfd >= 0)
			close(t->pidfd);
		free(t);
		return r;
	}
	t->next = a->members;
	a->members = t;
	return 0;
}

/* 1 somebody is in slot d->slot, 0 nobody, -ENOENT no such slot. */
static int collect(struct arena *a, void *arg)
{
	struct departure *d = arg;
	const struct member_rec *m;

	if (d->slot >= members_hi(&a->view))
		return -ENOENT;
	m = view_member(&a->view, d->slot);
	d->id = m->id;
	d->pid = (pid_t)m->pid;
	return load_acquire(&m->state) != MEMBER_FREE;
}

void undertaker_track_all(struct arena *a)
{
	struct departure d = {.slot = 1};
	int r;

	for (; (r = guarded(a, collect, &d)) >= 0; d.slot++)
		if (r == 1 && d.pid > 0)
			undertaker_track(a, d.slot, d.id, d.pid, NULL);
}

void undertaker_untrack(struct arena *a, uint32_t id)
{
	struct tracked **p = &a->members, *t;

	while ((t = *p) && t->id != id)
		p = &t->next;
	if (!t)
		return;
	*p = t->next;
	source_drop(&t->source);
	close(t->pidfd);
	free(t);
}

void undertaker_forget(struct arena *a)
{
	while (a->members)
		undertaker_untrack(a, a->members->id);
}

void undertaker_closed(struct arena *a, const void *dir)
{
	struct tracked *t = a->members;

	while (t && t->dir != dir)
		t = t->next;
	if (!t)
		return;
	t->dir = NULL;
	look_at(t);
}

void undertaker_patrol(void)
{
	struct arena *a, *next_arena;

	for (a = world.arenas; a; a = next_arena) {
		uint32_t serial = a->serial;
		struct tracked *t, *next;

		next_arena = a->next;
		for (t = a->members; t && world_serial(serial); t = next) {
			next = t->next;
			look_at(t);
		}
	}
}
