/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/undertaker.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fusionfs/base/clock.h"
#include "fusionfs/base/process.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/hand_over.h"
#include "fusionfs/service/later.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/service/waiters.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/mapping.h"
#include "libfusion/core/heap/span_trim.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/life/witness.h"

#define ADOPT_NS 500000000 /* to look at the processes of one arena */
#define SELDOM 16 /* patrols, of which one looks at a member with a pidfd */

#define PATROL_NS 1000000000 /* a look at all members, told or not */
#define BUDGET_NS 2000000    /* before requests are served */

/* A death that takes so much processor time is followed by a rest of so many
 * times as much, during which the deaths of such arenas wait. */
#define COSTLY_NS 1000000
#define COSTLY_REST 3

struct departure {
	uint32_t slot, id;
	bool died;
	bool was_there; /* no survivor had taken it out before */
};

static int depart_guarded(struct arena *a, void *arg)
{
	struct departure *d = arg;
	struct view *v = &a->view;
	int r = arena_lock(a);

	if (r < 0)
		return r;
	/* A surviving member may have done all of it, or half.  Acquire: pairs
	 * with the release of MEMBER_DEAD in life_depart(). */
	d->was_there =
		member_at(v, d->slot, d->id) ||
		(d->slot < members_hi(v) &&
		 load_acquire(&view_member(v, d->slot)->state) == MEMBER_DEAD);
	if (d->was_there)
		r = life_depart(v, d->slot, d->died);
	arena_unlock(a);
	return r;
}

static struct tracked *find_tracked(const struct arena *a, uint32_t slot,
				    uint32_t id)
{
	struct tracked *t = a->members;

	while (t && (t->slot != slot || t->id != id))
		t = t->next;
	return t;
}

const struct tracked *undertaker_find(const struct arena *a, uint32_t slot,
				      uint32_t id)
{
	return find_tracked(a, slot, id);
}

/* If the kernel cannot be asked, the member counts as inside. */
static bool is_member_inside(const struct tracked *t)
{
	return !t->going &&
	       witness_probe(&t->arena->view, t->slot) != WITNESS_FREE;
}

/* Is a member inside? */
static bool undertaker_has_members(const struct arena *a)
{
	const struct tracked *t = a->members;

	while (t && !is_member_inside(t))
		t = t->next;
	return t;
}

void undertaker_charge(struct arena *a, uint32_t slot, uint32_t id,
		       struct charge *charge)
{
	struct tracked *t = find_tracked(a, slot, id);

	if (!t) {
		quota_give(charge);
		return;
	}
	t->charge = *charge;
	*charge = (struct charge){.user = NULL};
}

static void close_pidfd(struct tracked *t)
{
	loop_drop(&t->source);
	if (t->pidfd >= 0)
		close(t->pidfd);
	t->pidfd = -1;
}

/* Have a member taken out later: a lock of the arena is held, or memory is
 * short.  Returns 1; -EAGAIN the member is not listed. */
static int postpone_departure(struct arena *a, struct tracked *t, bool died)
{
	later(a);
	if (!t)
		return -EAGAIN;
	close_pidfd(t);
	t->going = true;
	t->died = died;
	return 1;
}

static void look_for_others(struct arena *a)
{
	ports_look(a);
	waiters_look(a);
}

static void untrack_member(struct tracked *t)
{
	struct tracked **p = &t->arena->members;

	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
	waiters_let_go(t->arena, t->slot, t->id);
	offers_forget(t->arena, t->id);
	close_pidfd(t);
	quota_give(&t->charge);
	free(t);
	hand_over_rest();
}

/* The witness is asked for last: a process that has called exec has none any
 * more. */
int undertaker_signal(const struct tracked *t, int signal)
{
	int r;

	if (!t->verified || t->going || t->pidfd < 0 ||
	    offer_is_pending(t->arena, t->id) ||
	    !life_witness_held(&t->arena->view, t->slot))
		return -ENOENT;
	r = process_signal_as(t->uid, t->pidfd, signal);
	return r == -ESRCH ? -ENOENT : r;
}

/* Kill all members of a `kill` arena, the master of which is dead.  A member
 * that cannot be reached yet, as it is just coming in, is met by the patrol. */
static void doom_members(struct arena *a)
{
	a->doomed = true;
	for (struct tracked *t = a->members; t; t = t->next)
		undertaker_signal(t, SIGKILL);
}

static int64_t rest_until;

static bool must_arena_rest(const struct arena *a)
{
	return a->costly && clock_monotonic_ns() < rest_until;
}

/* Take a member out, and note what it cost.  Recovery takes as long as the
 * arena's tables say: an arena that lies, and has many members to lose, gets a
 * share of the time only. */
static int depart_in_time(struct arena *a, struct departure *d)
{
	uint64_t start = clock_processor_ns(), ns;
	int r = guarded(a, depart_guarded, d);

	ns = clock_processor_ns() - start;
	a->costly = ns > COSTLY_NS;
	if (a->costly)
		rest_until = clock_monotonic_ns() + (int64_t)ns * COSTLY_REST;
	return r;
}

