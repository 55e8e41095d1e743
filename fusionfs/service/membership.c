/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/membership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/arena.h>

#include "fusionfs/base/process.h"
#include "fusionfs/base/quota.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/hand_over.h"
#include "fusionfs/service/ioctl.h"
#include "fusionfs/service/later.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/service/waiters.h"
#include "fusionfs/world/arena.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/store.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/protocol.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"

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

/* Choose the role in which the process can join now.  0 and *ret_role;
 * WAITER_MUST_WAIT; -errno. */
static int choose_role(const struct superblock *sb, const struct ioc_join *j,
		       uint32_t *ret_role)
{
	/* The life lock, which we hold, orders both loads.  They are acquires,
	 * as all loads of these words: pairs with member_claim(). */
	uint32_t master = load_acquire(&sb->master);

	switch (load_acquire(&sb->state)) {
	case ARENA_EMPTY:
		if (j->role == FUSION_ROLE_SLAVE)
			return WAITER_MUST_WAIT;
		*ret_role = FUSION_ROLE_MASTER;
		return 0;
	case ARENA_INITIALIZING:
		return j->role == FUSION_ROLE_MASTER ? -EEXIST
						     : WAITER_MUST_WAIT;
	case ARENA_RUNNING:
		if (j->role == FUSION_ROLE_MASTER && master)
			return -EEXIST;
		*ret_role = j->role == FUSION_ROLE_MASTER ? FUSION_ROLE_MASTER
							  : FUSION_ROLE_SLAVE;
		return 0;
	case ARENA_SHUTTING_DOWN:
	case ARENA_GONE:
		return WAITER_MUST_WAIT;
	default:
		return -EIO;
	}
}

/* Note what the first member wants the arena to be like. */
static void note_first_wishes(struct arena *a, const struct ioc_join *j)
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

static int let_member_in(struct arena *a, struct waiter *w, uint32_t role)
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
	note_first_wishes(a, j);
	process_read_comm(info.pid, info.comm);
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

/* Wait for a lock that is held, as for anything else.  A JOIN that does not
 * want to wait for others to join or leave waits for a lock, too, but not for
 * long. */
static int wait_for_lock(struct arena *a, struct waiter *w, int r)
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
	return WAITER_MUST_WAIT;
}

static int join_locked(struct arena *a, void *arg)
{
	struct waiter *w = arg;
	uint32_t role = 0;
	int r = arena_lock(a);

	if (r < 0)
		return wait_for_lock(a, w, r);
	r = a->doomed ? WAITER_MUST_WAIT
		      : choose_role(a->view.sb, &w->join, &role);
	if (r == WAITER_MUST_WAIT && w->join.flags & JOIN_NOWAIT)
		r = -EAGAIN;
	if (r == 0)
		r = let_member_in(a, w, role);
	arena_unlock(a);
	return r;
}

/* Charge outside of join_locked(), which may be left by a jump. */
static int join_charged(struct arena *a, struct waiter *w)
{
	struct charge charge;
	int r = quota_take(&charge, w->caller.uid, QUOTA_MEMBERS, 1);

	if (r < 0)
		return r;
	r = guarded(a, join_locked, w);
	if (r == 0)
		undertaker_charge(a, w->join.slot, w->join.id, &charge);
	quota_give(&charge);
	return r;
}

static int join_wants_renewal(struct arena *a, void *arg)
{
	const struct ioc_join *j = arg;

	return (j->span && j->span != a->view.geo.span) ||
	       (j->limit && j->limit != a->view.sb->limit) ||
	       (j->flags & JOIN_ELSEWHERE &&
		window_is_busy(&j->busy, a->base, a->view.geo.span));
}

/* The first member may ask for a span and a limit of its own, and for an
 * address that is free in its address space. */
