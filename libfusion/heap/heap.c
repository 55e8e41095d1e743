/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocating
 *
 * fusion_malloc() takes a block from the magazine or the bump run of its size
 * class and stores the member's tag in the block's map byte: this store is the
 * commit point.  The rest is rare: filling magazine and run (refill.c),
 * allocating runs of spans, and blocks of pools or with a member's lifetime.
 */
#include "libfusion/heap/heap.h"

#include <fusion/heap.h>

#include <errno.h>
#include <string.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/span_trim.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/heap/bin.h"
#include "libfusion/heap/heap_private.h"
#include "libfusion/heap/refill.h"

#define ALIGN_MAX (1ull << 30)

/* The size class of each size, in steps of 16; filled before the first cache is
 * made. */
static uint8_t small_class[SMALL_MAX / 16 + 1];

void heap_classes_init(void)
{
	for (unsigned i = 0; i <= SMALL_MAX / 16; i++)
		small_class[i] = (uint8_t)slab_class_of(i * 16);
}

unsigned heap_class_of(uint64_t size)
{
	return slab_class_of(size);
}

/* Take a block from the magazine, else from the run.  false: both are empty.
 * The two counts are loaded one by one: a load of both would wait for the last
 * store to one of them. */
static inline bool pop_block(struct bin *b, struct block_ref *ret)
{
	uint32_t top = b->top;

	if (LIKELY(top)) {
		b->top = --top;
		*ret = b->magazine[top];
		return true;
	}
	if (UNLIKELY(b->run_p == b->run_end))
		return false;
	*ret = (struct block_ref){b->run_p, b->run_m};
	b->run_p += b->size;
	b->run_m++;
	return true;
}

struct block_ref heap_take(struct tcache *c, struct bins *bins, unsigned class)
{
	struct bin *b = &bins->bin[class];
	struct block_ref r = {NULL, NULL};

	if (!pop_block(b, &r) && heap_refill(c, bins, class))
		pop_block(b, &r);
	return r;
}

/* Relaxed: only the owner of the slab allocates in it, and a thread that frees
 * the block got the pointer from its owner. */
void *heap_commit(struct tcache *c, struct block_ref r, uint32_t size)
{
	store_relaxed(r.map, c->tag);
	if (UNLIKELY(track_is_on()))
		track_allocated(r.p, size);
	return r.p;
}

void *heap_alloc_run(struct tcache *c, uint64_t purpose, uint64_t size,
		     uint32_t align_spans)
{
	struct view *v = &c->arena->view;
	uint64_t n = size ? ((size - 1) >> SPAN_SHIFT) + 1 : 1;
	uint32_t first;
	int r = -ENOMEM;

	span_trim_decayed(v, c->rec);
	if (n <= v->geo.n_spans)
		r = span_alloc(v, c->rec, (uint32_t)n, align_spans,
			       SPAN_WORD(SPAN_HEAD, c->tag, 0) | purpose,
			       &first);
	if (r < 0) {
		errno = -refuse_memory(c->arena, r, size);
		return NULL;
	}
	if (UNLIKELY(track_is_on()))
		track_allocated(span_at(v, first), n << SPAN_SHIFT);
	return span_at(v, first);
}

void *heap_alloc(struct tcache *c, struct bins *bins, uint64_t size)
{
	struct block_ref r;
	unsigned class;

	if (size > MEDIUM_MAX)
		return heap_alloc_run(c, bins->purpose, size, 1);
	class = slab_class_of(size);
	r = heap_take(c, bins, class);
	if (r.p)
		return heap_commit(c, r, bins->bin[class].size);
	/* Perhaps only a slab of eight spans did not fit. */
	if (class >= SMALL_CLASSES)
		return heap_alloc_run(c, bins->purpose, size, 1);
	errno = -refuse_memory(c->arena, -ENOMEM, size);
	return NULL;
}

__attribute__((noinline)) static void *malloc_slow(struct fusion_arena *arena,
						   size_t size)
{
	struct tcache *c = tls_cache(arena);
	void *p = c ? heap_alloc(c, &c->main, size) : NULL;

	return told_pointer_by(p, "fusion_malloc");
}

