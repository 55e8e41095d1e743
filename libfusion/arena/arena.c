/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arenas of this process, and what is asked of a handle. */
#include <fusion/arena.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "libfusion/arena/arenas.h"
#include "libfusion/arena/place.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/atomic.h"

/* Addresses of user memory, and the slots in which arenas lie. */
#define ADDRESS_BITS 47
#define N_PLACES ((1ull << ADDRESS_BITS) / WINDOW_SLOT)
/* Of a place's word: the span, as a multiple of SPAN_MIN by a power of two.
 * A handle is aligned to more. */
#define SPAN_BITS 15u

pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
struct fusion_arena *arenas;

/*
 * Which arena is at an address: a word for each slot of 4 GiB, with the handle
 * and the span in it.  Changed under the lock, read without it, also while
 * another arena is being left: so nothing here leads through a handle, and no
 * reader meets half of a change.  A slot that is left is as if it had never
 * been used.
 */
static uintptr_t places[N_PLACES]; /* atomic */

static_assert(SPAN_MIN << SPAN_BITS >= SPAN_MAX, "a span fits its bits");
static_assert(_Alignof(max_align_t) > SPAN_BITS, "a handle leaves them free");

struct fusion_arena *arena_of(const void *p)
{
	uintptr_t at = (uintptr_t)p, word;

	if (at / WINDOW_SLOT >= N_PLACES)
		return NULL;
	/* The caller must see the whole handle before it follows it: acquire,
	 * for the release in address_set(). */
	word = load_acquire(&places[at / WINDOW_SLOT]);
	if (at % WINDOW_SLOT >= SPAN_MIN << (word & SPAN_BITS))
		return NULL;
	return (struct fusion_arena *)(word & ~(uintptr_t)SPAN_BITS);
}

static void address_set(const struct fusion_arena *a, uintptr_t word)
{
	uintptr_t base = (uintptr_t)a->view.base;

	pthread_mutex_lock(&arenas_lock);
	for (uint64_t off = 0; off < a->view.geo.span; off += WINDOW_SLOT)
		store_release(&places[(base + off) / WINDOW_SLOT], word);
	pthread_mutex_unlock(&arenas_lock);
}

/* The handles of these arenas, so that a pointer can be known for none.  A
 * leaf. */
static pthread_mutex_t mapped_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fusion_arena *mapped;

bool arena_is_in(const struct fusion_arena *a)
{
	const struct fusion_arena *at;

	pthread_mutex_lock(&mapped_lock);
	for (at = mapped; at && at != a; at = at->next_mapped)
		;
	pthread_mutex_unlock(&mapped_lock);
	return at;
}

static void unmap_handle(const struct fusion_arena *a)
{
	struct fusion_arena **p = &mapped;

	pthread_mutex_lock(&mapped_lock);
	while (*p && *p != a)
		p = &(*p)->next_mapped;
	if (*p)
		*p = a->next_mapped;
	pthread_mutex_unlock(&mapped_lock);
}

int address_add(struct fusion_arena *a)
{
	uintptr_t base = (uintptr_t)a->view.base;
	uint64_t span = a->view.geo.span;

	if (base % WINDOW_SLOT || (base + span - 1) / WINDOW_SLOT >= N_PLACES)
		return -EFAULT;
	address_set(a,
		    (uintptr_t)a | (uintptr_t)__builtin_ctzll(span / SPAN_MIN));
	pthread_mutex_lock(&mapped_lock);
	a->next_mapped = mapped;
	mapped = a;
	pthread_mutex_unlock(&mapped_lock);
	return 0;
}

void address_remove(const struct fusion_arena *a)
{
	/* A handle that did not get as far as address_add() has another's word
	 * there, or none. */
	if (a->view.base && arena_of(a->view.base) == a) {
		address_set(a, 0);
		unmap_handle(a);
	}
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
	pthread_mutex_init(&mapped_lock, NULL);
	pthread_cond_init(&changed, NULL);
}

void arena_poke(struct fusion_arena *arena)
{
	/*
	 *   a member                       the daemon
	 * (fusionfs/service/events.c) log the event                  watchers =
	 * 1 fence                          fence watchers? -> tell the daemon
	 * look at the events
	 */
	full_fence();
	if (load_relaxed(&arena->view.sb->event_watchers))
		arena_wake_daemon(arena);
}

FUSION_API fusion_id_t fusion_arena_id(const struct fusion_arena *arena)
{
	return arena_is_in(arena) ? arena->id : 0;
}

FUSION_API fusion_id_t fusion_arena_master(const struct fusion_arena *arena)
{
	/* Acquire: pairs with the release of who became master. */
	return arena_is_in(arena) ? load_acquire(&arena->view.sb->master) : 0;
}

FUSION_API const char *fusion_arena_name(const struct fusion_arena *arena)
{
	return arena_is_in(arena) ? arena->name : "";
}

FUSION_API void fusion_arena_range(const struct fusion_arena *arena,
				   void **ret_base, uint64_t *ret_span)
{
	bool in = arena_is_in(arena);

	if (ret_base)
		*ret_base = in ? arena->view.base : NULL;
	if (ret_span)
		*ret_span = in ? arena->view.geo.span : 0;
}

FUSION_API bool fusion_arena_is_shared(const struct fusion_arena *arena,
				       const void *ptr)
{
	return ptr && arena_is_in(arena) && view_contains(&arena->view, ptr);
}

FUSION_API struct fusion_arena *fusion_arena_of(const void *ptr)
{
	return ptr ? arena_of(ptr) : NULL;
}

FUSION_API int fusion_arena_set_root(struct fusion_arena *arena, void *ptr)
{
	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	if (ptr && !view_contains(&arena->view, ptr))
		return told(
			refuse(-EINVAL,
			       "root of arena '%s': %p is not into its memory: "
			       "use memory of fusion_malloc()",
			       arena->name, ptr));
	/* Release: pairs with the acquire in fusion_arena_root(). */
	store_release(&arena->view.sb->root,
		      ptr ? view_off(&arena->view, ptr) : 0);
	return 0;
}

FUSION_API void *fusion_arena_root(const struct fusion_arena *arena)
{
	uint64_t off =
		arena_is_in(arena) ? load_acquire(&arena->view.sb->root) : 0;

	return off && off < arena->view.geo.span ? view_at(&arena->view, off)
						 : NULL;
}
