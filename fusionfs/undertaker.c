/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/undertaker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "fusionfs/events.h"
#include "fusionfs/hand_over.h"
#include "fusionfs/later.h"
#include "fusionfs/ports.h"
#include "fusionfs/process.h"
#include "fusionfs/waiters.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/span.h"

#define PATROL_NS 1000000000 /* a look at all members, told or not */
#define BUDGET_NS 2000000    /* for patrols, before requests are served */

struct departure {
	uint32_t slot, id;
	pid_t pid;
	bool died;
	bool was_there; /* nobody else had taken it out before */
	bool is_dead;	/* for look_at() */
};

static int depart(struct arena *a, void *arg)
{
	struct departure *d = arg;
	struct view *v = &a->view;
	uint32_t joining, alive, leaving;
	int r = arena_lock(a);

	if (r < 0)
		return r;
	/* Somebody else, a survivor, may have done it, or half of it. */
	d->was_there =
		member_at(v, d->slot, d->id) ||
		load_acquire(&view_member(v, d->slot)->state) == MEMBER_DEAD;
	if (d->was_there)
		r = life_depart(v, d->slot, d->died);
	if (r >= 0) {
		member_count(v, 0, &joining, &alive, &leaving);
		r = (int)(joining + alive + leaving);
	}
	arena_unlock(a);
	return r;
}

static struct tracked *find(struct arena *a, uint32_t id)
{
	struct tracked *t = a->members;

	while (t && t->id != id)
		t = t->next;
	return t;
}

const struct tracked *undertaker_find(struct arena *a, uint32_t id)
{
	return find(a, id);
}

static void close_pidfd(struct tracked *t)
{
	source_drop(&t->source);
	if (t->pidfd >= 0)
		close(t->pidfd);
	t->pidfd = -1;
}

/* A lock of its arena is not to be had, or memory is short: again later. */
static int postpone(struct arena *a, uint32_t id, bool died)
{
	struct tracked *t = find(a, id);

	later(a);
	if (!t)
		return -EAGAIN;
	close_pidfd(t);
	t->going = true;
	t->died = died;
	return 0;
}

static void others_look(struct arena *a)
{
	ports_look(a);
	waiters_look(a);
}

int undertaker_signal(const struct tracked *t, int signal)
{
	int r;

	if (!t->verified || t->going || t->pidfd < 0 ||
	    !life_witness_held(&t->arena->view, t->slot))
		return -ENOENT;
	r = process_signal_as(t->uid, t->pidfd, signal);
	return r == -ESRCH ? -ENOENT : r;
}

/* The master of a `kill` arena is dead: so are all that are listed.  Whoever
 * cannot be reached yet, as it is just coming in, is met by the patrol. */
static void doom(struct arena *a)
{
	a->doomed = true;
	for (struct tracked *t = a->members; t; t = t->next)
		undertaker_signal(t, SIGKILL);
}

int undertaker_depart(struct arena *a, uint32_t slot, uint32_t id, bool died)
{
	struct departure d = {.slot = slot, .id = id, .died = died};
	const struct tracked *t = find(a, id);
	bool dooms = died && t && t->is_master &&
		     a->on_master_death == MASTER_DEATH_KILL;
	int n = guarded(a, depart, &d);

	if (is_temporary(n))
		return postpone(a, id, died);
	undertaker_untrack(a, id);
	if (dooms)
		doom(a);
	if (died && d.was_there)
		world.deaths++;
	events_changed(a);
	if (n < 0) {
		arena_is_corrupt(a, "a member that went cannot be recovered");
		return n;
	}
	if (n == 0)
		arena_ended(a);
	else
		others_look(a);
	return 0;
}

static int ask(struct arena *a, void *arg)
{
	struct departure *d = arg;

	/* It may also have left by itself, when there was no daemon to ask. */
	d->is_dead = member_is_dead(&a->view, d->slot) ||
		     !member_at(&a->view, d->slot, d->id);
	return 0;
}

static struct tracked *next_going(struct arena *a, unsigned round)
{
	struct tracked *t = a->members;

	while (t && (!t->going || t->tried == round))
		t = t->next;
	if (t)
		t->tried = round;
	return t;
}

void undertaker_go_on(struct arena *a)
{
	static unsigned round;
	uint32_t serial = a->serial;
	struct tracked *t;

	round++;
	/* Taking one out may end others, and the arena. */
	while (world_serial(serial) && (t = next_going(a, round)))
		undertaker_depart(a, t->slot, t->id, t->died);
}

static void look_at(struct tracked *t)
{
	struct departure d = {.slot = t->slot, .id = t->id};

	if (t->going)
		undertaker_depart(t->arena, t->slot, t->id, t->died);
	else if (guarded(t->arena, ask, &d) == 0 && d.is_dead)
		undertaker_depart(t->arena, t->slot, t->id, true);
}

