/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/block.h"

#include <errno.h>

#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/span_trim.h"
#include "libfusion/core/heap/usage.h"

static uint64_t *slot_word(const struct view *v, uint64_t slot)
{
	return view_at(v, slot);
}

/* Find the block that the slot names.  0; -EINVAL it names none. */
static int block_in_slot(const struct view *v, uint64_t slot, struct block *ret,
			 uint64_t *ret_off)
{
	struct class_info classes[HEAP_CLASSES];
	/* Acquire: pairs with the release of the slot in block_alloc_to() and
	 * fusion_malloc_to(). */
	uint64_t off = load_acquire(slot_word(v, slot)) - v->sb->base;

	slab_classes(v, classes);
	if (off >= v->geo.span || block_find(v, classes, off, ret) < 0 ||
	    !block_is_allocated(ret))
		return -EINVAL;
	*ret_off = off;
	return 0;
}

static void free_in_slab(struct view *v, const struct block *b)
{
	/* Release: the last use of the block comes before its next one.  Pairs
	 * with the acquires of map bytes, as in slab_is_empty(). */
	store_release(b->map, (uint8_t)0);
	/* Release, last and always: the slab's owner, which acquires rflag,
	 * must see the free block. */
	store_release(&span_desc(v, b->span)->rflag, (uint8_t)1);
	if (!WORD_TOKEN(b->word))
		span_trim_later(v);
}

/* Commit: the store of the slot. */
int block_free_from(struct view *v, struct thread_rec *me, uint64_t slot)
{
	struct block b;
	uint64_t off;
	int r = 0;

	if (block_in_slot(v, slot, &b, &off) < 0) {
		r = load_relaxed(slot_word(v, slot)) ? -EINVAL : 0;
		store_relaxed(slot_word(v, slot), 0ull);
		return r;
	}
	pending_announce(me, b.map ? PENDING_FREE_FROM : PENDING_FREE_RUN, slot,
			 off);
	if (b.map)
		store_relaxed(b.map, (uint8_t)TAG_DYING);
	compiler_fence();
	/* Release: pairs with the acquire of the slot in block_in_slot(). */
	store_release(slot_word(v, slot), 0ull);
	compiler_fence();
	if (b.map)
		free_in_slab(v, &b);
	else
		r = span_free(v, me, b.span, WORD_COUNT(b.word), b.word, me);
	/* Another thread holds the lock, and this one does not wait: the slot
	 * keeps the block.  Killed before this store: recovery frees the block;
	 * after it: the slot has it. */
	if (r == -ETIMEDOUT)
		store_release(slot_word(v, slot), v->sb->base + off);
	pending_clear(me);
	return r;
}

/* Commit: the store of the slot. */
int block_alloc_to(struct view *v, struct thread_rec *me, uint64_t size,
		   uint64_t slot)
{
	uint64_t n = size ? ((size - 1) >> SPAN_SHIFT) + 1 : 1;
	uint32_t first;
	int r = -ENOMEM;

	if (n > v->geo.n_spans)
		return r;
	pending_announce(me, PENDING_MALLOC_TO, slot, 0);
	r = span_alloc(v, me, (uint32_t)n, 1,
		       SPAN_WORD(SPAN_HEAD, heap_tag(v->slot), 0), &first);
	compiler_fence();
	/* A thread that finds the address in the slot must find its span
	 * allocated.  Release: pairs with the acquire in block_in_slot(). */
	if (r == 0)
		store_release(slot_word(v, slot),
			      v->sb->base + ((uint64_t)first << SPAN_SHIFT));
	pending_clear(me);
	return r;
}

uint64_t block_in(const struct view *v, uint64_t slot, void **ret)
{
	struct block b;
	uint64_t off;

	if (block_in_slot(v, slot, &b, &off) < 0)
		return 0;
	*ret = view_at(v, off);
	return b.size;
}
