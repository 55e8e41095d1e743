/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena/arenas.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"

pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t changes; /* futex; guarded by the lock, but for sleeps */
struct fusion_arena *arenas;

int arenas_wait(struct wait *wait)
{
	int64_t left = wait_left(wait);
	uint32_t seen = changes;

	if (!left)
		return wait_error(wait);
	pthread_mutex_unlock(&arenas_lock);
	wait_slept(wait, futex_wait(&changes, seen, left));
	pthread_mutex_lock(&arenas_lock);
	return 0;
}

/* Wake all threads that wait.  The lock is held. */
static void tell_change(void)
{
	changes++;
	futex_wake(&changes, INT_MAX);
}

void arena_set_state(struct fusion_arena *a, enum handle_state state)
{
	pthread_mutex_lock(&arenas_lock);
	a->state = state;
	a->thread = pthread_self();
	tell_change();
	pthread_mutex_unlock(&arenas_lock);
}

void arena_abandon(const struct fusion_arena *arena)
{
	struct fusion_arena *a;

	pthread_mutex_lock(&arenas_lock);
	for (a = arenas; a && a != arena; a = a->next)
		;
	/* Another thread may have got the memory for a handle of its own. */
	if (a && pthread_equal(a->thread, pthread_self()))
		a->abandoned = true;
	pthread_mutex_unlock(&arenas_lock);
}

void arena_unlist(struct fusion_arena *a)
{
	struct fusion_arena **p;

	pthread_mutex_lock(&arenas_lock);
	for (p = &arenas; *p && *p != a; p = &(*p)->next)
		;
	if (*p)
		*p = a->next;
	tell_change();
	pthread_mutex_unlock(&arenas_lock);
}

void arenas_after_fork_child(void)
{
	pthread_mutex_init(&arenas_lock, NULL);
}
