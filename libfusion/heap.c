/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heap as a thread uses it
 *
 * Fast paths: malloc takes a block from the magazine or the bump run of its
 * class and stores the tag in the block's map byte; free stores 0 there and
 * puts the block back into the magazine.  That store is the commit.  A free
 * into another thread's slab is the same store plus one to the slab's rflag:
 * no lock, no list, no difference whether the owner lives.
 */
#include <fusion/heap.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/core/heap.h"
#include "libfusion/core/pool.h"
#include "libfusion/core/seed.h"
#include "libfusion/core/span.h"
#include "libfusion/core/track.h"
#include "libfusion/heap_private.h"
#include "libfusion/log.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ALIGN_MAX (1ull << 30)

static bool abort_on_error;

/* Class by size in steps of 16, up to 1 KiB. */
static uint8_t small_class[65];

__attribute__((constructor)) static void fill_small_class(void)
{
	for (unsigned i = 0; i <= 64; i++)
		small_class[i] = (uint8_t)slab_class_of(i * 16);
}

static inline unsigned class_of(uint64_t size)
{
	if (LIKELY(size <= 1024))
		return small_class[(size + 15) / 16];
	return slab_class_of(size);
}

int heap_error(const char *what, const void *p)
{
	log_error("free of %p: %s", p, what);
	if (abort_on_error)
		abort();
	return -EINVAL;
}

FUSION_API void fusion_heap_abort_on_error(bool on)
{
	abort_on_error = on;
}

/* --- Bins ---------------------------------------------------------------- */

static void bins_init(struct bins *bins)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		bins->bin[i].size = slab_class_size(i);
}

void heap_cache_init(struct tcache *c)
{
	bins_init(&c->main);
}

static void drop_slab_lists(struct bins *bins)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		free(bins->bin[i].slabs);
}

void heap_cache_drop(struct tcache *c)
{
	struct bins *b, *next;

	drop_slab_lists(&c->main);
	memset(&c->main, 0, sizeof(c->main));
	for (b = c->others; b; b = next) {
		next = b->next;
		drop_slab_lists(b);
		free(b);
	}
	c->others = NULL;
}

/* Were the pool's spans freed since, and maybe its number used again? */
bool heap_bins_stale(struct tcache *c, const struct bins *b)
{
	const struct pool_rec *p = pool_at(&c->arena->view, WORD_POOL(b->word));

	return p && (load_acquire(&p->state) != POOL_USED || p->gen != b->gen);
}

static void bins_forget(struct bins *b)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++) {
		b->bin[i].top = b->bin[i].left = 0;
		b->bin[i].n_slabs = b->bin[i].cur = 0;
	}
}

struct bins *heap_bins(struct tcache *c, uint64_t word, bool make)
{
	const struct pool_rec *p = pool_at(&c->arena->view, WORD_POOL(word));
	struct bins *b = c->others;

	while (b && b->word != word)
		b = b->next;
	if (b && heap_bins_stale(c, b)) {
		bins_forget(b);
		b->gen = p->gen;
	}
	if (b || !make)
		return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	bins_init(b);
	b->word = word;
	b->gen = p ? p->gen : 0;
	b->next = c->others;
	c->others = b;
	return b;
}

/* The bins a word of mine belongs to. */
static inline struct bins *bins_of(struct tcache *c, uint64_t word)
{
	word &= SPAN_MEMBER | SPAN_POOL(0xffff);
	return LIKELY(!word) ? &c->main : heap_bins(c, word, false);
}

/* --- Allocating ---------------------------------------------------------- */

/* A free block of mine, not yet committed. */
static inline struct block_ref take(struct tcache *c, struct bins *bins,
				    unsigned class)
{
	struct bin *b = &bins->bin[class];
	struct block_ref r;

	if (LIKELY(b->top))
		return b->magazine[--b->top];
	if (UNLIKELY(!b->left))
		return heap_refill(c, bins, class);
	r = (struct block_ref){b->run_p, b->run_m};
	b->left--;
	b->run_p += b->size;
	b->run_m++;
	return r;
}

/* Commit of malloc.  Relaxed: only the owner allocates here, and who frees
 * has the pointer from us. */
static inline void *commit(struct tcache *c, struct block_ref r, uint64_t size)
{
	store_relaxed(r.map, c->tag);
	track_open(r.p, size);
	return r.p;
}

