/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Life: the life lock, leaving, finding the dead
 *
 * Three layers make the life lock: the owner's thread id, which makes it
 * recursive; a private mutex, which excludes the threads of this process; the
 * OFD lock, which excludes other processes.
 *
 * Taking a member out ends with one store that frees its slot.  A process that
 * dies before that store leaves the slot DEAD, or with its witness free, and
 * the next process to take the lock does all of it again.
 */
#include "libfusion/core/life/life.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#include <fusion/arena.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/life/witness.h"
#include "libfusion/core/recovery/recover.h"

/* A timed wait for the OFD lock polls, as the kernel has no timed form: from
 * POLL_FIRST_NS apart to POLL_LAST_NS. */
#define POLL_FIRST_NS 20000
#define POLL_LAST_NS 2000000

static const char *const state_names[] = {
	[ARENA_EMPTY] = "empty",     [ARENA_INITIALIZING] = "initializing",
	[ARENA_RUNNING] = "running", [ARENA_SHUTTING_DOWN] = "shutting-down",
	[ARENA_CORRUPT] = "corrupt", [ARENA_GONE] = "gone",
};

static const char *const member_state_names[] = {
	[MEMBER_FREE] = "free",	  [MEMBER_JOINING] = "joining",
	[MEMBER_ALIVE] = "alive", [MEMBER_LEAVING] = "leaving",
	[MEMBER_DEAD] = "dead",
};

const char *life_state_name(uint32_t state)
{
	return state_names[state <= ARENA_GONE ? state : ARENA_CORRUPT];
}

const char *member_state_name(uint32_t state)
{
	return member_state_names[state <= MEMBER_DEAD ? state : MEMBER_FREE];
}

/* --- The life lock ---------------------------------------------------------
 */

static int life_byte_set(const struct view *v, int cmd, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = LIFE_LOCK_BYTE,
		.l_len = 1,
	};

	return fcntl(v->lockfd, cmd, &lock) < 0 ? -errno : 0;
}

static int life_byte_lock(struct view *v, int64_t deadline_ns)
{
	int64_t nap = POLL_FIRST_NS;
	int r = view_own_lock(v);

	if (r < 0 || v->lockfd < 0)
		return r;
	if (deadline_ns < 0) {
		do
			r = life_byte_set(v, F_OFD_SETLKW, F_WRLCK);
		while (r == -EINTR);
		return r;
	}
	for (;;) {
		struct timespec ts = {.tv_nsec = nap};

		r = life_byte_set(v, F_OFD_SETLK, F_WRLCK);
		if (r != -EAGAIN && r != -EACCES)
			return r;
		if (clock_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&ts, NULL);
		if (nap < POLL_LAST_NS)
			nap *= 2;
	}
}

static int gate_lock(struct life_gate *gate, int64_t deadline_ns)
{
	struct timespec ts = {
		.tv_sec = deadline_ns / 1000000000,
		.tv_nsec = deadline_ns % 1000000000,
	};
	int r;

	if (deadline_ns < 0)
		return -pthread_mutex_lock(&gate->mutex);
	/* Free nearly always. */
	if (pthread_mutex_trylock(&gate->mutex) == 0)
		return 0;
		/* ThreadSanitizer does not know this one. */
#ifdef __SANITIZE_THREAD__
	__tsan_mutex_pre_lock(&gate->mutex, __tsan_mutex_try_lock);
#endif
	r = pthread_mutex_clocklock(&gate->mutex, CLOCK_MONOTONIC, &ts);
#ifdef __SANITIZE_THREAD__
	__tsan_mutex_post_lock(
		&gate->mutex,
		r ? __tsan_mutex_try_lock_failed : __tsan_mutex_try_lock, 0);
#endif
	return -r;
}

