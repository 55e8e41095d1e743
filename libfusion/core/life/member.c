/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/life/member.h"

#include "libfusion/core/life/life.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <fusion/arena.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/life/witness.h"

uint32_t members_hi(const struct view *v)
{
	return view_hi(&v->sb->members_hi, v->geo.max_members + 1);
}

bool member_at(const struct view *v, uint32_t slot, uint32_t id)
{
	uint32_t state;

	if (!slot || slot >= members_hi(v) || !id)
		return false;
	/* Acquire: pairs with the release in member_claim(). */
	state = load_acquire(&view_member(v, slot)->state);
	return (state == MEMBER_JOINING || state == MEMBER_ALIVE ||
		state == MEMBER_LEAVING) &&
	       load_relaxed(&view_member(v, slot)->id) == id;
}

void life_changed(struct view *v)
{
	/* A thread that sees the new number must see the new states.  Release:
	 * pairs with the acquires of life_seq in begin_exit_alone() and
	 * wait_out().
	 */
	add_release(&v->sb->life_seq, 1);
	futex_wake(&v->sb->life_seq, INT_MAX);
}

/* Take a free slot, and lock its witness with the descriptor @witness, unless
 * that is 0.  A member that has left keeps its witness until it has unmapped
 * the arena; until then its slot, though FREE, is not taken. */
static int take_free_slot(struct view *v, int witness, uint32_t *ret)
{
	uint32_t hi = members_hi(v), i;
	int r;

	for (i = 1; i <= v->geo.max_members; i++) {
		if (i < hi &&
		    load_relaxed(&view_member(v, i)->state) != MEMBER_FREE)
			continue;
		r = witness ? witness_take(witness, i) : 0;
		if (r == 0)
			break;
		if (r != -EBUSY)
			return r;
	}
	if (i > v->geo.max_members)
		return -ENOSPC;
	if (i >= hi) {
		r = view_reserve(v, view_off(v, view_member(v, hi)),
				 (i - hi + 1) * sizeof(struct member_rec));
		if (r < 0)
			return r;
		/* A thread that sees the new mark must see that the record has
		 * memory.  Release: pairs with the acquire in view_hi(). */
		store_release(&v->sb->members_hi, i + 1);
	}
	*ret = i;
	return 0;
}

/* Commit: state = JOINING.  Killed before it: the slot is free, and an id is
 * never used; after it: the next daemon finds a member that never mapped
 * (own_pid 0) and drops it, see life_undertake(). */
int member_claim(struct view *v, const struct member_info *info,
		 uint32_t *ret_slot)
{
	struct superblock *sb = v->sb;
	struct member_rec *m;
	uint32_t slot = 0, id;
	int r;

	/* An id must never come back, as slot and id name a member.  The arena
	 * takes members again when it gets a new file. */
	if (sb->next_id == UINT32_MAX)
		return -EOVERFLOW;
	r = take_free_slot(v, info->witness, &slot);
	if (r < 0)
		return r;
	m = view_member(v, slot);
	id = sb->next_id++;
	m->id = id;
	m->pid = (uint32_t)info->pid;
	m->uid = info->uid;
	m->gid = info->gid;
	m->flags = 0;
	m->start_time = info->start_time;
	m->joined_ns = (uint64_t)clock_realtime_ns();
	m->pidns = 0;
	m->own_pid = 0;
	m->role = info->role;
	memcpy(m->comm, info->comm, sizeof(m->comm));
	m->comm[sizeof(m->comm) - 1] = '\0';
	m->rows = 0;
	m->rows_closed = 0;
	m->ring = 0;
	m->n_malloc_slow = 0;
	m->n_adopted = 0;
	/* A thread that sees JOINING must see the whole record.  Release: pairs
	 * with the acquires in member_at() and member_is_dead(). */
	store_release(&m->state, MEMBER_JOINING);
	if (info->role == FUSION_ROLE_MASTER) {
		/* Release, both: pairs with the acquires in
		 * fusion_arena_master() and, in the daemon, choose_role(). */
		store_release(&sb->master, id);
		if (load_relaxed(&sb->state) == ARENA_EMPTY)
			store_release(&sb->state, ARENA_INITIALIZING);
	}
	life_changed(v);
	*ret_slot = slot;
	return 0;
}

int member_ready(struct view *v, uint32_t slot)
{
	struct member_rec *m;
	uint32_t was;

	if (!slot || slot >= members_hi(v))
		return -ESRCH;
	m = view_member(v, slot);
	/* Acquire: pairs with the release in member_claim(). */
	was = load_acquire(&m->state);
	if (was == MEMBER_ALIVE)
		return 0;
	if (was != MEMBER_JOINING && was != MEMBER_LEAVING)
		return -ESRCH;
	if (load_relaxed(&v->sb->master) == m->id || was == MEMBER_LEAVING)
		life_running(v);
	/* Commit.  Release: pairs with the acquire in member_at(). */
	store_release(&m->state, MEMBER_ALIVE);
	if (was == MEMBER_JOINING)
		event_log(v, life_rec(v), EVENT_JOIN, m->id,
			  "pid %u role %s comm %.15s", m->pid,
			  m->role == FUSION_ROLE_MASTER ? "master" : "slave",
			  m->comm);
	life_changed(v);
	return 0;
}

void member_count(struct view *v, uint32_t except, uint32_t *joining,
		  uint32_t *alive, uint32_t *leaving)
{
	uint32_t n[MEMBER_DEAD + 1] = {0}, hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		/* Acquire: pairs with the release in member_claim(). */
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

	for (uint32_t i = 1; i < hi; i++)
		if (member_at(v, i, id))
			return i;
	return 0;
}

uint32_t member_oldest(const struct view *v, uint32_t state)
{
	uint32_t hi = members_hi(v), best = 0;

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);

		/* Acquire: pairs with the release in member_claim(). */
		if (load_acquire(&m->state) == state &&
		    (!best || m->id < view_member(v, best)->id))
			best = i;
	}
	return best;
}
