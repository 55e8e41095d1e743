/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/waiters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fusion/arena.h>

#include "fusionfs/base/log.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/hand_over.h"
#include "fusionfs/service/later.h"
#include "fusionfs/service/undertaker.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"

#define MUST_WAIT 1

struct waiter {
	struct waiter *next;
	struct arena *arena;
	struct fuse_req *req;
	struct charge charge; /* once it is parked */
	int64_t deadline_ns;  /* CLOCK_MONOTONIC, -1 none */
	int expires;	      /* with this, if not -ETIMEDOUT */
	/* 0, MUST_WAIT, -errno. */
	int (*attempt)(struct arena *a, struct waiter *w);
	bool is_join;
	struct ioc_join join;
	struct ioc_member member;
	struct caller caller;
	const void *dir;
	struct offer *offer; /* of a JOIN, while it is attempted */
};

static int64_t deadline(int64_t timeout_ns)
{
	int64_t now = clock_monotonic_ns();

	return timeout_ns < 0 || timeout_ns > INT64_MAX - now
		       ? -1
		       : now + timeout_ns;
}

/* --- JOIN ---------------------------------------------------------------- */

int request_may_write(struct arena *a, struct fuse_req *req, uid_t uid)
{
	struct stat st;

	if (uid == 0)
		return 0;
	arena_stat(a, &st);
	if (uid == st.st_uid)
		return st.st_mode & S_IWUSR ? 0 : -EACCES;
	if (request_in_group(req, st.st_gid))
		return st.st_mode & S_IWGRP ? 0 : -EACCES;
	return st.st_mode & S_IWOTH ? 0 : -EACCES;
}

/* Only who made the directory says that it is to vanish. */
static bool is_owner(struct arena *a, const struct caller *c)
{
	struct stat st;

	arena_stat(a, &st);
	return st.st_uid == c->uid;
}

