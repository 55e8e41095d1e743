/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/event.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/life.h"
#include "libfusion/core/recover.h"

static void life_changed(struct view *v)
{
	add_release(&v->sb->life_seq, 1);
	futex_wake(&v->sb->life_seq, INT_MAX);
}

static uint32_t members_hi(const struct view *v)
{
	return view_hi(&v->sb->members_hi, v->geo.max_members + 1);
}

static bool is_inside(uint32_t state)
{
	return state == MEMBER_JOINING || state == MEMBER_ALIVE ||
	       state == MEMBER_LEAVING;
}

static int publish(struct view *v, uint32_t slot)
{
	int r;

	if (slot < members_hi(v))
		return 0;
	r = view_reserve(v, view_off(v, view_member(v, slot)),
			 sizeof(struct member_rec));
	/* Release: pairs with the acquire in view_hi(). */
	if (!r)
		store_release(&v->sb->members_hi, slot + 1);
	return r;
}

/* Commit: the store of state.  Killed before: the slot is free. */
int member_claim(struct view *v, const struct member_info *info,
		 uint32_t *ret_slot)
{
	struct member_rec *m;
	uint32_t slot = 1;
	int r;

	while (slot < members_hi(v) &&
	       load_relaxed(&view_member(v, slot)->state))
		slot++;
	if (slot > v->geo.max_members)
		return -ENOSPC;
	r = publish(v, slot);
	if (r < 0)
		return r;
	m = view_member(v, slot);
	m->pid = (uint32_t)info->pid;
	m->uid = info->uid;
	m->gid = info->gid;
	m->start_time = info->start_time;
	m->joined_ns = (uint64_t)clock_realtime_ns();
	m->pidns = process_pidns();
	m->own_pid = 0;
	m->role = info->role;
	memcpy(m->comm, info->comm, sizeof(m->comm));
	m->id = v->sb->next_id++;
	compiler_fence();
	store_release(&m->state, MEMBER_JOINING);
	life_changed(v);
	*ret_slot = slot;
	return 0;
}

int member_ready(struct view *v, uint32_t slot)
{
	struct member_rec *m = view_member(v, slot);
	uint32_t state = MEMBER_JOINING;

	if (!cas_acq_rel(&m->state, &state, MEMBER_ALIVE))
		return -ESRCH;
	event_log(v, view_self(v), EVENT_JOIN, m->id,
		  "member %u pid %u comm %.15s role %s", m->id, m->pid, m->comm,
		  v->sb->master == m->id ? "master" : "slave");
	life_changed(v);
	return 0;
}

void member_count(struct view *v, uint32_t except, uint32_t *joining,
		  uint32_t *alive, uint32_t *leaving)
{
	uint32_t n[MEMBER_DEAD + 1] = {0}, hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		uint32_t state = load_acquire(&view_member(v, i)->state);

		if (i != except && state <= MEMBER_DEAD)
			n[state]++;
	}
	if (joining)
		*joining = n[MEMBER_JOINING];
	if (alive)
		*alive = n[MEMBER_ALIVE];
	if (leaving)
		*leaving = n[MEMBER_LEAVING];
}

uint32_t member_find(const struct view *v, uint32_t id)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);

		if (is_inside(load_acquire(&m->state)) && m->id == id)
			return i;
	}
	return 0;
}

int life_exit_begin(struct view *v, uint32_t slot, bool has_leave)
{
	struct member_rec *m = view_member(v, slot);
	uint32_t joining, alive, leaving;

	member_count(v, slot, &joining, &alive, &leaving);
	if (joining || alive) {
		if (v->sb->master == m->id && !has_leave)
			return -EBUSY;
		store_release(&m->state, MEMBER_LEAVING);
		life_changed(v);
		return EXIT_NOT_LAST;
	}
	if (leaving)
		return EXIT_WAIT;
	store_release(&m->state, MEMBER_LEAVING);
	store_release(&v->sb->state, ARENA_SHUTTING_DOWN);
	event_log(v, view_self(v), EVENT_STATE, m->id, "shutting-down");
	life_changed(v);
	return EXIT_LAST;
}

void life_stay(struct view *v, uint32_t slot)
{
	store_release(&view_member(v, slot)->state, MEMBER_ALIVE);
	if (v->sb->state == ARENA_SHUTTING_DOWN)
		store_release(&v->sb->state, ARENA_RUNNING);
	life_changed(v);
}

void life_running(struct view *v)
{
	store_release(&v->sb->state, ARENA_RUNNING);
	event_log(v, view_self(v), EVENT_STATE, v->sb->master, "running");
	life_changed(v);
}

/* The pid was verified to be the member's when it was last looked at. */
static void kill_members(struct view *v, uint32_t except)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		struct member_rec *m = view_member(v, i);

		if (i == except || i == v->slot ||
		    !is_inside(load_acquire(&m->state)))
			continue;
		member_signal(v, i, SIGKILL);
	}
	/* A survivor that does the undertaker's work goes last. */
	if (v->slot && v->slot != except)
		kill(getpid(), SIGKILL);
}

static uint32_t oldest_alive(struct view *v, uint32_t except)
{
	uint32_t hi = members_hi(v), best = 0;

	for (uint32_t i = 1; i < hi; i++) {
		struct member_rec *m = view_member(v, i);

		if (i != except && load_acquire(&m->state) == MEMBER_ALIVE &&
		    (!best || m->id < best))
			best = m->id;
	}
	return best;
}

static void master_gone(struct view *v, uint32_t slot, bool died)
{
	uint32_t id = view_member(v, slot)->id, heir = 0;

	if (v->sb->on_master_death == MASTER_DEATH_PROMOTE)
		heir = oldest_alive(v, slot);
	store_release(&v->sb->master, heir);
	event_log(v, view_self(v), EVENT_MASTER_LOST, id, "member %u", id);
	if (heir)
		event_log(v, view_self(v), EVENT_PROMOTED, heir, "member %u",
			  heir);
	if (died && v->sb->on_master_death == MASTER_DEATH_KILL)
		kill_members(v, slot);
}

int life_depart(struct view *v, uint32_t slot, bool died)
{
	struct member_rec *m = view_member(v, slot);
	uint32_t joining, alive, leaving, state = load_acquire(&m->state);
	int r = 0;

	if (state != MEMBER_FREE) {
		/* From here on whoever comes next starts over. */
		store_release(&m->state, MEMBER_DEAD);
		compiler_fence();
		r = recover_member(v, slot);
		if (died)
			v->sb->deaths++;
		event_log(v, view_self(v), died ? EVENT_DEATH : EVENT_LEAVE,
			  m->id, "member %u pid %u comm %.15s", m->id, m->pid,
			  m->comm);
		if (v->sb->master == m->id)
			master_gone(v, slot, died);
		/* Release: who claims the slot finds it recovered. */
		store_release(&m->state, MEMBER_FREE);
		life_changed(v);
	}
	member_count(v, 0, &joining, &alive, &leaving);
	return r < 0 ? r : (int)(joining + alive + leaving);
}
