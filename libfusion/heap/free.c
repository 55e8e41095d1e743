/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Freeing, and finding the block of a pointer
 *
 * fusion_free() stores 0 in the block's map byte: this store is the commit
 * point.  If the slab belongs to this thread, the block goes back to the
 * magazine.  If it belongs to another thread, a second store sets the slab's
 * rflag, which its owner reads at its next scan.  Freeing takes no lock and no
 * list, so it works alike whether the owner lives or not.
 */
#include "libfusion/heap/free.h"

#include <fusion/error.h>
#include <fusion/heap.h>

#include <errno.h>
#include <stdlib.h>

#include "libfusion/base/log.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/span_trim.h"
#include "libfusion/heap/bin.h"
#include "libfusion/heap/heap_private.h"
#include "libfusion/heap/refill.h"

static bool abort_on_error;
static const char is_free[] = "it is free already";

FUSION_API void fusion_heap_abort_on_error(bool on)
{
	store_relaxed(&abort_on_error, on);
}

/* The last refusal was that of a pointer that cannot be freed. */
__attribute__((cold)) static int complain(int r)
{
	/* Relaxed: a program sets it before other threads call. */
	if (load_relaxed(&abort_on_error)) {
		log_error("%s", fusion_strerror(r));
		abort();
	}
	return r;
}

__attribute__((cold)) static int refuse_block(const struct fusion_arena *arena,
					      const void *p, const char *why)
{
	return complain(refuse(-EINVAL, "%p is no block of arena '%s': %s", p,
			       arena->name, why));
}

/* Leave a dropped block to the next scan.  Give the slab back if all of its
 * blocks may be dropped. */
__attribute__((noinline)) static int drop_slow(struct tcache *c, struct bin *b,
					       uint32_t span)
{
	struct slab_desc *d = c->descs + span;

	d->scan = 0;
	if (!d->hasfree)
		bin_ready(c->arena, b, span);
	b->dropping = span;
	b->dropping_desc = d;
	if (++d->dropped >= b->n_blocks) {
		d->dropped = 0;
		b->dropping = 0;
		heap_maybe_release(c, b, span);
	}
	return 0;
}

/* Keep the block of @map, which is free and lies in a slab of this thread, for
 * the next malloc.  If the magazine is full, drop it. */
static inline int keep_block(struct tcache *c, struct bin *b, uint32_t span,
			     char *p, uint8_t *map)
{
	uint32_t top = b->top;

	if (LIKELY(top < LIMIT_MAGAZINE)) {
		b->magazine[top] = (struct block_ref){p, map};
		b->top = top + 1;
		return 0;
	}
	if (UNLIKELY(span != b->dropping ||
		     b->dropping_desc->dropped + 1 >= b->n_blocks))
		return drop_slow(c, b, span);
	b->dropping_desc->dropped++;
	return 0;
}

static void free_own(struct tcache *c, const struct block *b)
{
	const struct class_info *k = &c->arena->classes[WORD_CLASS(b->word)];
	char *p = slab_block(&c->arena->view, k, b->span, b->index);
	struct bins *bins = bins_of(c, b->word);

	if (UNLIKELY(track_is_on()) && !WORD_POOL(b->word))
		track_freed(p, k->size);
	store_relaxed(b->map, (uint8_t)TAG_FREE);
	if (bins)
		keep_block(c, &bins->bin[WORD_CLASS(b->word)], b->span, p,
			   b->map);
}

/* The owner of the slab must see our last use of the block before it hands the
 * block out again: release here, the fence of the scan in refill.c there. */
static void free_foreign(struct tcache *c, const struct block *b)
{
	struct view *v = &c->arena->view;

	store_release(b->map, (uint8_t)TAG_FREE);
	/* The owner must see the map byte once it sees rflag, or it would miss
	 * this free: release here, acquire in ask_slab().  The slab may be gone
	 * by now; its descriptor is never used for anything else. */
	store_release(&span_desc(v, b->span)->rflag, (uint8_t)1);
	if (!WORD_TOKEN(b->word))
		span_trim_later(v); /* an orphan, perhaps empty now */
}

int heap_free_block(struct tcache *c, const struct block *b,
		    struct thread_rec *pend)
{
	struct view *v = &c->arena->view;
	int r = 0;