static void read_comm(pid_t pid, char comm[16])
{
	char path[48];
	FILE *f;

	memset(comm, 0, 16);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(comm, 16, f))
		comm[0] = 0;
	fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	for (char *p = comm; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* As what may it join now?  A role, MUST_WAIT (as a role there is none with
 * this number + 16), -errno. */
static int role_now(const struct superblock *sb, const struct ioc_join *j,
		    uint32_t *ret_role)
{
	uint32_t master = load_acquire(&sb->master);

	switch (load_acquire(&sb->state)) {
	case ARENA_EMPTY:
		if (j->role == FUSION_ROLE_SLAVE)
			return MUST_WAIT;
		*ret_role = FUSION_ROLE_MASTER;
		return 0;
	case ARENA_INITIALIZING:
		return j->role == FUSION_ROLE_MASTER ? -EEXIST : MUST_WAIT;
	case ARENA_RUNNING:
		if (j->role == FUSION_ROLE_MASTER && master)
			return -EEXIST;
		*ret_role = j->role == FUSION_ROLE_MASTER ? FUSION_ROLE_MASTER
							  : FUSION_ROLE_SLAVE;
		return 0;
	case ARENA_SHUTTING_DOWN:
	case ARENA_GONE:
		return MUST_WAIT;
	default:
		return -EIO;
	}
}

/* The first one in decides what the arena is like. */
static void settle(struct arena *a, const struct ioc_join *j)
{
	struct superblock *sb = a->view.sb;
	uint32_t what = j->on_master_death <= MASTER_DEATH_PROMOTE
				? j->on_master_death
				: MASTER_DEATH_NOTIFY;

	if (!a->members)
		a->on_master_death = what;
	if (load_acquire(&sb->state) != ARENA_EMPTY)
		return;
	sb->on_master_death = what;
	sb->flags = a->store.policy.transient ? ARENA_TRANSIENT : 0;
}

static int let_in(struct arena *a, struct waiter *w, uint32_t role)
{
	struct member_info info = {
		.pid = w->caller.pid,
		.uid = w->caller.uid,
		.gid = w->caller.gid,
		.start_time = process_start_time(w->caller.pid),
		.role = role,
		.witness = offer_witness(w->offer),
	};
	struct newcomer who = {
		.is_master = role == FUSION_ROLE_MASTER,
		.caller = w->caller,
		.dir = w->dir,
	};
	struct ioc_join *j = &w->join;
	struct view *v = &a->view;
	uint32_t slot;
	int r;

	j->running = load_acquire(&v->sb->state) == ARENA_RUNNING;
	settle(a, j);
	read_comm(info.pid, info.comm);
	r = member_claim(v, &info, &slot);
	if (r < 0)
		return r;
	j->slot = who.slot = slot;
	j->id = who.id = view_member(v, slot)->id;
	j->role_got = role;
	j->base = a->base;
	j->span_got = v->geo.span;
	r = undertaker_track(a, &who);
	if (r == 0 && who.is_master && a->on_master_death == MASTER_DEATH_KILL)
		store_note(&a->store, MASTER_DEATH_KILL, who.slot);
	if (r < 0) {
		life_depart(v, slot, false);
		return r;
	}
	if (j->flags & JOIN_ALIVE && role == FUSION_ROLE_SLAVE)
		member_ready(v, slot);
	return 0;
}

/* Somebody has a lock: wait, like for anything else.  Also whoever does not
 * want to wait for others to join or leave, but not for long. */
static int lock_failed(struct arena *a, struct waiter *w, int r)
{
	int64_t soon = clock_monotonic_ns() + LATER_REQUEST_NS;

	if (r != -ETIMEDOUT)
		return r;
	later(a);
	if (w->is_join && w->join.flags & JOIN_NOWAIT && !w->expires) {
		w->expires = -EAGAIN;
		if (w->deadline_ns < 0 || soon < w->deadline_ns)
			w->deadline_ns = soon;
	}
	return MUST_WAIT;
}

static int try_join(struct arena *a, void *arg)
{
	struct waiter *w = arg;
	uint32_t role = 0;
	int r = arena_lock(a);

	if (r < 0)
		return lock_failed(a, w, r);
	r = a->doomed ? MUST_WAIT : role_now(a->view.sb, &w->join, &role);
	if (r == MUST_WAIT && w->join.flags & JOIN_NOWAIT)
		r = -EAGAIN;
	if (r == 0)
		r = let_in(a, w, role);
	arena_unlock(a);
	return r;
}

/* Not in try_join(): that may be left by a jump. */
static int join_charged(struct arena *a, struct waiter *w)
{
	struct charge charge;
	int r = quota_take(&charge, w->caller.uid, QUOTA_MEMBERS, 1);

	if (r < 0)
		return r;
	r = guarded(a, try_join, w);
	if (r == 0)
		undertaker_charge(a, w->join.slot, w->join.id, &charge);
	quota_give(&charge);
	return r;
}

static int wants_renewal(struct arena *a, void *arg)
{
	const struct ioc_join *j = arg;

	return (j->span && j->span != a->view.geo.span) ||
	       (j->limit && j->limit != a->view.sb->limit) ||
	       (j->flags & JOIN_ELSEWHERE &&
		window_is_busy(&j->busy, a->base, a->view.geo.span));
}

/* The first one in may ask for a span and a limit of its own, and for a place
 * that is free in its address space. */
static int join_once(struct arena *a, struct waiter *w)
{
	int r;

	w->attempt = join_once;
	if (a->unsettled)
		return lock_failed(a, w, -ETIMEDOUT);
	r = arena_refresh(a);
	if (r < 0)
		return r;
	r = hand_over_listen();
	if (r)
		return r < 0 ? r : MUST_WAIT;
	if (w->join.role != FUSION_ROLE_SLAVE && !a->members &&
	    guarded(a, wants_renewal, &w->join) == 1) {
		r = arena_renew(a, w->join.span, w->join.limit,
				w->join.flags & JOIN_ELSEWHERE ? &w->join.busy
							       : NULL);
		if (r < 0)
			return r;
	}
	r = offer_make(a, true, &w->offer);
	if (r < 0)
		return r;
	r = join_charged(a, w);
	if (r == 0)
		offer_publish(w->offer, w->join.id, w->caller.pid,
			      &w->join.token);
	else
		offer_cancel(w->offer);
	return r;
}

/* --- Parking ------------------------------------------------------------- */

static void unpark(struct waiter *w)
{
	struct waiter **p = &w->arena->waiters;

	while (*p && *p != w)
		p = &(*p)->next;
	if (*p)
		*p = w->next;
}

static void answer(struct waiter *w, int r)
{
	if (w->is_join)
		reply_ioctl(w->req, r, &w->join, sizeof(w->join));
	else
		reply_ioctl(w->req, r, &w->member, sizeof(w->member));
	quota_give(&w->charge);
	free(w);
}

/* Nobody inside, nobody waiting, made by entering: it is not needed. */
static void vanish_if_unused(struct arena *a)
{
	if (a->store.policy.transient && !a->waiters && !a->corrupt &&
	    !a->members)
		arena_destroy(a, true);
}

void waiters_idle(struct arena *a)
{
	bool idle = a->store.policy.transient && !a->waiters && !a->members;

	/* Seen twice: its maker has had a second to join it. */
	a->idle = idle ? a->idle + 1 : 0;
	if (a->idle > 1)
		vanish_if_unused(a);
}

static void interrupted(struct fuse_req *req, void *data)
{
	struct waiter *w = data;
	struct arena *a = w->arena;

	(void)req;
	unpark(w);
	answer(w, -EINTR);
	vanish_if_unused(a);
}

/* Does the same member wait for something already?  A process that comes in or
 * goes out does one after the other. */
static bool waits_already(const struct waiter *w)
{
	const struct waiter *other = w->arena->waiters;

	while (other &&
	       (other->is_join || other->member.slot != w->member.slot ||
		other->member.id != w->member.id))
		other = other->next;
	return other;
}

/* A member has been paid for, and must be able to leave: its one request waits
 * whatever else its user has waiting. */
static int charge(struct waiter *w)
{
	if (w->is_join)
		return quota_take(&w->charge, w->caller.uid, QUOTA_WAITS, 1);
	if (waits_already(w))
		return -EALREADY;
	quota_adopt(&w->charge, w->caller.uid, QUOTA_WAITS, 1);
	return 0;
}

static void park(struct waiter *w)
{
	struct waiter **p = &w->arena->waiters;
	int r = charge(w);

	if (r < 0) {
		struct arena *a = w->arena;

		answer(w, r);
		vanish_if_unused(a);
		return;
	}
	while (*p)
		p = &(*p)->next;
	w->next = NULL;
	*p = w;
	request_on_interrupt(w->req, interrupted, w);
}

static struct waiter *make_waiter(struct arena *a, struct fuse_req *req,
				  int64_t timeout_ns)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int r = w ? request_caller(req, &w->caller) : -ENOMEM;

	if (r < 0) {
		reply_err(req, r);
		free(w);
		return NULL;
	}
	w->arena = a;
	w->req = req;
	w->deadline_ns = deadline(timeout_ns);
	return w;
}