static void *alloc_run(struct tcache *c, const struct bins *bins, uint64_t size,
		       uint32_t align)
{
	struct view *v = &c->arena->view;
	uint64_t n = (size + SPAN_SIZE - 1) >> SPAN_SHIFT;
	uint32_t first;
	int r = -ENOMEM;

	span_trim_decayed(v, c->rec);
	if (size <= v->geo.span && n <= v->geo.n_spans)
		r = span_alloc(v, c->rec, (uint32_t)(n ? n : 1), align,
			       SPAN_WORD(SPAN_HEAD, c->tag, 0) | bins->word,
			       &first);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	track_open(span_at(v, first), n << SPAN_SHIFT);
	return span_at(v, first);
}

void *heap_alloc(struct tcache *c, struct bins *bins, uint64_t size,
		 uint32_t align_spans)
{
	unsigned class;
	struct block_ref r;

	if (UNLIKELY(size > MEDIUM_MAX || align_spans > 1))
		return alloc_run(c, bins, size, align_spans);
	class = class_of(size);
	r = take(c, bins, class);
	return r.p ? commit(c, r, bins->bin[class].size) : NULL;
}

FUSION_API void *fusion_malloc(struct fusion_arena *arena, size_t size)
{
	struct tcache *c = tls_cache(arena);

	return LIKELY(c) ? heap_alloc(c, &c->main, size, 1) : NULL;
}

FUSION_API void *fusion_calloc(struct fusion_arena *arena, size_t n,
			       size_t size)
{
	size_t all;
	void *p;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	p = fusion_malloc(arena, all);
	if (p)
		memset(p, 0, all);
	return p;
}

FUSION_API char *fusion_strdup(struct fusion_arena *arena, const char *string)
{
	size_t size = strlen(string) + 1;
	char *p = fusion_malloc(arena, size);

	return p ? memcpy(p, string, size) : NULL;
}