int life_lock(struct view *v, int64_t timeout_ns)
{
	struct life_gate *gate = &v->gate;
	uint32_t me = (uint32_t)gettid();
	int64_t deadline = -1;
	int cancel, r;

	/* Relaxed: only the thread itself stores its own id. */
	if (load_relaxed(&gate->owner) == me) {
		gate->depth++;
		return 0;
	}
	if (v->patience_ns == NEVER_SLEEP)
		timeout_ns = 0;
	else if (v->patience_ns &&
		 (timeout_ns < 0 || timeout_ns > v->patience_ns))
		timeout_ns = v->patience_ns;
	if (timeout_ns >= 0)
		deadline = clock_monotonic_ns() + timeout_ns;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = gate_lock(gate, deadline);
	if (r < 0)
		goto err_cancel;
	r = life_byte_lock(v, deadline);
	if (r < 0)
		goto err_gate;
	gate->cancel = cancel;
	gate->depth = 1;
	store_relaxed(&gate->owner, me);
	return 0;

err_gate:
	pthread_mutex_unlock(&gate->mutex);
err_cancel:
	pthread_setcancelstate(cancel, NULL);
	return r;
}

static void release_gate_rec(struct view *v)
{
	if (v->gate.rec)
		thread_release(v, v->gate.rec);
	v->gate.rec = NULL;
}

void life_unlock(struct view *v)
{
	struct life_gate *gate = &v->gate;
	int cancel = gate->cancel;

	if (--gate->depth)
		return;
	release_gate_rec(v);
	store_relaxed(&gate->owner, 0);
	/* If the program has closed the descriptor, the kernel has dropped the
	 * lock. */
	if (view_own_lock(v) == 0 && v->lockfd >= 0)
		life_byte_set(v, F_OFD_SETLK, F_UNLCK);
	pthread_mutex_unlock(&gate->mutex);
	pthread_setcancelstate(cancel, NULL);
}

int life_rec_get(struct view *v, struct thread_rec **ret)
{
	int r = 0;

	if (!v->rec && !v->gate.rec && thread_claim(v, &v->gate.rec) < 0)
		r = recover_reserved(v, &v->gate.rec);
	if (!r)
		*ret = v->rec ? v->rec : v->gate.rec;
	return r;
}

struct thread_rec *life_rec(struct view *v)
{
	struct thread_rec *rec = NULL;

	life_rec_get(v, &rec);
	return rec;
}

/* --- Leaving ---------------------------------------------------------------
 */

static void set_arena_state(struct view *v, uint32_t state)
{
	if (load_relaxed(&v->sb->state) == state)
		return;
	/* A thread that sees the new state must see what led to it.  Release:
	 * pairs with the acquires in the daemon: choose_role(), status.c. */
	store_release(&v->sb->state, state);
	event_log(v, life_rec(v), EVENT_STATE, 0, "%s", life_state_name(state));
}

void life_running(struct view *v)
{
	uint32_t state = load_relaxed(&v->sb->state);

	if (state == ARENA_INITIALIZING ||
	    (state == ARENA_SHUTTING_DOWN && !(v->sb->flags & ARENA_DOOMED)))
		set_arena_state(v, ARENA_RUNNING);
}

/* Say whether a member in a slot other than @except is ALIVE, and not dead.
 * Recovers the dead on the way. */
static bool others_live(struct view *v, uint32_t except)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		/* Acquire: pairs with the release in member_ready(). */
		if (i == except ||
		    load_acquire(&view_member(v, i)->state) != MEMBER_ALIVE)
			continue;
		if (!member_is_dead(v, i))
			return true;
		life_depart(v, i, true);
	}
	return false;
}

int life_exit_begin(struct view *v, uint32_t slot)
{
	uint32_t joining, leaving;
	struct member_rec *m;
	bool others;

	if (!slot || slot >= members_hi(v))
		return -ESRCH;
	m = view_member(v, slot);
	if (load_relaxed(&m->state) != MEMBER_ALIVE &&
	    load_relaxed(&m->state) != MEMBER_LEAVING)
		return -ESRCH;
	others = others_live(v, slot);
	member_count(v, slot, &joining, NULL, &leaving);
	if (!others && joining + leaving)
		return EXIT_WAIT;
	/* Before the arena's state.  A thread that is killed in between leaves
	 * a slot that recovery frees in any case.  Release: pairs with the
	 * acquires of member_rec.state, in member_at() above all. */
	store_release(&m->state, MEMBER_LEAVING);
	if (!others)
		set_arena_state(v, ARENA_SHUTTING_DOWN);
	life_changed(v);
	return others ? EXIT_NOT_LAST : EXIT_LAST;
}

/* Kill all other members, as the master of a `kill` arena is dead.  Nobody
 * joins any more.  This process, if it is a member, dies last, in
 * life_depart(). */
