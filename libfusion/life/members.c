/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The members of an arena: who is inside, waiting until one is out, signals
 *
 * A member is out when its slot is free, which is after the recovery of a dead
 * one: so whoever waits finds all that the member held whole.
 */
#include <fusion/arena.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"

static bool is_in(const struct member_rec *m)
{
	/* Acquire: pairs with the releases in member.c, as the caller reads the
	 * rest of the record. */
	uint32_t state = load_acquire(&m->state);

	return state == MEMBER_JOINING || state == MEMBER_ALIVE ||
	       state == MEMBER_LEAVING;
}

static int by_id(const void *a, const void *b)
{
	const struct fusion_member *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static struct fusion_member describe_member(const struct member_rec *m,
					    uint32_t master)
{
	struct fusion_member f = {
		.id = m->id,
		.pid = (pid_t)m->pid,
		.uid = m->uid,
		.role = m->id == master ? FUSION_ROLE_MASTER
					: FUSION_ROLE_SLAVE,
		.joined_ns = (int64_t)m->joined_ns,
	};

	memcpy(f.comm, m->comm, sizeof(f.comm) - 1);
	return f;
}

/* Describe the members in the first @hi slots, oldest first, in @ret, which has
 * room for each of them; NULL: only count them.  Returns how many there are. */
static size_t describe_members(const struct fusion_arena *arena, uint32_t hi,
			       struct fusion_member *ret)
{
	const struct view *v = &arena->view;
	uint32_t master = fusion_arena_master(arena);
	size_t found = 0;

	for (uint32_t i = 1; i < hi; i++) {
		if (!is_in(view_member(v, i)))
			continue;
		if (ret)
			ret[found] = describe_member(view_member(v, i), master);
		found++;
	}
	if (ret)
		qsort(ret, found, sizeof(*ret), by_id);
	return found;
}

FUSION_API int fusion_members_list(struct fusion_arena *arena,
				   struct fusion_member *members,
				   size_t element_size, size_t n,
				   size_t *ret_total)
{
	struct fusion_member *all = NULL;
	size_t total;
	uint32_t hi;

	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	if (n && !members)
		return told(refuse_null("fusion_members_list()", "members"));
	if (n && !element_size)
		return told(refuse(-EINVAL,
				   "fusion_members_list(): element_size is 0: "
				   "give sizeof(struct fusion_member)"));
	hi = members_hi(&arena->view);
	if (n)
		all = calloc(hi, sizeof(*all));
	if (n && !all)
		return told(-ENOMEM);
	total = describe_members(arena, hi, all);
	for (size_t i = 0; i < n && i < total; i++)
		result_give((char *)members + i * element_size, element_size,
			    &all[i], sizeof(*all), "fusion_member");
	free(all);
	if (ret_total)
		*ret_total = total;
	return 0;
}

/* Is member @m of slot @i one of those that @id names?  FUSION_ALL names each
 * other member whose id is below @below. */
static bool is_meant(const struct view *v, const struct member_rec *m,
		     uint32_t i, fusion_id_t id, uint32_t below)
{
	return id == FUSION_ALL ? i != v->slot && m->id < below : m->id == id;
}

/* Are the members that @id names out?  A dead member is out when it is
 * recovered. */
static bool are_out(struct view *v, fusion_id_t id, uint32_t below)
{
	uint32_t hi = members_hi(v);

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);
		/* Acquire: pairs with the release in life_depart(). */
		uint32_t state = load_acquire(&m->state);

		if (state == MEMBER_FREE ||
		    (state == MEMBER_DEAD &&
		     load_relaxed(&v->sb->state) == ARENA_CORRUPT))
			continue;
		if (is_meant(v, m, i, id, below))
			return false;
	}
	return true;
}

static int wait_out(struct fusion_arena *arena, fusion_id_t id, uint32_t below,
		    struct wait *wait)
{
	struct view *v = &arena->view;
	int64_t nap = SUSPECT_FIRST_NS;

	for (;;) {
		/* Acquire: pairs with the release in life_changed(); read
		 * before we look, so that no departure is slept over. */
		uint32_t seq = load_acquire(&v->sb->life_seq);
		int64_t left;
		int r;

		if (are_out(v, id, below))
			return 0;
		left = wait_nap(wait, nap);
		if (!left)
			return wait_error(wait);
		r = futex_wait(&v->sb->life_seq, seq, left);
		wait_slept(wait, r);
		/* No wake came: perhaps the daemon is dead, too. */
		if (r == -ETIMEDOUT) {
			life_sweep(v);
			if (nap < SUSPECT_LAST_NS)
				nap *= 2;
		}
	}
}