static int attempt_join(struct arena *a, struct waiter *w)
{
	int r;

	w->attempt = attempt_join;
	if (a->unsettled)
		return wait_for_lock(a, w, -ETIMEDOUT);
	r = arena_refresh(a);
	if (r < 0)
		return r;
	r = hand_over_listen();
	if (r)
		return r < 0 ? r : WAITER_MUST_WAIT;
	if (w->join.role != FUSION_ROLE_SLAVE && !a->members &&
	    guarded(a, join_wants_renewal, &w->join) == 1) {
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

static void tell_versions(struct ioc_join *j)
{
	j->slot = 0;
	j->daemon_format = FUSION_FORMAT;
	j->daemon_protocol = FUSION_PROTOCOL;
	memset(j->daemon_version, 0, sizeof(j->daemon_version));
	memcpy(j->daemon_version, FUSION_VERSION, sizeof(FUSION_VERSION));
}

void request_join(const struct ioctl_request *q)
{
	const struct ioc_join *j = q->in;
	struct arena *a = q->arena;
	struct waiter *w = waiter_make(a, q->req, j->timeout_ns);
	uint64_t least;
	int r;

	if (!w)
		return;
	w->is_join = true;
	w->join = *j;
	w->dir = q->dir;
	tell_versions(&w->join);
	if (j->protocol != FUSION_PROTOCOL || j->format != FUSION_FORMAT) {
		waiter_answer(w,
			      0); /* slot 0: the library says what is wrong */
		return;
	}
	if (j->role > FUSION_ROLE_SLAVE ||
	    (j->span && (j->span < SPAN_MIN || j->span > SPAN_MAX ||
			 j->span & (j->span - 1)))) {
		waiter_answer(w, -EINVAL);
		return;
	}
	least = arena_least(j->span);
	if (j->limit && j->limit < least) {
		w->join.limit = least;
		waiter_answer(w, 0); /* slot 0 again: the library says so */
		return;
	}
	r = request_may_write(a, q->req, w->caller.uid);
	if (!r) {
		/* Only its owner says that it is to vanish. */
		if (j->flags & JOIN_TRANSIENT &&
		    arena_is_owner(a, w->caller.uid))
			r = arena_make_transient(a);
		if (!r)
			r = attempt_join(a, w);
	}
	if (r == WAITER_MUST_WAIT) {
		waiter_park(w);
		return;
	}
	waiter_answer(w, r);
	events_changed(a);
	if (r < 0)
		waiters_vanish_if_unused(a);
}

/* --- READY, EXIT, LEAVE -------------------------------------------------- */

static struct waiter *member_request(struct arena *a, struct fuse_req *req,
				     const struct ioc_member *m)
{
	/* A member that waits to be in or to be out has no other way to go: it
	 * waits until there is an answer. */
	struct waiter *w = waiter_make(a, req, -1);
	int r;

	if (!w)
		return NULL;
	w->member = *m;
	r = undertaker_is_own(a, m->slot, m->id, &w->caller);
	if (r < 0) {
		waiter_answer(w, r);
		return NULL;
	}
	return w;
}

/* Begin a request that a member cannot make once it has asked to be let out. */
static struct waiter *inside_request(struct arena *a, struct fuse_req *req,
				     const struct ioc_member *m)
{
	struct waiter *w = member_request(a, req, m);

	if (!w || !undertaker_find(a, m->slot, m->id)->going)
		return w;
	waiter_answer(w, -ESRCH);
	return NULL;
}

/* A member that asks again, after a signal, waits on. */
static int let_member_out(struct arena *a, struct waiter *w)
{
	const struct tracked *t =
		undertaker_find(a, w->member.slot, w->member.id);
	int r = t->going ? 1 : undertaker_depart(a, t->slot, t->id, false);

	return r == 1 ? waiter_until_let_go(a, w) : r;
}

static int ready_locked(struct arena *a, void *arg)
{
	struct waiter *w = arg;
	int r = arena_lock(a);

	if (r < 0)
		return wait_for_lock(a, w, r);
	r = member_ready(&a->view, w->member.slot);
	arena_unlock(a);
	return r;
}

static int attempt_ready(struct arena *a, struct waiter *w)
{
	w->attempt = attempt_ready;
	return guarded(a, ready_locked, w);
}

static int is_initializing(struct arena *a, void *unused)
{
	(void)unused;
	/* Acquire: pairs with the release in member_claim(). */
	return load_acquire(&a->view.sb->state) == ARENA_INITIALIZING;
}

/* Let out a member whose initialize() or join() refused.  Processes that waited
 * for that initialisation get its error. */
static int refuse_initialisation(struct arena *a, struct waiter *w)
{
	int error = w->member.result;

	if (error < -4095)
		error = -EINVAL;
	if (guarded(a, is_initializing, NULL) == 1)
		waiters_fail(a, error);
	return let_member_out(a, w);
}

void request_ready(const struct ioctl_request *q)
{
	const struct ioc_member *m = q->in;
	struct arena *a = q->arena;
	struct waiter *w = m->result < 0 ? member_request(a, q->req, m)
					 : inside_request(a, q->req, m);
	uint64_t serial = a->serial;
	int r;

	if (!w)
		return;
	r = m->result < 0 ? refuse_initialisation(a, w) : attempt_ready(a, w);
	if (r == WAITER_MUST_WAIT) {
		waiter_park(w);
		return;
	}
	waiter_answer(w, r);
	if (!world_serial(serial))
		return;
	events_changed(a);
	waiters_look(a);
}

static int exit_locked(struct arena *a, void *arg)
{
	struct waiter *w = arg;
	int r = arena_lock(a);

	if (r < 0)
		return wait_for_lock(a, w, r);
	r = life_exit_begin(&a->view, w->member.slot);
	arena_unlock(a);
	if (r == EXIT_WAIT)
		return WAITER_MUST_WAIT;
	if (r < 0)
		return r;
	w->member.answer = (uint32_t)r;
	return 0;
}

static int attempt_exit(struct arena *a, struct waiter *w)
{
	w->attempt = attempt_exit;
	return guarded(a, exit_locked, w);
}

void request_exit(const struct ioctl_request *q)
{
	const struct ioc_member *m = q->in;
	struct arena *a = q->arena;
	struct waiter *w = inside_request(a, q->req, m);
	int r;

	if (!w)
		return;
	r = attempt_exit(a, w);
	if (r == WAITER_MUST_WAIT) {
		waiter_park(w);
		return;
	}
	waiter_answer(w, r);
	events_changed(a);
}

void request_leave(const struct ioctl_request *q)
{
	const struct ioc_member *m = q->in;
	struct arena *a = q->arena;
	struct waiter *w = member_request(a, q->req, m);
	int r;

	if (!w)
		return;
	r = let_member_out(a, w);
	if (r == WAITER_MUST_WAIT)
		waiter_park(w);
	else
		waiter_answer(w, r);
}

void request_renew(const struct ioctl_request *q)
{
	const struct ioc_renew *ask = q->in;
	struct arena *a = q->arena;
	struct ioc_member m = {.slot = ask->slot, .id = ask->id};
	struct ioc_renew answer = *ask;
	struct waiter *w = inside_request(a, q->req, &m);
	struct offer *o;
	int r;

	if (!w)
		return;
	r = hand_over_listen();
	if (r == 0)
		r = offer_make(a, false, &o);
	if (r == 0)
		offer_publish(o, m.id, w->caller.pid, &answer.token);
	reply_ioctl(q->req, r > 0 ? -EAGAIN : r, &answer, sizeof(answer));
	free(w);
}
