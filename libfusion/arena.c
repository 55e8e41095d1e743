/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arenas of this process, and what is asked of a handle. */
#include <fusion/arena.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "libfusion/arenas.h"
#include "libfusion/core/atomic.h"
#include "libfusion/place.h"

#define ADDRESSES 256 /* places of arenas that a process can ever be in */

pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
struct fusion_arena *arenas;

/*
 * Which arena is at an address.  Written under the lock, read without it, also
 * while another arena is being left: so nothing here leads through a handle.
 * Base and span of an entry are written once, before n_addresses covers it;
 * only the handle comes and goes.
 */
static struct {
	uintptr_t base;
	uint64_t span;
	struct fusion_arena *arena; /* atomic */
} addresses[ADDRESSES];
static unsigned n_addresses; /* atomic */

struct fusion_arena *arena_of(const void *p)
{
	/* Acquire: pairs with the release in address_add(). */
	unsigned n = load_acquire(&n_addresses);
	struct fusion_arena *a;

	for (unsigned i = 0; i < n; i++) {
		if ((uintptr_t)p - addresses[i].base >= addresses[i].span)
			continue;
		a = load_acquire(&addresses[i].arena);
		if (a)
			return a;
	}
	return NULL;
}

static int address_put(uintptr_t base, uint64_t span, struct fusion_arena *a)
{
	unsigned i;

	for (i = 0; i < n_addresses; i++)
		if (addresses[i].base == base && addresses[i].span == span)
			break;
	if (i == ADDRESSES)
		return -EMFILE;
	addresses[i].base = base;
	addresses[i].span = span;
	/* Release: pairs with the acquires in arena_of(). */
	store_release(&addresses[i].arena, a);
	if (i == n_addresses)
		store_release(&n_addresses, i + 1);
	return 0;
}

int address_add(struct fusion_arena *a)
{
	int r;

	pthread_mutex_lock(&arenas_lock);
	r = address_put((uintptr_t)a->view.base, a->view.geo.span, a);
	pthread_mutex_unlock(&arenas_lock);
	return r;
}

void address_remove(const struct fusion_arena *a)
{
	pthread_mutex_lock(&arenas_lock);
	for (unsigned i = 0; i < n_addresses; i++)
		if (load_relaxed(&addresses[i].arena) == a)
			store_release(&addresses[i].arena, NULL);
	pthread_mutex_unlock(&arenas_lock);
}

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

void arena_poke(struct fusion_arena *arena)
{
	/*
	 *   a member                       the daemon (fusionfs/events.c)
	 *   log the event                  watchers = 1
	 *   fence                          fence
	 *   watchers? -> tell the daemon   look at the events
	 */
	full_fence();
	if (load_relaxed(&arena->view.sb->event_watchers))
		place_ioctl(arena->dirfd, FUSION_IOC_POKE, NULL);
}

FUSION_API fusion_id_t fusion_arena_id(const struct fusion_arena *arena)
{
	return arena->id;
}

FUSION_API fusion_id_t fusion_arena_master(const struct fusion_arena *arena)
{
	/* Acquire: pairs with the release of who became master. */
	return arena->id ? load_acquire(&arena->view.sb->master) : 0;
}

FUSION_API const char *fusion_arena_name(const struct fusion_arena *arena)
{
	return arena->name;
}

FUSION_API void fusion_arena_range(const struct fusion_arena *arena,
				   void **ret_base, uint64_t *ret_span)
{
	if (ret_base)
		*ret_base = arena->view.base;
	if (ret_span)
		*ret_span = arena->view.geo.span;
}

FUSION_API bool fusion_arena_is_shared(const struct fusion_arena *arena,
				       const void *ptr)
{
	return ptr && arena->id && view_contains(&arena->view, ptr);
}

FUSION_API struct fusion_arena *fusion_arena_of(const void *ptr)
{
	return ptr ? arena_of(ptr) : NULL;
}

FUSION_API int fusion_arena_set_root(struct fusion_arena *arena, void *ptr)
{
	if (!arena->id || (ptr && !view_contains(&arena->view, ptr)))
		return -EINVAL;
	/* Release: pairs with the acquire in fusion_arena_root(). */
	store_release(&arena->view.sb->root,
		      ptr ? view_off(&arena->view, ptr) : 0);
	return 0;
}

FUSION_API void *fusion_arena_root(const struct fusion_arena *arena)
{
	uint64_t off = arena->id ? load_acquire(&arena->view.sb->root) : 0;

	return off && off < arena->view.geo.span ? view_at(&arena->view, off)
						 : NULL;
}