static int refuse_self(const struct fusion_arena *arena)
{
	return refuse(-EDEADLK,
		      "member %u of arena '%s' is this process, which cannot "
		      "wait until it has left itself",
		      arena->id, arena->name);
}

static int refuse_nobody(const struct fusion_arena *arena)
{
	return refuse(-ESRCH,
		      "arena '%s': FUSION_NONE (0) is the id of no member: "
		      "give a member's id, or FUSION_ALL",
		      arena->name);
}

/* Refuse FUSION_NONE, and the id of this process. */
static int check_id(const struct fusion_arena *arena, fusion_id_t id)
{
	if (id == FUSION_NONE)
		return refuse_nobody(arena);
	return id == arena->id ? refuse_self(arena) : 0;
}

/* Say why a member is not out.  Returns @r. */
static int refuse_out(const struct fusion_arena *arena, int r, fusion_id_t id)
{
	const char *why = error_meaning(r);

	if (r == -ETIMEDOUT)
		why = "still a member when the time was over";
	else if (r == -EPERM)
		why = "this process may not signal it";
	if (r >= 0 || is_refused(r))
		return r;
	if (id == FUSION_ALL)
		return refuse(r, "the other members of arena '%s': %s",
			      arena->name, why);
	return refuse(r, "member %u of arena '%s': %s", id, arena->name, why);
}

FUSION_API int fusion_members_wait(struct fusion_arena *arena, fusion_id_t id,
				   int64_t timeout_ns, uint32_t flags)
{
	struct wait wait;
	int r;

	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	r = check_id(arena, id);
	if (r == 0)
		r = wait_begin(timeout_ns, flags, &wait);
	if (r == 0)
		r = refuse_out(arena, wait_out(arena, id, UINT32_MAX, &wait),
			       id);
	return told(r);
}

/* Signal the member in @slot.  The daemon may reach one that this process
 * cannot: in another pid namespace, or of another user. */
static int signal_slot(struct fusion_arena *arena, uint32_t slot, int sig)
{
	struct view *v = &arena->view;
	struct ioc_signal s = {.slot = slot, .signal = sig};
	int r, mine;

	s.id = load_relaxed(&view_member(v, slot)->id);
	mine = member_signal(v, slot, sig);
	if (mine != -ESRCH && mine != -EPERM)
		return mine;
	r = arena_ask(arena, FUSION_IOC_SIGNAL, &s);
	return r == -ENOTCONN || r == -ENOENT ? mine : r;
}

static int signal_one(struct fusion_arena *arena, fusion_id_t id, int sig)
{
	uint32_t slot = member_find(&arena->view, id);

	return slot ? signal_slot(arena, slot, sig) : -ESRCH;
}

static int signal_all(struct fusion_arena *arena, int sig)
{
	struct view *v = &arena->view;
	uint32_t hi = members_hi(v);
	int r = 0;

	for (uint32_t i = 1; i < hi; i++) {
		int one;

		if (i == v->slot || !is_in(view_member(v, i)))
			continue;
		one = signal_slot(arena, i, sig);
		/* A member that has just gone needs no signal. */
		if (one < 0 && one != -ESRCH)
			r = one;
	}
	return r;
}

FUSION_API int fusion_members_kill(struct fusion_arena *arena, fusion_id_t id,
				   int signal, int64_t timeout_ns,
				   uint32_t flags)
{
	struct wait wait;
	uint32_t below;
	int r;

	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	if (signal < 0 || signal > SIGRTMAX)
		return told(refuse(-EINVAL,
				   "members of arena '%s': %d is no signal",
				   arena->name, signal));
	r = check_id(arena, id);
	if (r == 0)
		r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return told(r);
	/* Members that join from now on are not signalled, nor waited for.
	 * Acquire: the slots are read behind the number.  No release pairs with
	 * it: member_claim() stores the number before the state, so a member
	 * whose state is not seen yet is joining at this moment. */
	below = load_acquire(&arena->view.sb->next_id);
	if (id != FUSION_ALL)
		r = signal_one(arena, id, signal);
	else if (signal)
		r = signal_all(arena, signal);
	/* A wait that is over when it begins is none. */
	if (r >= 0 && wait.deadline_ns)
		r = wait_out(arena, id, below, &wait);
	return told(refuse_out(arena, r, id));
}