static void doom_members(struct view *v)
{
	uint32_t hi = members_hi(v);

	v->sb->flags |= ARENA_DOOMED;
	set_arena_state(v, ARENA_SHUTTING_DOWN);
	for (uint32_t i = 1; i < hi; i++) {
		/* Acquire: pairs with the release in member_claim(). */
		uint32_t state = load_acquire(&view_member(v, i)->state);

		if (v->acts && v->acts->signal && i != v->slot &&
		    state != MEMBER_FREE && state != MEMBER_DEAD)
			v->acts->signal(v, i, SIGKILL);
	}
}

/* Apply on_master_death: member @id was the master and is gone, and others are
 * inside. */
static void replace_master(struct view *v, uint32_t id, bool died)
{
	uint32_t heir = 0;

	if (died && v->sb->on_master_death == MASTER_DEATH_PROMOTE) {
		heir = member_oldest(v, MEMBER_ALIVE);
		if (!heir)
			heir = member_oldest(v, MEMBER_JOINING);
	}
	if (died && v->sb->on_master_death == MASTER_DEATH_KILL)
		doom_members(v);
	/* Commit: after a death before it, the next recoverer comes here again.
	 * Release: pairs with the acquire in fusion_arena_master(). */
	store_release(&v->sb->master, heir ? view_member(v, heir)->id : 0);
	event_log(v, life_rec(v), EVENT_MASTER_LOST, id, "%s", "");
	if (heir)
		event_log(v, life_rec(v), EVENT_PROMOTED,
			  view_member(v, heir)->id, "%s", "");
}

int life_depart(struct view *v, uint32_t slot, bool died)
{
	uint32_t joining, alive, leaving, was;
	struct member_rec *m;
	bool doomed;
	int n, r;

	if (!slot || slot >= members_hi(v))
		return -ESRCH;
	m = view_member(v, slot);
	/* Acquire: pairs with the release in member_claim(). */
	was = load_acquire(&m->state);
	member_count(v, slot, &joining, &alive, &leaving);
	n = (int)(joining + alive + leaving);
	if (was == MEMBER_FREE)
		return n;
	if (SEED_BUG(12))
		store_release(&m->state, MEMBER_FREE);
	if (died && was != MEMBER_DEAD)
		v->sb->deaths++;
	/* A joiner that has refused, or was never told, becomes DEAD, too: what
	 * other members begin for it from now on, they undo themselves, and
	 * recovery sees what they began before.  Release: the drawing is at
	 * make_queue() in message.c. */
	if ((died || was != MEMBER_LEAVING) && !(SEED_BUG(91) && !died))
		store_release(&m->state, MEMBER_DEAD);
	r = recover_member(v, slot);
	if (r < 0)
		return r;

	if (load_relaxed(&v->sb->master) == m->id && n)
		replace_master(v, m->id, died);
	else if (load_relaxed(&v->sb->master) == m->id)
		store_release(&v->sb->master, 0);
	if (died || was != MEMBER_JOINING)
		event_log(v, life_rec(v), died ? EVENT_DEATH : EVENT_LEAVE,
			  m->id, "pid %u comm %.15s", m->pid, m->comm);
	if (!n)
		set_arena_state(v, ARENA_GONE);
	doomed = v->sb->flags & ARENA_DOOMED;
	if (slot == v->slot)
		release_gate_rec(v);
	/* Commit.  The next member in the slot must find it recovered. Release:
	 * pairs with the acquires of member_rec.state. */
	store_release(&m->state, MEMBER_FREE);
	life_changed(v);
	recover_seen(v);
	if (doomed && died && v->slot && v->slot != slot && v->acts)
		v->acts->die(v); /* a member's acts are complete */
	return n;
}

/* --- Finding the dead ------------------------------------------------------
 */

static int recover_undertaker(struct view *v)
{
	int r = recover_member(v, 0);

	/* Release: pairs with the acquire in member_is_dead(). */
	if (!r)
		store_release(&view_member(v, 0)->state, MEMBER_FREE);
	return r;
}

/*
 * Recover the member in @slot if it is still dead under the life lock.
 * 1 recovered; 0 it lives; -errno.
 * Waits only BURY_NS for the lock: callers have time-outs of their own, and a
 * stopped process may hold it.  A caller that suspects a death asks again
 * later.
 */