static void tell_versions(struct ioc_join *j)
{
	j->slot = 0;
	j->daemon_format = FUSION_FORMAT;
	j->daemon_protocol = FUSION_PROTOCOL;
	memset(j->daemon_version, 0, sizeof(j->daemon_version));
	memcpy(j->daemon_version, FUSION_VERSION, sizeof(FUSION_VERSION));
}

void request_join(struct arena *a, struct fuse_req *req,
		  const struct ioc_join *j, const void *dir)
{
	struct waiter *w = make_waiter(a, req, j->timeout_ns);
	uint64_t least;
	int r;

	if (!w)
		return;
	w->is_join = true;
	w->join = *j;
	w->dir = dir;
	tell_versions(&w->join);
	if (j->protocol != FUSION_PROTOCOL || j->format != FUSION_FORMAT) {
		answer(w, 0); /* slot 0: the library says what is wrong */
		return;
	}
	if (j->role > FUSION_ROLE_SLAVE ||
	    (j->span && (j->span < SPAN_MIN || j->span > SPAN_MAX ||
			 j->span & (j->span - 1)))) {
		answer(w, -EINVAL);
		return;
	}
	least = arena_least(j->span);
	if (j->limit && j->limit < least) {
		w->join.limit = least;
		answer(w, 0); /* slot 0 again: the library says so */
		return;
	}
	r = request_may_write(a, req, w->caller.uid);
	if (!r) {
		if (j->flags & JOIN_TRANSIENT && is_owner(a, &w->caller))
			r = arena_make_transient(a);
		if (!r)
			r = join_once(a, w);
	}
	if (r == MUST_WAIT) {
		park(w);
		return;
	}
	answer(w, r);
	events_changed(a);
	if (r < 0)
		vanish_if_unused(a);
}