int undertaker_depart(struct arena *a, uint32_t slot, uint32_t id, bool died)
{
	struct departure d = {.slot = slot, .id = id, .died = died};
	struct tracked *t = find_tracked(a, slot, id);
	bool ruled =
		t && t->is_master && a->on_master_death == MASTER_DEATH_KILL;
	int r = died && t && must_arena_rest(a) ? -EAGAIN
						: depart_in_time(a, &d);

	if (error_is_temporary(r))
		return postpone_departure(a, t, died);
	if (t)
		untrack_member(t);
	if (ruled)
		store_note(&a->store, MASTER_DEATH_KILL, 0);
	if (ruled && died)
		doom_members(a);
	if (died && d.was_there)
		world.deaths++;
	events_changed(a);
	if (r < 0) {
		arena_is_corrupt(a, "a member that went cannot be recovered");
		return r;
	}
	if (!a->members)
		arena_ended(a);
	else
		look_for_others(a);
	return 0;
}

static struct tracked *next_going_member(struct arena *a, unsigned round)
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
	uint64_t serial = a->serial, start = clock_processor_ns();
	struct tracked *t;

	round++;
	/* Taking a member out may end others, and the arena. */
	while (world_serial(serial) && (t = next_going_member(a, round))) {
		if (clock_processor_ns() - start > BUDGET_NS) {
			later(a);
			return;
		}
		undertaker_depart(a, t->slot, t->id, t->died);
	}
}

static void look_at_member(struct tracked *t)
{
	if (t->going)
		undertaker_depart(t->arena, t->slot, t->id, t->died);
	else if (!is_member_inside(t))
		undertaker_depart(t->arena, t->slot, t->id, true);
}

static void pidfd_ready(struct source *s)
{
	struct tracked *t = (struct tracked *)s;

	undertaker_depart(t->arena, t->slot, t->id, true);
}

static struct tracked *add_tracked(struct arena *a, uint32_t slot, uint32_t id)
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

/* Open a pidfd, which tells of the death of @pid.  0, -ESRCH, -EMFILE,
 * -errno. */
static int watch_process(struct tracked *t, pid_t pid)
{
	int r;

	t->pid = pid;
	t->pidfd = process_open(pid);
	if (t->pidfd < 0)
		return t->pidfd;
	r = loop_add(&t->source, t->pidfd);
	if (r < 0)
		close_pidfd(t);
	return r;
}

/* The caller cannot vanish while its request is unanswered, so the pid is the
 * caller's. */
int undertaker_track(struct arena *a, const struct newcomer *who)
{
	struct tracked *t = add_tracked(a, who->slot, who->id);
	int r = t ? watch_process(t, who->caller.pid) : -ENOMEM;

	if (!t)
		return r;
	t->dir = who->dir;
	t->uid = who->caller.uid;
	t->is_master = who->is_master;
	t->verified = true;
	if (r < 0)
		untrack_member(t);
	return r;
}

static bool is_process_listed(const struct arena *a, pid_t pid)
{
	const struct tracked *t = a->members;

	while (t && !(t->verified && t->pid == pid))
		t = t->next;
	return t;
}

/* Does the process that @pidfd stands for map this arena? */
static bool maps_arena(const struct arena *a, int pidfd)
{
	struct mapping m;
	struct stat st;

	return fstat(a->store.heap, &st) == 0 &&
	       mapping_there(pidfd, a->base, &m) == 0 && m.ino == st.st_ino &&
	       m.major == major(st.st_dev) && m.minor == minor(st.st_dev);
}

/*
 * Is @pid, by what the kernel says, the process of @t?  The pidfd is open and
 * is asked last, so that all answers were about one process.  A process enters
 * an arena once, so a listed one is no second member.
 */
static bool verify_process(struct tracked *t, pid_t pid)
{
	uid_t uid;

	if (is_process_listed(t->arena, pid) || watch_process(t, pid) < 0)
		return false;
	if (maps_arena(t->arena, t->pidfd) && is_member_inside(t) &&
	    process_user(mapping_pid(t->pidfd), &uid) == 0 &&
	    mapping_pid(t->pidfd) > 0) {
		t->uid = uid;
		t->verified = true;
		quota_adopt(&t->charge, uid, QUOTA_MEMBERS, 1);
		return true;
	}
	close_pidfd(t);
	t->pid = 0;
	return false;
}

int undertaker_is_own(struct arena *a, uint32_t slot, uint32_t id,
		      const struct caller *caller)
{
	struct tracked *t = find_tracked(a, slot, id);

	if (!t)
		return -ESRCH;
	if (!t->verified && !verify_process(t, caller->pid))
		return -EPERM;
	return t->pid == caller->pid ? 0 : -EPERM;
}

/* What the memory says of a slot whose witness is held, which is a hint and no
 * more. */
struct claimed {
	uint32_t slot, id;
	pid_t pid;
};