	if (b->map) {
		if (WORD_TOKEN(b->word) == c->token)
			free_own(c, b);
		else
			free_foreign(c, b);
		return 0;
	}
	r = span_free(v, c->rec, b->span, WORD_COUNT(b->word), b->word, pend);
	if (r == -EINVAL)
		return refuse_block(c->arena, span_at(v, b->span), is_free);
	span_trim_decayed(v, c->rec);
	return r;
}

int heap_find(struct tcache *c, const void *p, struct block *ret)
{
	struct view *v = &c->arena->view;

	if (!view_contains(v, p))
		return refuse_block(c->arena, p,
				    "it lies in another arena, or in none");
	if (block_find(v, c->arena->classes, view_off(v, p), ret) < 0)
		return refuse_block(c->arena, p, "no block begins there");
	if (!block_is_allocated(ret))
		return refuse_block(c->arena, p, is_free);
	return 0;
}

/* The fast path for a small slab that another thread owns, or no thread. */
static bool free_others(void *p)
{
	struct tcache *c = tls_current;
	uint64_t off = (uint64_t)((char *)p - c->base), w;
	uint32_t span = (uint32_t)(off >> SPAN_SHIFT);
	struct block b;

	if (off >> SPAN_SHIFT >= c->span_hi)
		return false;
	w = load_relaxed(c->words + span);
	if (WORD_KIND(w) != SPAN_SLAB || WORD_CLASS(w) >= SMALL_CLASSES ||
	    w & (SPAN_SLOW | SPAN_MEMBER) || WORD_TOKEN(w) == c->token)
		return false;
	b = (struct block){.word = w, .span = span};
	b.map = bin_map(&c->main.bin[WORD_CLASS(w)], span,
			(uint32_t)off & (SPAN_SIZE - 1));
	if (!b.map || !load_relaxed(b.map))
		return false;
	free_foreign(c, &b);
	return true;
}

/* The slow path: any pointer but a block in this thread's main bins. */
__attribute__((noinline)) static int free_slow(void *p)
{
	struct fusion_arena *arena;
	struct tcache *c;
	struct block b;
	int r;

	if (!p || free_others(p))
		return 0;
	arena = arena_at(p);
	if (!arena)
		return complain(refuse_handle("block", p));
	c = tls_cache(arena);
	if (!c)
		return -errno;
	r = heap_find(c, p, &b);
	c->span_hi = span_hi(&arena->view);
	return r < 0 ? r : heap_free_block(c, &b, NULL);
}

/* The cache that the thread used last tells whether @ptr is in its arena.  The
 * cache of no arena, and that of an arena which was left, has a span_hi of 0:
 * all pointers take the slow path. */
FUSION_API int fusion_free(void *ptr)
{
	struct tcache *c = tls_current;
	uint64_t off = (uint64_t)((char *)ptr - c->base), w;
	uint64_t span = off >> SPAN_SHIFT;
	uint8_t *map;
	struct bin *b;

	/* NULL and pointers out of the arena give a span beyond span_hi. */
	if (UNLIKELY(span >= c->span_hi))
		return told(free_slow(ptr));
	w = load_relaxed(c->words + span);
	/* SPAN_SLOW and SPAN_MEMBER are in these bits too, so a span with one
	 * of them takes the slow path. */
	if (UNLIKELY((uint32_t)w != c->token))
		return told(free_slow(ptr));
	b = &c->main.bin[WORD_CLASS(w)];
	ONCE(b);
	map = bin_map(b, span, (uint32_t)off & (SPAN_SIZE - 1));
	if (UNLIKELY(!map || !load_relaxed(map)))
		return told(free_slow(ptr));
	store_relaxed(map, (uint8_t)TAG_FREE);
	return told(keep_block(c, b, (uint32_t)span, ptr, map));
}

size_t heap_usable_size(const struct fusion_arena *arena, const void *p)
{
	const struct view *v = &arena->view;
	struct block b;

	if (!view_contains(v, p) ||
	    block_find(v, arena->classes, view_off(v, p), &b) < 0 ||
	    !block_is_allocated(&b))
		return 0;
	return b.size;
}

FUSION_API size_t fusion_usable_size(const void *ptr)
{
	const struct fusion_arena *arena = arena_at(ptr);

	return arena ? heap_usable_size(arena, ptr) : 0;
}
