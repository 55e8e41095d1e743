/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

#define POLL_FIRST_NS                                          \
	20000 /* a timed wait for the OFD lock polls, from ... \
	       */
#define POLL_LAST_NS \
	2000000 /* ... to this apart: the kernel has no timed form */

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

static int ofd_set(const struct view *v, int cmd, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = LIFE_LOCK_BYTE,
		.l_len = 1,
	};

	return fcntl(v->lockfd, cmd, &lock) < 0 ? -errno : 0;
}

static int ofd_lock(struct view *v, int64_t deadline_ns)
{
	int64_t nap = POLL_FIRST_NS;
	int r = view_own_lock(v);

	if (r < 0 || v->lockfd < 0)
		return r;
	if (deadline_ns < 0) {
		do
			r = ofd_set(v, F_OFD_SETLKW, F_WRLCK);
		while (r == -EINTR);
		return r;
	}
	for (;;) {
		struct timespec ts = {.tv_nsec = nap};

		r = ofd_set(v, F_OFD_SETLK, F_WRLCK);
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

	/* Relaxed: only a thread itself can have stored its own id. */
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
	r = ofd_lock(v, deadline);
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

static void give_rec_back(struct view *v)
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
	give_rec_back(v);
	store_relaxed(&gate->owner, 0);
	/* A program that has closed the descriptor has dropped the lock. */
	if (view_own_lock(v) == 0 && v->lockfd >= 0)
		ofd_set(v, F_OFD_SETLK, F_UNLCK);
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

static void set_state(struct view *v, uint32_t state)
{
	if (load_relaxed(&v->sb->state) == state)
		return;
	/* Release: pairs with the acquire of who reads the state. */
	store_release(&v->sb->state, state);
	event_log(v, life_rec(v), EVENT_STATE, 0, "%s", life_state_name(state));
}

void life_running(struct view *v)
{
	uint32_t state = load_relaxed(&v->sb->state);

	if (state == ARENA_INITIALIZING ||
	    (state == ARENA_SHUTTING_DOWN && !(v->sb->flags & ARENA_DOOMED)))
		set_state(v, ARENA_RUNNING);
}

/* Is one of the others certainly alive?  Recovers corpses on the way. */
static bool someone_lives(struct view *v, uint32_t except)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
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
	others = someone_lives(v, slot);
	member_count(v, slot, &joining, NULL, &leaving);
	if (!others && joining + leaving)
		return EXIT_WAIT;
	/* Before the state: killed in between, the slot of a dead member says
	 * nothing that recovery would not do anyhow. */
	store_release(&m->state, MEMBER_LEAVING);
	if (!others)
		set_state(v, ARENA_SHUTTING_DOWN);
	life_changed(v);
	return others ? EXIT_NOT_LAST : EXIT_LAST;
}

/* The master of a `kill` arena is dead: so are all.  Nobody joins any more.
 * This process, if it is one of them, goes last. */
static void doom(struct view *v)
{
	uint32_t hi = members_hi(v);

	v->sb->flags |= ARENA_DOOMED;
	set_state(v, ARENA_SHUTTING_DOWN);
	for (uint32_t i = 1; i < hi; i++) {
		uint32_t state = load_acquire(&view_member(v, i)->state);

		if (v->acts && v->acts->signal && i != v->slot &&
		    state != MEMBER_FREE && state != MEMBER_DEAD)
			v->acts->signal(v, i, SIGKILL);
	}
}

/* Who has left was the master, and others are inside. */
static void master_went(struct view *v, uint32_t id, bool died)
{
	uint32_t heir = 0;

	if (died && v->sb->on_master_death == MASTER_DEATH_PROMOTE) {
		heir = member_oldest(v, MEMBER_ALIVE);
		if (!heir)
			heir = member_oldest(v, MEMBER_JOINING);
	}
	if (died && v->sb->on_master_death == MASTER_DEATH_KILL)
		doom(v);
	/* Commit: killed before it, the next recoverer comes here again. */
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
	was = load_acquire(&m->state);
	member_count(v, slot, &joining, &alive, &leaving);
	n = (int)(joining + alive + leaving);
	if (was == MEMBER_FREE)
		return n;
	if (SEED_BUG(12))
		store_release(&m->state, MEMBER_FREE);
	if (died && was != MEMBER_DEAD)
		v->sb->deaths++;
	/* Also of a joiner that has refused, or was never told: what others
	 * begin for it from now on, they take back themselves, and recovery
	 * sees what they began before.  The drawing is at make_queue() in
	 * message.c. */
	if ((died || was != MEMBER_LEAVING) && !(SEED_BUG(91) && !died))
		store_release(&m->state, MEMBER_DEAD);
	r = recover_member(v, slot);
	if (r < 0)
		return r;

	if (load_relaxed(&v->sb->master) == m->id && n)
		master_went(v, m->id, died);
	else if (load_relaxed(&v->sb->master) == m->id)
		store_release(&v->sb->master, 0);
	if (died || was != MEMBER_JOINING)
		event_log(v, life_rec(v), died ? EVENT_DEATH : EVENT_LEAVE,
			  m->id, "pid %u comm %.15s", m->pid, m->comm);
	if (!n)
		set_state(v, ARENA_GONE);
	doomed = v->sb->flags & ARENA_DOOMED;
	if (slot == v->slot)
		give_rec_back(v);
	/* Commit.  Release: whoever takes the slot sees it recovered. */
	store_release(&m->state, MEMBER_FREE);
	life_changed(v);
	recover_seen(v);
	if (doomed && died && v->slot && v->slot != slot && v->acts)
		v->acts->die(v); /* a member's acts have no hole */
	return n;
}

/* --- Finding the dead ------------------------------------------------------
 */

static int recover_undertaker(struct view *v)
{
	int r = recover_member(v, 0);

	if (!r)
		store_release(&view_member(v, 0)->state, MEMBER_FREE);
	return r;
}

/*
 * Recover @slot if it is dead, asked again under the lock.  1, 0, -errno.
 * Callers have time-outs of their own, and a process that is stopped may have
 * the lock.  So a recoverer hardly waits: whoever suspects a death asks again.
 */
static int bury(struct view *v, uint32_t slot)
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

/* A thread of a live member went without a word.  1, 0, -errno. */
static int bury_thread(struct view *v, struct thread_rec *t, uint32_t token)
{
	int r = life_lock(v, BURY_NS);

	if (r < 0)
		return r;
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
	/* Acquire: pairs with the releases in thread_claim(), _release(). */
	member = load_acquire(&t->member);
	if (!member || member > v->geo.max_members + 1 ||
	    load_acquire(&t->token) != (token & TOKEN_MASK))
		return 0;
	if (member_is_dead(v, member - 1))
		return bury(v, member - 1);
	if (thread_is_dead(v, t))
		return bury_thread(v, t, token & TOKEN_MASK);
	return 0;
}

/* Some of a doomed arena may have been out of reach of who found its master
 * dead: another user's, or in another pid namespace. */
static void doom_again(struct view *v)
{
	if (life_lock(v, BURY_NS) < 0)
		return;
	if (v->sb->flags & ARENA_DOOMED &&
	    load_relaxed(&v->sb->state) != ARENA_GONE)
		doom(v);
	life_unlock(v);
}

int life_sweep(struct view *v)
{
	uint32_t hi = members_hi(v);
	int n = 0;

	for (uint32_t i = 0; i < hi; i++) {
		int r = 0;

		if (i != v->slot && member_is_dead(v, i))
			r = bury(v, i);
		n += r == 1;
		/* The lock is taken: it would be for the next one, too. */
		if (r == -ETIMEDOUT)
			return n;
	}
	if (load_relaxed(&v->sb->flags) & ARENA_DOOMED)
		doom_again(v);
	return n;
}

/* Their JOIN was never answered, or they have never fetched their witness: the
 * process that asked has got an error, and if it asks again it gets another
 * slot. */
static void drop_untold(struct view *v)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);

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
	/* Also if the slot is free: one may have died between freeing its
	 * predecessor's slot and taking it, with a record in hand. */
	r = recover_undertaker(v);
	if (r < 0)
		goto out;
	m->pid = (uint32_t)getpid();
	m->own_pid = m->pid;
	m->pidns = process_pidns();
	m->start_time = process_start_time(getpid());
	store_release(&m->state, MEMBER_ALIVE);
	thread_claim_undertaker(v);
	drop_untold(v);
	life_sweep(v);
	member_count(v, 0, &joining, &alive, &leaving);
	r = (int)(joining + alive + leaving);
out:
	life_unlock(v);
	return r;
}