static int bury_member(struct view *v, uint32_t slot)
{
	int r = life_lock(v, BURY_NS);

	if (r < 0)
		return r;
	if (member_is_dead(v, slot)) {
		r = slot ? life_depart(v, slot, true) : recover_undertaker(v);
		r = r < 0 ? r : 1;
	}
	life_unlock(v);
	return r;
}

/* Recover the thread of @t if it is still gone, and its member lives.
 * 1 recovered; 0 it lives; -errno. */
static int bury_thread(struct view *v, struct thread_rec *t, uint32_t token)
{
	int r = life_lock(v, BURY_NS);

	if (r < 0)
		return r;
	/* Acquire: pairs with the release in thread_claim(). */
	if (load_acquire(&t->token) == token && thread_is_dead(v, t)) {
		r = recover_thread(v, t);
		r = r < 0 ? r : 1;
	}
	life_unlock(v);
	return r;
}

int life_suspect(struct view *v, uint32_t token)
{
	uint32_t i = TOKEN_SLOT(token), member;
	struct thread_rec *t;

	if (i >= view_hi(&v->sb->threads_hi, v->geo.max_threads))
		return 0;
	t = view_thread(v, i);
	/* Acquire, both: pairs with the releases in thread_claim() and
	 * thread_release(). */
	member = load_acquire(&t->member);
	if (!member || member > v->geo.max_members + 1 ||
	    load_acquire(&t->token) != (token & TOKEN_MASK))
		return 0;
	if (member_is_dead(v, member - 1))
		return bury_member(v, member - 1);
	if (thread_is_dead(v, t))
		return bury_thread(v, t, token & TOKEN_MASK);
	return 0;
}

/* Kill the members of a doomed arena again: the process that found the master
 * dead may have been unable to reach some of them, in another pid namespace or
 * of another user. */
static void doom_again(struct view *v)
{
	if (life_lock(v, BURY_NS) < 0)
		return;
	if (v->sb->flags & ARENA_DOOMED &&
	    load_relaxed(&v->sb->state) != ARENA_GONE)
		doom_members(v);
	life_unlock(v);
}

int life_sweep(struct view *v)
{
	uint32_t hi = members_hi(v);
	int n = 0;

	for (uint32_t i = 0; i < hi; i++) {
		int r = 0;

		if (i != v->slot && member_is_dead(v, i))
			r = bury_member(v, i);
		n += r == 1;
		/* Another process holds the lock: the next slot would wait as
		 * long. */
		if (r == -ETIMEDOUT)
			return n;
	}
	if (load_relaxed(&v->sb->flags) & ARENA_DOOMED)
		doom_again(v);
	return n;
}

/* Free the slots of members whose JOIN was never answered, or that never
 * fetched their witness.  The process that asked has got an error; if it asks
 * again, it gets another slot. */
static void drop_untold_members(struct view *v)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);

		/* Acquire, both: pairs with the releases in member_claim() and
		 * life_witness(). */
		if (load_acquire(&m->state) != MEMBER_FREE &&
		    !load_acquire(&m->own_pid) &&
		    witness_probe(v, i) == WITNESS_FREE)
			life_depart(v, i, false);
	}
}

int life_undertake(struct view *v)
{
	struct member_rec *m = view_member(v, 0);
	uint32_t joining, alive, leaving;
	int r = life_lock(v, -1);

	if (r < 0)
		return r;
	v->slot = 0;
	r = v->lockfd < 0 ? 0 : witness_take(v->lockfd, 0);
	if (r < 0)
		goto out;
	/* Also if the slot is free: an undertaker may have died after it freed
	 * its predecessor's slot and before it took it, and left a record that
	 * announces something. */
	r = recover_undertaker(v);
	if (r < 0)
		goto out;
	m->pid = (uint32_t)getpid();
	m->own_pid = m->pid;
	m->pidns = process_pidns();
	m->start_time = process_start_time(getpid());
	/* Release: pairs with the acquire in member_is_dead(). */
	store_release(&m->state, MEMBER_ALIVE);
	thread_claim_undertaker(v);
	drop_untold_members(v);
	life_sweep(v);
	member_count(v, 0, &joining, &alive, &leaving);
	r = (int)(joining + alive + leaving);
out:
	life_unlock(v);
	return r;
}