/* --- READY, EXIT, LEAVE -------------------------------------------------- */

static struct waiter *member_request(struct arena *a, struct fuse_req *req,
				     const struct ioc_member *m)
{
	/* A member that waits to be in or to be out has no other way to go: it
	 * waits until there is an answer. */
	struct waiter *w = make_waiter(a, req, -1);
	int r;

	if (!w)
		return NULL;
	w->member = *m;
	r = undertaker_is_own(a, m->slot, m->id, &w->caller);
	if (r < 0) {
		answer(w, r);
		return NULL;
	}
	return w;
}

/* The same, for what a member cannot do once it has asked to be let out. */
static struct waiter *inside_request(struct arena *a, struct fuse_req *req,
				     const struct ioc_member *m)
{
	struct waiter *w = member_request(a, req, m);

	if (!w || !undertaker_find(a, m->slot, m->id)->going)
		return w;
	answer(w, -ESRCH);
	return NULL;
}

/* Until waiters_let_go(). */
static int is_out(struct arena *a, struct waiter *w)
{
	(void)a;
	w->attempt = is_out;
	return MUST_WAIT;
}

/* Asked again, after a signal, it waits on. */
static int let_out(struct arena *a, struct waiter *w)
{
	const struct tracked *t =
		undertaker_find(a, w->member.slot, w->member.id);
	int r = t->going ? 1 : undertaker_depart(a, t->slot, t->id, false);

	return r == 1 ? is_out(a, w) : r;
}

static int make_ready_locked(struct arena *a, void *arg)
{
	struct waiter *w = arg;
	int r = arena_lock(a);

	if (r < 0)
		return lock_failed(a, w, r);
	r = member_ready(&a->view, w->member.slot);
	arena_unlock(a);
	return r;
}

static int make_ready(struct arena *a, struct waiter *w)
{
	w->attempt = make_ready;
	return guarded(a, make_ready_locked, w);
}

static int is_initializing(struct arena *a, void *unused)
{
	(void)unused;
	return load_acquire(&a->view.sb->state) == ARENA_INITIALIZING;
}

/* initialize() or join() refused.  Those who waited for an initialisation
 * that failed politely fail as it did. */
static int refused(struct arena *a, struct waiter *w)
{
	int error = w->member.result;

	if (error < -4095)
		error = -EINVAL;
	if (guarded(a, is_initializing, NULL) == 1)
		waiters_fail(a, error);
	return let_out(a, w);
}

void request_ready(struct arena *a, struct fuse_req *req,
		   const struct ioc_member *m)
{
	struct waiter *w = m->result < 0 ? member_request(a, req, m)
					 : inside_request(a, req, m);
	uint64_t serial = a->serial;
	int r;

	if (!w)
		return;
	r = m->result < 0 ? refused(a, w) : make_ready(a, w);
	if (r == MUST_WAIT) {
		park(w);
		return;
	}
	answer(w, r);
	if (!world_serial(serial))
		return;
	events_changed(a);
	waiters_look(a);
}