void *heap_alloc_zeroed(struct fusion_arena *arena, size_t size)
{
	struct tcache *c = tls_cache(arena);
	void *p = c ? heap_alloc(c, &c->main, size) : NULL;

	return p ? memset(p, 0, size) : NULL;
}

FUSION_API void *fusion_malloc(struct fusion_arena *arena, size_t size)
{
	struct tcache *c = tls_current;
	struct block_ref r;
	struct bin *b;

	if (UNLIKELY(c->arena != arena || size > SMALL_MAX))
		return malloc_slow(arena, size);
	b = &c->main.bin[small_class[(size + 15) / 16]];
	ONCE(b);
	if (UNLIKELY(!pop_block(b, &r)))
		return malloc_slow(arena, size);
	store_relaxed(r.map, c->tag); /* the commit, as in heap_commit() */
	return r.p;
}

FUSION_API void *fusion_calloc(struct fusion_arena *arena, size_t n,
			       size_t size)
{
	size_t all;
	void *p;

	if (!array_size(n, size, &all))
		return told_pointer(NULL);
	p = fusion_malloc(arena, all);
	return p ? memset(p, 0, all) : NULL;
}

FUSION_API char *fusion_strdup(struct fusion_arena *arena, const char *string)
{
	size_t size = strlen(string) + 1;
	char *p = fusion_malloc(arena, size);

	return p ? memcpy(p, string, size) : NULL;
}

/* A block whose size is a power of two is aligned to its size.  A slab begins
 * at a span.  A map at the start of a slab takes a multiple of 64 bytes, and
 * the classes with a map there that are powers of two are smaller than that. */
FUSION_API void *fusion_aligned_alloc(struct fusion_arena *arena,
				      size_t alignment, size_t size)
{
	struct tcache *c = tls_cache(arena);
	uint64_t block = size > alignment ? size : alignment;

	if (!c)
		return told_pointer(NULL);
	if (!alignment || alignment & (alignment - 1) ||
	    alignment > ALIGN_MAX) {
		errno = -refuse(-EINVAL,
				"arena '%s': no block can be aligned to %zu "
				"bytes: give a power of two, at most %llu",
				arena->name, alignment, ALIGN_MAX);
		return told_pointer(NULL);
	}
	if (alignment <= 16)
		return told_pointer(heap_alloc(c, &c->main, size));
	if (alignment > SPAN_SIZE)
		return told_pointer(heap_alloc_run(
			c, 0, size, (uint32_t)(alignment >> SPAN_SHIFT)));
	if (block <= MEDIUM_MAX)
		block = 1ull << (64 - __builtin_clzll(block - 1));
	return told_pointer(heap_alloc(c, &c->main, block));
}

FUSION_API void *fusion_malloc_member(struct fusion_arena *arena, size_t size)
{
	struct tcache *c = tls_cache(arena);
	struct bins *b = c ? bins_get(c, SPAN_MEMBER, true) : NULL;

	return told_pointer(b ? heap_alloc(c, b, size) : NULL);
}

FUSION_API int64_t fusion_heap_trim(struct fusion_arena *arena)
{
	struct tcache *c = tls_cache(arena);
	int64_t n;

	if (!c)
		return told(-errno);
	heap_cache_trim(c);
	n = span_trim(&arena->view, c->rec, 0);
	return n < 0 ? told(n) : n << SPAN_SHIFT;
}

FUSION_API int fusion_heap_stat(struct fusion_arena *arena,
				struct fusion_heap_stat *ret, size_t size)
{
	struct fusion_heap_stat stat;
	struct heap_usage u;

	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	heap_usage(&arena->view, &u);
	stat = (struct fusion_heap_stat){
		.used = view_used(&arena->view),
		.limit = load_relaxed(&arena->view.sb->limit),
		.blocks = u.blocks,
		.bytes = u.bytes,
	};
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_heap_stat"));
}