/* A block of a power of two is aligned to its size: slabs begin at a span. */
FUSION_API void *fusion_aligned_alloc(struct fusion_arena *arena,
				      size_t alignment, size_t size)
{
	struct tcache *c = tls_cache(arena);
	size_t block = size > alignment ? size : alignment;

	if (!alignment || alignment & (alignment - 1) ||
	    alignment > ALIGN_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (!c)
		return NULL;
	if (alignment <= 16)
		return heap_alloc(c, &c->main, size, 1);
	if (alignment > SPAN_SIZE)
		return heap_alloc(c, &c->main, size,
				  (uint32_t)(alignment >> SPAN_SHIFT));
	if (block <= MEDIUM_MAX)
		block = 1ull << (64 - __builtin_clzll(block - 1));
	return heap_alloc(c, &c->main, block, 1);
}

FUSION_API void *fusion_malloc_member(struct fusion_arena *arena, size_t size)
{
	struct tcache *c = tls_cache(arena);
	struct bins *b = c ? heap_bins(c, SPAN_MEMBER, true) : NULL;

	return b ? heap_alloc(c, b, size, 1) : NULL;
}

/* --- Freeing ------------------------------------------------------------- */

/* Commit: the map byte.  Release: our last use of the block comes before the
 * owner's next. */
static void free_foreign(struct tcache *c, const struct block *b)
{
	store_release(b->map, (uint8_t)0);
	/* Last, and always: pairs with the acquire in scan().  The slab may be
	 * gone by now; the descriptor is type-stable. */
	store_release(&span_desc(&c->arena->view, b->span)->rflag, (uint8_t)1);
}

/* @b is free in its map and lies in a slab of mine: keep it for the next
 * malloc, or drop it and let a scan find it. */
static inline void keep(struct tcache *c, struct bins *bins, unsigned class,
			uint32_t span, char *p, uint8_t *map)
{
	struct bin *b = &bins->bin[class];
	struct slab_desc *d;

	track_freed(p, b->size);
	if (LIKELY(b->top < LIMIT_MAGAZINE)) {
		b->magazine[b->top++] = (struct block_ref){p, map};
		return;
	}
	d = span_desc(&c->arena->view, span);
	d->hasfree = 1;
	d->scan = 0;
	if (UNLIKELY(++d->dropped >= c->arena->classes[class].n_blocks)) {
		d->dropped = 0;
		heap_maybe_release(c, bins, class, span);
	}
}

static void free_own(struct tcache *c, const struct block *b)
{
	struct bins *bins = bins_of(c, b->word);

	store_relaxed(b->map, (uint8_t)0);
	if (bins)
		keep(c, bins, WORD_CLASS(b->word), b->span,
		     slab_block(&c->arena->view,
				&c->arena->classes[WORD_CLASS(b->word)],
				b->span, b->index),
		     b->map);
}

static int free_block(struct tcache *c, const struct block *b,
		      struct thread_rec *pend)
{
	struct view *v = &c->arena->view;

	if (!b->map) {
		track_open(span_at(v, b->span), b->size);
		span_trim_decayed(v, c->rec);
		return span_free(v, c->rec, b->span, WORD_COUNT(b->word), pend);
	}
	if (WORD_TOKEN(b->word) == c->token)
		free_own(c, b);
	else
		free_foreign(c, b);
	return 0;
}

static int find_block(struct tcache *c, const void *p, struct block *ret)
{
	struct view *v = &c->arena->view;

	if (!view_contains(v, p))
		return heap_error("not in the arena", p);
	if (block_find(v, c->arena->classes, view_off(v, p), ret) < 0)
		return heap_error("not the start of a block", p);
	if (!block_is_allocated(ret))
		return heap_error("free already", p);
	return 0;
}

/* All that is not a block in a small slab of this thread's main bins. */
__attribute__((noinline)) static int free_slow(struct tcache *c, void *p)
{
	struct block b;
	int r = find_block(c, p, &b);

	c->span_hi = span_hi(&c->arena->view);
	return r < 0 ? r : free_block(c, &b, NULL);
}

FUSION_API int fusion_free(struct fusion_arena *arena, void *ptr)
{
	struct tcache *c = tls_cache(arena);
	const struct class_info *k;
	uint64_t off, w;
	uint32_t span, in, i;
	uint8_t *map;

	if (UNLIKELY(!ptr))
		return 0;
	if (UNLIKELY(!c))
		return -errno;
	off = view_off(&arena->view, ptr);
	span = (uint32_t)(off >> SPAN_SHIFT);
	if (UNLIKELY(off >= arena->view.geo.span || span >= c->span_hi))
		return free_slow(c, ptr);
	w = load_relaxed(span_word(&arena->view, span));
	/* A small slab of mine, no pool, no member's lifetime. */
	if (UNLIKELY((w & ~(0xffull << 32)) !=
		     ((uint64_t)SPAN_SLAB << 40 | c->token)))
		return free_slow(c, ptr);
	k = &arena->classes[WORD_CLASS(w)];
	in = (uint32_t)(off & (SPAN_SIZE - 1));
	i = slab_index(k, in);
	map = slab_map(&arena->view, k, span) + i;
	if (UNLIKELY(in < k->data_off || i >= k->n_blocks ||
		     k->data_off + i * k->size != in || !load_relaxed(map)))
		return free_slow(c, ptr);
	store_relaxed(map, (uint8_t)0);
	keep(c, &c->main, WORD_CLASS(w), span, ptr, map);
	return 0;
}

FUSION_API size_t fusion_usable_size(struct fusion_arena *arena,
				     const void *ptr)
{
	struct block b;

	if (!arena || !ptr || !view_contains(&arena->view, ptr) ||
	    block_find(&arena->view, arena->classes,
		       view_off(&arena->view, ptr), &b) < 0 ||
	    !block_is_allocated(&b))
		return 0;
	return b.size;
}

/* --- Realloc ------------------------------------------------------------- */

static bool resize_in_place(struct tcache *c, const struct block *b,
			    uint64_t size)
{
	uint64_t n = (size + SPAN_SIZE - 1) >> SPAN_SHIFT;

	if (b->map)
		return size <= b->size && (size > b->size / 2 || size <= 16);
	if (size <= MEDIUM_MAX || n > RUN_MAX)
		return false;
	if (n == WORD_COUNT(b->word))
		return true;
	if (span_resize(&c->arena->view, c->rec, b->span, WORD_COUNT(b->word),
			(uint32_t)n) < 0)
		return false;
	track_open(span_at(&c->arena->view, b->span), n << SPAN_SHIFT);
	return true;
}

FUSION_API void *fusion_realloc(struct fusion_arena *arena, void *ptr,
				size_t size)
{
	struct tcache *c = tls_cache(arena);
	struct bins *bins;
	struct block b;
	void *p;

	if (!c)
		return NULL;
	if (!ptr)
		return heap_alloc(c, &c->main, size, 1);
	if (find_block(c, ptr, &b) < 0) {
		errno = EINVAL;
		return NULL;
	}
	if (resize_in_place(c, &b, size))
		return ptr;
	/* The same pool, the same lifetime. */
	bins = &c->main;
	if (b.word & (SPAN_MEMBER | SPAN_POOL(0xffff)))
		bins = heap_bins(c, b.word & (SPAN_MEMBER | SPAN_POOL(0xffff)),
				 true);
	p = bins ? heap_alloc(c, bins, size, 1) : NULL;
	if (!p)
		return NULL;
	memcpy(p, ptr, size < b.size ? size : b.size);
	free_block(c, &b, NULL);
	return p;
}

/* --- Blocks that are handed over in one step ----------------------------- */

static void announce(struct thread_rec *t, uint64_t mode, uint64_t slot,
		     uint64_t p)
{
	t->heap[0] = mode;
	t->pend_ptr = p;
	compiler_fence();
	t->pend_slot = slot;
	compiler_fence();
}

static void unannounce(struct thread_rec *t)
{
	compiler_fence();
	t->pend_ptr = 0;
	compiler_fence();
	t->pend_slot = 0;
}

static bool good_slot(const struct fusion_arena *arena, void **slot)
{
	return view_contains(&arena->view, slot) && (uintptr_t)slot % 8 == 0;
}

/* Commit: the store of *slot.  Killed before it: recovery finds the block
 * allocated and not in the slot, and frees it. */
FUSION_API int fusion_malloc_to(struct fusion_arena *arena, size_t size,
				void **slot)
{
	struct tcache *c = tls_cache(arena);
	uint64_t slot_off;
	void *p;

	if (!c)
		return -errno;
	if (!good_slot(arena, slot))
		return -EINVAL;
	slot_off = view_off(&arena->view, slot);
	if (size > MEDIUM_MAX) {
		/* span_alloc() announces the block: only it knows which. */
		if (!SEED_BUG(5))
			announce(c->rec, PENDING_MALLOC_TO, slot_off, 0);
		p = alloc_run(c, &c->main, size, 1);
	} else {
		unsigned class = class_of(size);
		struct block_ref r = take(c, &c->main, class);

		if (r.p && !SEED_BUG(5))
			announce(c->rec, PENDING_MALLOC_TO, slot_off,
				 view_off(&arena->view, r.p));
		p = r.p ? commit(c, r, c->main.bin[class].size) : NULL;
	}
	compiler_fence();
	if (p)
		store_release(slot, p);
	unannounce(c->rec);
	return p ? 0 : -ENOMEM;
}

/* Commit: the store of *slot.  Killed before it: recovery takes the mark off
 * the block; after it: frees the block. */
FUSION_API int fusion_free_from(struct fusion_arena *arena, void **slot)
{
	struct tcache *c = tls_cache(arena);
	struct block b;
	void *p;
	int r;

	if (!c)
		return -errno;
	if (!good_slot(arena, slot))
		return -EINVAL;
	p = load_acquire(slot);
	if (!p)
		return 0;
	r = find_block(c, p, &b);
	if (r < 0)
		return r;
	announce(c->rec, PENDING_FREE_FROM, view_off(&arena->view, slot),
		 view_off(&arena->view, p));
	if (b.map)
		store_relaxed(b.map, (uint8_t)TAG_DYING);
	compiler_fence();
	store_release(slot, NULL);
	compiler_fence();
	r = free_block(c, &b, c->rec);
	unannounce(c->rec);
	return r;
}

/* --- The rest ------------------------------------------------------------ */

FUSION_API int fusion_heap_trim(struct fusion_arena *arena)
{
	struct thread_rec *me = thread_rec_of(arena);

	return me ? span_trim(&arena->view, me) : -errno;
}

FUSION_API void fusion_heap_stats(struct fusion_arena *arena,
				  struct fusion_heap_stats *ret)
{
	struct heap_usage u;

	heap_usage(&arena->view, &u);
	*ret = (struct fusion_heap_stats){
		.used = view_used(&arena->view),
		.limit = load_relaxed(&arena->view.sb->limit),
		.blocks = u.blocks,
		.bytes = u.bytes,
	};
}