static int begin_exit_locked(struct arena *a, void *arg)
{
	struct waiter *w = arg;
	int r = arena_lock(a);

	if (r < 0)
		return lock_failed(a, w, r);
	r = life_exit_begin(&a->view, w->member.slot);
	arena_unlock(a);
	if (r == EXIT_WAIT)
		return MUST_WAIT;
	if (r < 0)
		return r;
	w->member.answer = (uint32_t)r;
	return 0;
}

static int begin_exit(struct arena *a, struct waiter *w)
{
	w->attempt = begin_exit;
	return guarded(a, begin_exit_locked, w);
}

void request_exit(struct arena *a, struct fuse_req *req,
		  const struct ioc_member *m)
{
	struct waiter *w = inside_request(a, req, m);
	int r;

	if (!w)
		return;
	r = begin_exit(a, w);
	if (r == MUST_WAIT) {
		park(w);
		return;
	}
	answer(w, r);
	events_changed(a);
}

void request_leave(struct arena *a, struct fuse_req *req,
		   const struct ioc_member *m)
{
	struct waiter *w = member_request(a, req, m);
	int r;

	if (!w)
		return;
	r = let_out(a, w);
	if (r == MUST_WAIT)
		park(w);
	else
		answer(w, r);
}

void request_renew(struct arena *a, struct fuse_req *req,
		   const struct ioc_renew *ask)
{
	struct ioc_member m = {.slot = ask->slot, .id = ask->id};
	struct ioc_renew answer = *ask;
	struct waiter *w = inside_request(a, req, &m);
	struct offer *o;
	int r;

	if (!w)
		return;
	r = hand_over_listen();
	if (r == 0)
		r = offer_make(a, false, &o);
	if (r == 0)
		offer_publish(o, m.id, w->caller.pid, &answer.token);
	reply_ioctl(req, r > 0 ? -EAGAIN : r, &answer, sizeof(answer));
	free(w);
}

/* --- Looking again ------------------------------------------------------- */

void waiters_look(struct arena *a)
{
	struct waiter *w = a->waiters;

	while (w) {
		struct waiter *next = w->next;
		int r = w->attempt(a, w);

		if (r != MUST_WAIT) {
			unpark(w);
			answer(w, r);
		}
		w = next;
	}
	events_changed(a);
	vanish_if_unused(a);
}

void waiters_let_go(struct arena *a, uint32_t slot, uint32_t id)
{
	struct waiter *w, *next;

	for (w = a->waiters; w; w = next) {
		next = w->next;
		if (w->attempt != is_out || w->member.slot != slot ||
		    w->member.id != id)
			continue;
		unpark(w);
		answer(w, 0);
	}
}

void waiters_fail(struct arena *a, int error)
{
	while (a->waiters) {
		struct waiter *w = a->waiters;

		a->waiters = w->next;
		answer(w, error);
	}
}

void waiters_fail_joins(struct arena *a, int error)
{
	struct waiter *w, *next;

	for (w = a->waiters; w; w = next) {
		next = w->next;
		if (!w->is_join)
			continue;
		unpark(w);
		answer(w, error);
	}
	vanish_if_unused(a);
}

int64_t waiters_expire(void)
{
	int64_t now = clock_monotonic_ns(), first = -1;
	struct arena *a, *next_arena;

	for (a = world.arenas; a; a = next_arena) {
		struct waiter *w = a->waiters, *next;
		bool expired = false;

		next_arena = a->next;
		if (a->corrupt) {
			waiters_fail(a, -EIO);
			continue;
		}
		for (; w; w = next) {
			next = w->next;
			if (w->deadline_ns < 0)
				continue;
			if (w->deadline_ns <= now) {
				unpark(w);
				answer(w, w->expires ? w->expires : -ETIMEDOUT);
				expired = true;
			} else if (first < 0 || w->deadline_ns - now < first) {
				first = w->deadline_ns - now;
			}
		}
		if (expired)
			vanish_if_unused(a);
	}
	return first;
}
