/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots: hand a block over in one step
 *
 * The thread's record announces the block and the slot.  So recovery can tell
 * from the slot's content whether the step was made.
 */
#include "libfusion/heap/slot.h"

#include <fusion/heap.h>

#include <errno.h>

#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/heap/free.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/heap_private.h"

/* Check a slot of @arena; NULL: the slot is in no arena of this process.  0,
 * -errno. */
static int check_slot(const struct fusion_arena *arena, void **slot)
{
	if (!arena)
		return refuse_handle("slot", slot);
	if (!view_contains(&arena->view, slot))
		return refuse(-EINVAL,
			      "%p is no slot: it does not lie in arena '%s'",
			      (void *)slot, arena->name);
	if ((uintptr_t)slot % sizeof(*slot))
		return refuse(
			-EINVAL,
			"%p is no slot: align it to 8 bytes, as a pointer "
			"is",
			(void *)slot);
	return 0;
}

/* span_alloc() chooses the block, so it announces it. */
static void *run_to(struct tcache *c, size_t size, uint64_t slot)
{
	if (!SEED_BUG(5))
		pending_announce(c->rec, PENDING_MALLOC_TO, slot, 0);
	return heap_alloc_run(c, 0, size, 1);
}

static void *block_to(struct tcache *c, size_t size, uint64_t slot)
{
	unsigned class = heap_class_of(size);
	struct block_ref r = heap_take(c, &c->main, class);

	if (!r.p && class >= SMALL_CLASSES)
		return run_to(c, size, slot);
	if (!r.p) {
		refuse_memory(c->arena, -ENOMEM, size);
		return NULL;
	}
	if (!SEED_BUG(5))
		pending_announce(c->rec, PENDING_MALLOC_TO, slot,
				 view_off(&c->arena->view, r.p));
	return heap_commit(c, r, c->main.bin[class].size);
}

/* Commit point: the store of *slot.  Killed before it: recovery finds an
 * allocated block that is not in the slot, and frees it. */
FUSION_API int fusion_malloc_to(struct fusion_arena *arena, size_t size,
				void **slot)
{
	struct tcache *c = tls_cache(arena);
	uint64_t off;
	void *p;
	int r;

	if (!c)
		return told(-errno);
	r = check_slot(arena, slot);
	if (r < 0)
		return told(r);
	off = view_off(&arena->view, slot);
	p = size > MEDIUM_MAX ? run_to(c, size, off) : block_to(c, size, off);
	compiler_fence();
	/* A thread that finds the block must find its memory allocated: release
	 * here, acquire in fusion_free_from() and in the program. */
	if (p)
		store_release(slot, p);
	pending_clear(c->rec);
	return told(p ? 0 : -ENOMEM);
}

/* Commit point: the store of *slot.  Killed before it: recovery clears the mark
 * of the block.  Killed after it: recovery frees the block. */
static int free_from(struct fusion_arena *arena, void **slot)
{
	int r = check_slot(arena, slot);
	struct tcache *c;
	struct block b;
	void *p;

	if (r < 0)
		return r;
	c = tls_cache(arena);
	if (!c)
		return -errno;
	/* We must see the block as it was stored: acquire here, release in
	 * fusion_malloc_to(). */
	p = load_acquire(slot);
	if (!p)
		return 0;
	r = heap_find(c, p, &b);
	if (r < 0)
		return r;
	pending_announce(c->rec, b.map ? PENDING_FREE_FROM : PENDING_FREE_RUN,
			 view_off(&arena->view, slot),
			 view_off(&arena->view, p));
	if (b.map && !SEED_BUG(9))
		store_relaxed(b.map, (uint8_t)TAG_DYING);
	compiler_fence();
	/* A thread that finds the slot NULL may fill it anew, and must see our
	 * last use of the block: release here, acquire in the program. */
	store_release(slot, (void *)NULL);
	compiler_fence();
	r = heap_free_block(c, &b, c->rec);
	pending_clear(c->rec);
	return r;
}

int heap_free_from(struct fusion_arena *arena, void **slot)
{
	return told(free_from(arena, slot));
}

FUSION_API int fusion_free_from(void **slot)
{
	return told(free_from(arena_at(slot), slot));
}
