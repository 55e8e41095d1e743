/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/arena.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/arena_private.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/life.h"
#include "libfusion/core/limits.h"

static bool is_in(const struct member_rec *m)
{
	uint32_t state = load_acquire(&m->state);

	return state == MEMBER_JOINING || state == MEMBER_ALIVE ||
	       state == MEMBER_LEAVING;
}

static int by_id(const void *a, const void *b)
{
	const struct fusion_member *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

FUSION_API int fusion_members_list(struct fusion_arena *arena,
				   struct fusion_member *members, size_t n)
{
	struct view *v = &arena->view;
	uint32_t hi = members_hi(v), master = load_acquire(&v->sb->master);
	size_t found = 0;

	for (uint32_t i = 1; i < hi; i++) {
		const struct member_rec *m = view_member(v, i);

		if (!is_in(m))
			continue;
		if (found < n) {
			members[found] = (struct fusion_member){
				.id = m->id,
				.pid = (pid_t)m->pid,
				.uid = m->uid,
				.role = m->id == master ? FUSION_ROLE_MASTER
							: FUSION_ROLE_SLAVE,
				.joined_ns = (int64_t)m->joined_ns,
			};
			memcpy(members[found].comm, m->comm, 15);
		}
		found++;
	}
	if (n)
		qsort(members, found < n ? found : n, sizeof(*members), by_id);
	return (int)found;
}

static bool are_out(struct view *v, fusion_id_t id)
{
	uint32_t joining, alive, leaving;

	if (id)
		return !member_find(v, id);
	member_count(v, v->slot, &joining, &alive, &leaving);
	return joining + alive + leaving == 0;
}

FUSION_API int fusion_members_wait(struct fusion_arena *arena, fusion_id_t id,
				   int64_t timeout_ns)
{
	struct view *v = &arena->view;
	int64_t until = timeout_ns < 0 ? 0 : clock_monotonic_ns() + timeout_ns;
	int64_t nap = SUSPECT_FIRST_NS;

	if (id == arena->id)
		return -EDEADLK;
	for (;;) {
		uint32_t seq = load_acquire(&v->sb->life_seq);
		int64_t wait = nap;
		int r;

		if (are_out(v, id))
			return 0;
		if (timeout_ns >= 0) {
			int64_t left = until - clock_monotonic_ns();

			if (left <= 0)
				return -ETIMEDOUT;
			if (left < wait)
				wait = left;
		}
		r = futex_wait(&v->sb->life_seq, seq, wait);
		if (r == -EINTR)
			return r;
		/* Nobody said anything: is the undertaker gone too? */
		if (r == -ETIMEDOUT) {
			life_sweep(v);
			if (nap < SUSPECT_LAST_NS)
				nap *= 2;
		}
	}
}

static int signal_one(struct fusion_arena *arena, fusion_id_t id, int sig)
{
	uint32_t slot = member_find(&arena->view, id);

	return slot ? member_signal(&arena->view, slot, sig) : -ESRCH;
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
		one = member_signal(v, i, sig);
		/* Who has just gone needs no signal. */
		if (one < 0 && one != -ESRCH)
			r = one;
	}
	return r;
}

FUSION_API int fusion_members_kill(struct fusion_arena *arena, fusion_id_t id,
				   int signal, int64_t timeout_ns)
{
	int r = 0;

	if (signal < 0 || signal > SIGRTMAX)
		return -EINVAL;
	if (id == arena->id)
		return -EDEADLK;
	if (id)
		r = signal_one(arena, id, signal);
	else if (signal)
		r = signal_all(arena, signal);
	if (r < 0 || timeout_ns == 0)
		return r;
	return fusion_members_wait(arena, id, timeout_ns);
}
