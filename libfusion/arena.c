/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena_private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "libfusion/core/atomic.h"

#define ADDRESSES 256 /* places of arenas that a process can ever be in */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct fusion_arena *handles; /* guarded by lock */
static uint64_t last_serial;	     /* guarded by lock */

/*
 * Which arena is at an address.  Written under the lock, read without: an
 * entry's base and span are written once, while nobody looks (n_addresses does
 * not cover it), and only the handle comes and goes.
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

	struct fusion_arena *arena;

	for (unsigned i = 0; i < n; i++) {
		if ((uintptr_t)p - addresses[i].base >= addresses[i].span)
			continue;
		arena = load_acquire(&addresses[i].arena);
		if (arena)
			return arena;
	}
	return NULL;
}

static int address_slot(uintptr_t base, uint64_t span)
{
	for (unsigned i = 0; i < n_addresses; i++)
		if (addresses[i].base == base && addresses[i].span == span)
			return (int)i;
	return n_addresses < ADDRESSES ? (int)n_addresses : -1;
}

int address_add(struct fusion_arena *arena)
{
	uintptr_t base = (uintptr_t)arena->base;
	int i = address_slot(base, arena->span);

	if (i < 0)
		return -EMFILE;
	addresses[i].base = base;
	addresses[i].span = arena->span;
	/* Release: pairs with the acquire in arena_of(). */
	store_release(&addresses[i].arena, arena);
	if ((unsigned)i == n_addresses)
		store_release(&n_addresses, (unsigned)i + 1);
	return 0;
}

void address_remove(struct fusion_arena *arena)
{
	for (unsigned i = 0; i < n_addresses; i++)
		if (addresses[i].arena == arena)
			store_release(&addresses[i].arena, NULL);
}

void table_lock(void)
{
	pthread_mutex_lock(&lock);
}

void table_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void table_wait(void)
{
	pthread_cond_wait(&changed, &lock);
}

void table_wake(void)
{
	pthread_cond_broadcast(&changed);
}

struct fusion_arena *table_first(void)
{
	return handles;
}

void table_add(struct fusion_arena *arena)
{
	arena->serial = ++last_serial;
	arena->next = handles;
	handles = arena;
}

void table_remove(struct fusion_arena *arena)
{
	struct fusion_arena **link = &handles;

	while (*link && *link != arena)
		link = &(*link)->next;
	if (*link)
		*link = arena->next;
	table_wake();
}

void table_after_fork_child(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

struct fusion_arena *arena_new(void)
{
	struct fusion_arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return NULL;
	arena->view.fd = -1;
	arena->dir_fd = -1;
	arena->notice_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	return arena;
}

void arena_free(struct fusion_arena *arena)
{
	if (!arena)
		return;
	if (arena->dir_fd >= 0)
		close(arena->dir_fd);
	free(arena->path);
	free(arena);
}

FUSION_API fusion_id_t fusion_arena_id(const struct fusion_arena *arena)
{
	return arena->id;
}

FUSION_API fusion_id_t fusion_arena_master(const struct fusion_arena *arena)
{
	/* Acquire: pairs with the releases in core/member.c and life.c. */
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
		*ret_base = arena->base;
	if (ret_span)
		*ret_span = arena->span;
}

FUSION_API bool fusion_arena_is_shared(const struct fusion_arena *arena,
				       const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)arena->base < arena->span;
}

FUSION_API struct fusion_arena *fusion_arena_of(const void *ptr)
{
	return arena_of(ptr);
}

FUSION_API int fusion_arena_set_root(struct fusion_arena *arena, void *ptr)
{
	if (!arena->id || (ptr && !fusion_arena_is_shared(arena, ptr)))
		return -EINVAL;
	/* Release: pairs with the acquire in fusion_arena_root(). */
	store_release(&arena->view.sb->root, (uint64_t)(uintptr_t)ptr);
	return 0;
}

FUSION_API void *fusion_arena_root(const struct fusion_arena *arena)
{
	if (!arena->id)
		return NULL;
	return (void *)(uintptr_t)load_acquire(&arena->view.sb->root);
}