static int read_claimed_member(struct arena *a, void *arg)
{
	struct claimed *c = arg;
	const struct member_rec *m;

	if (c->slot >= members_hi(&a->view))
		return 0;
	m = view_member(&a->view, c->slot);
	c->id = load_relaxed(&m->id);
	c->pid = (pid_t)load_relaxed(&m->pid);
	return 0;
}

/* Forget all members of @a. */
static void undertaker_forget(struct arena *a)
{
	while (a->members)
		untrack_member(a->members);
	a->doomed = false;
}

/*
 * List all members, after a restart: those whose witness is held, whatever the
 * arena's memory says.  If the kernel can show which process a member is, the
 * member is like one that this daemon let in.  If not, it is inside as long as
 * its witness is held, and is never signalled.  Without memory for the list
 * nothing is known, and the arena is taken over later: an arena whose members
 * are not known would be taken for empty.
 */
static void undertaker_track_all(struct arena *a)
{
	int64_t until = clock_monotonic_ns() + ADOPT_NS;

	for (uint32_t slot = 1; slot <= a->view.geo.max_members; slot++) {
		struct claimed c = {.slot = slot};
		struct tracked *t;

		if (!life_witness_held(&a->view, slot))
			continue;
		guarded(a, read_claimed_member, &c);
		t = add_tracked(a, slot, c.id);
		if (!t) {
			undertaker_forget(a);
			a->unsettled = true;
			return;
		}
		t->is_master = slot == a->store.policy.master;
		if (c.pid > 1 && clock_monotonic_ns() < until)
			verify_process(t, c.pid);
	}
	a->on_master_death = a->store.policy.on_master_death;
}

void undertaker_closed(struct arena *a, const void *dir)
{
	struct tracked *t = a->members;

	while (t && t->dir != dir)
		t = t->next;
	if (!t)
		return;
	t->dir = NULL;
	/* The process cannot fetch its descriptors any more. */
	offers_forget(a, t->id);
	look_at_member(t);
}

/* May the member have gone without a word?  Yes, if it has closed the
 * directory, or has joined when another daemon was here, so that an exec goes
 * unnoticed; or if it is known that it goes.  Other members have their turn, as
 * a child may keep their directory open. */
static bool is_member_doubtful(const struct tracked *t, unsigned round)
{
	return !t->dir || t->going || (t->id + round) % SELDOM == 0;
}

/* Return the next doubtful member that this round has not seen. */
static struct tracked *next_doubtful_member(struct arena *a, unsigned round)
{
	struct tracked *t = a->members;

	while (t && (t->round == round || !is_member_doubtful(t, round)))
		t = t->next;
	if (t)
		t->round = round;
	return t;
}

/* Give back memory that members have freed, and for which they need no call. */
static int trim_heap(struct arena *a, void *arg)
{
	(void)arg;
	if (a->view.rec)
		span_trim_decayed(&a->view, a->view.rec);
	return 0;
}

static int is_arena_gone(struct arena *a, void *unused)
{
	(void)unused;
	/* Acquire: pairs with the release in set_arena_state() of life.c. */
	return load_acquire(&a->view.sb->state) == ARENA_GONE;
}

/* Look at the members of an arena.  Looking at one may end others, and the
 * arena. */
static void patrol_arena(struct arena *a, unsigned round)
{
	uint64_t serial = a->serial;
	struct tracked *t;

	while (world_serial(serial) && (t = next_doubtful_member(a, round)))
		look_at_member(t);
	if (world_serial(serial) && a->doomed)
		doom_members(a);
	/* The only member was let in, could not be listed, and has gone. */
	if (world_serial(serial) && !a->ended && !a->members &&
	    guarded(a, is_arena_gone, NULL) == 1)
		arena_ended(a);
	if (world_serial(serial) && a->waiters && arena_refresh(a) == 0)
		waiters_look(a);
	if (!world_serial(serial))
		return;
	guarded(a, trim_heap, NULL);
	ports_look(a);
	waiters_idle(a);
}

/* Has that thread of a member ended?  Its number is only looked for in a
 * process that is known, and only where it means that thread. */
static bool thread_is_gone(const struct view *v, uint32_t slot, uint32_t tid)
{
	const struct arena *a =
		(const void *)((const char *)v - offsetof(struct arena, view));
	const struct tracked *t = a->members;

	while (t && t->slot != slot)
		t = t->next;
	return t && t->verified && is_member_inside(t) &&
	       process_is_of_our_pidns(t->pid) &&
	       tgkill(t->pid, (pid_t)tid, 0) < 0 && errno == ESRCH;
}

/* What the daemon does for a view of an arena. */
static const struct view_acts undertaker_acts = {.thread_is_gone =
							 thread_is_gone};

/* Arenas that are due have their turn one after another; requests are served in
 * between. */
int64_t undertaker_patrol(void)
{
	int64_t start = clock_monotonic_ns(), first = PATROL_NS;
	static unsigned round;
	struct arena *a, *next;

	quota_tell();
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

const struct arena_service undertaker_service = {
	.adopt = undertaker_track_all,
	.end_life = undertaker_forget,
	.is_joined = undertaker_has_members,
	.acts = &undertaker_acts,
};
