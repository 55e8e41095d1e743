/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena/arenas.h"

#include <time.h>

pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
struct fusion_arena *arenas;

int arenas_wait(int64_t deadline_ns)
{
	struct timespec ts = {
		.tv_sec = deadline_ns / 1000000000,
		.tv_nsec = deadline_ns % 1000000000,
	};

	if (deadline_ns < 0)
		return -pthread_cond_wait(&changed, &arenas_lock);
	return -pthread_cond_clockwait(&changed, &arenas_lock, CLOCK_MONOTONIC,
				       &ts);
}

void arena_set_state(struct fusion_arena *a, enum handle_state state)
{
	pthread_mutex_lock(&arenas_lock);
	a->state = state;
	a->thread = pthread_self();
	pthread_cond_broadcast(&changed);
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
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&arenas_lock);
}

void arenas_after_fork_child(void)
{
	pthread_mutex_init(&arenas_lock, NULL);
	pthread_cond_init(&changed, NULL);
}
