/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which arena is at an address
 *
 * A word for each slot of 4 GiB has the handle and the span.  It changes under
 * arenas_lock.  Threads read it without a lock, also while another arena is
 * being left.  So nothing here leads through a handle, and no reader meets half
 * of a change.  A slot that an arena has left is as if it had never been used.
 */
#include "libfusion/arena/address.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "libfusion/arena/arenas.h"

/* Addresses of user memory, and the slots in which arenas lie. */
#define ADDRESS_BITS 47
#define N_SLOTS ((1ull << ADDRESS_BITS) / WINDOW_SLOT)
/* Of the word of a slot: the span, as a multiple of SPAN_MIN by a power of two.
 * A handle is aligned to more. */
#define SPAN_BITS 15u

static uintptr_t slots[N_SLOTS]; /* atomic */

static_assert(SPAN_MIN << SPAN_BITS >= SPAN_MAX, "a span fits its bits");
static_assert(_Alignof(max_align_t) > SPAN_BITS, "a handle leaves them free");

struct fusion_arena *arena_of(const void *p)
{
	uintptr_t at = (uintptr_t)p, word;

	if (at / WINDOW_SLOT >= N_SLOTS)
		return NULL;
	/* The caller must see the whole handle before it follows it: acquire,
	 * for the release in address_set(). */
	word = load_acquire(&slots[at / WINDOW_SLOT]);
	if (at % WINDOW_SLOT >= SPAN_MIN << (word & SPAN_BITS))
		return NULL;
	return (struct fusion_arena *)(word & ~(uintptr_t)SPAN_BITS);
}

static void address_set(const struct fusion_arena *a, uintptr_t word)
{
	uintptr_t base = (uintptr_t)a->view.base;

	pthread_mutex_lock(&arenas_lock);
	for (uint64_t off = 0; off < a->view.geo.span; off += WINDOW_SLOT)
		/* Release: pairs with the acquire in arena_of(). */
		store_release(&slots[(base + off) / WINDOW_SLOT], word);
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

	if (base % WINDOW_SLOT || (base + span - 1) / WINDOW_SLOT >= N_SLOTS)
		return -EFAULT;
	address_set(a,
		    (uintptr_t)a | (uintptr_t)__builtin_ctzll(span / SPAN_MIN));
	orphan_adopt(base, span);
	pthread_mutex_lock(&mapped_lock);
	a->next_mapped = mapped;
	mapped = a;
	pthread_mutex_unlock(&mapped_lock);
	return 0;
}

void address_remove(const struct fusion_arena *a)
{
	/* A handle that did not get as far as address_add() finds there the
	 * word of another handle, or none. */
	if (a->view.base && arena_of(a->view.base) == a) {
		address_set(a, 0);
		unmap_handle(a);
	}
}

void address_after_fork_child(void)
{
	pthread_mutex_init(&mapped_lock, NULL);
}