static void pidfd_ready(struct source *s)
{
	struct tracked *t = (struct tracked *)s;

	undertaker_depart(t->arena, t->slot, t->id, true);
}

static struct tracked *add(struct arena *a, uint32_t slot, uint32_t id)
{
	struct tracked *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct tracked){
		.source.ready = pidfd_ready,
		.arena = a,
		.slot = slot,
		.id = id,
		.pidfd = -1,
	};
	t->next = a->members;
	a->members = t;
	return t;
}

/* Have the pidfd tell of its death.  0, -ESRCH, -EMFILE, ... */
static int watch(struct tracked *t, pid_t pid)
{
	int r;

	t->pid = pid;
	t->pidfd = process_open(pid);
	if (t->pidfd < 0)
		return t->pidfd;
	r = source_add(&t->source, t->pidfd);
	if (r < 0)
		close_pidfd(t);
	return r;
}

/* The caller cannot vanish while its request is unanswered, so that the pid is
 * its own. */
int undertaker_track(struct arena *a, const struct newcomer *who)
{
	struct tracked *t = add(a, who->slot, who->id);
	int r = t ? watch(t, who->caller.pid) : -ENOMEM;

	if (!t)
		return r;
	t->dir = who->dir;
	t->uid = who->caller.uid;
	t->is_master = who->is_master;
	t->verified = true;
	if (r < 0)
		undertaker_untrack(a, who->id);
	return r;
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

	for (; (r = guarded(a, collect, &d)) >= 0; d.slot++) {
		struct tracked *t = r ? add(a, d.slot, d.id) : NULL;

		/* Without a pidfd, because it has just died or is not to be
		 * seen from here, it is the patrol's. */
		if (t && d.pid > 0)
			watch(t, d.pid);
	}
}

void undertaker_untrack(struct arena *a, uint32_t id)
{
	struct tracked **p = &a->members, *t;

	while ((t = *p) && t->id != id)
		p = &t->next;
	if (!t)
		return;
	*p = t->next;
	close_pidfd(t);
	free(t);
	offers_forget(a, id);
	hand_over_rest();
}

void undertaker_forget(struct arena *a)
{
	while (a->members)
		undertaker_untrack(a, a->members->id);
	a->doomed = false;
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

/* Of these nobody may tell us: they have closed the directory, or joined when
 * another daemon was here, so that an exec goes unnoticed; or it is known that
 * they go.  The next one that this round has not seen. */
static struct tracked *next_doubtful(struct arena *a, unsigned round)
{
	struct tracked *t = a->members;

	while (t && (t->round == round || (t->dir && !t->going)))
		t = t->next;
	if (t)
		t->round = round;
	return t;
}

/* Memory that members have freed and have no reason to call about. */
static int trim(struct arena *a, void *arg)
{
	(void)arg;
	if (a->view.rec)
		span_trim_decayed(&a->view, a->view.rec);
	return 0;
}

static int is_gone(struct arena *a, void *unused)
{
	(void)unused;
	return load_acquire(&a->view.sb->state) == ARENA_GONE;
}

/* Looking at one may end others, and the arena. */
static void patrol_arena(struct arena *a, unsigned round)
{
	uint32_t serial = a->serial;
	struct tracked *t;

	while (world_serial(serial) && (t = next_doubtful(a, round)))
		look_at(t);
	if (world_serial(serial) && a->doomed)
		doom(a);
	/* The last one left by itself before anybody of ours knew it. */
	if (world_serial(serial) && !a->ended && guarded(a, is_gone, NULL) == 1)
		arena_ended(a);
	if (world_serial(serial) && a->waiters && arena_refresh(a) == 0)
		waiters_look(a);
	if (!world_serial(serial))
		return;
	guarded(a, trim, NULL);
	ports_look(a);
	waiters_idle(a);
}

/* Those that are due, one after another; others are served in between. */
int64_t undertaker_patrol(void)
{
	int64_t start = clock_monotonic_ns(), first = PATROL_NS;
	static unsigned round;
	struct arena *a, *next;

	for (a = world.arenas; a; a = next) {
		next = a->next;
		if (a->patrol_ns && a->patrol_ns <= start) {
			if (clock_monotonic_ns() - start > BUDGET_NS)
				return 0;
			a->patrol_ns = start + PATROL_NS;
			patrol_arena(a, ++round);
		} else if (!a->patrol_ns) {
			a->patrol_ns = start + PATROL_NS;
		} else if (a->patrol_ns - start < first) {
			first = a->patrol_ns - start;
		}
	}
	return first;
}
