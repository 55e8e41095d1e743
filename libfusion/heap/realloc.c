/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resizing: change the size of a block in place where that is possible, else
 * copy it into a new block of its pool and lifetime. */
#include <fusion/heap.h>

#include <errno.h>
#include <string.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/heap/bin.h"
#include "libfusion/heap/free.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/heap_private.h"

/* Does a block of @usable bytes fit @size without wasting much? */
static bool fits_block(uint64_t usable, uint64_t size)
{
	return size <= usable && (size > usable / 2 || usable <= 16);
}

static bool resize_in_place(struct tcache *c, const struct block *b,
			    uint64_t size)
{
	uint64_t n = size ? ((size - 1) >> SPAN_SHIFT) + 1 : 1;
	struct view *v = &c->arena->view;

	if (b->map)
		return fits_block(b->size, size);
	if (size <= MEDIUM_MAX || n > RUN_MAX)
		return false;
	if (n == WORD_COUNT(b->word))
		return true;
	if (span_resize(v, c->rec, b->span, b->word, (uint32_t)n) < 0)
		return false;
	if (UNLIKELY(track_is_on()))
		track_open(span_at(v, b->span), n << SPAN_SHIFT);
	return true;
}

static void *move_block(struct tcache *c, const struct block *b, void *ptr,
			size_t size)
{
	uint64_t purpose = WORD_PURPOSE(b->word);
	struct bins *bins = purpose ? bins_get(c, purpose, true) : &c->main;
	void *p = bins ? heap_alloc(c, bins, size) : NULL;

	if (!p)
		return NULL;
	memcpy(p, ptr, size < b->size ? size : b->size);
	heap_free_block(c, b, NULL);
	return p;
}

__attribute__((noinline)) static void *realloc_slow(struct fusion_arena *arena,
						    void *ptr, size_t size)
{
	struct tcache *c = tls_cache(arena);
	struct block b;
	int r;

	if (!c)
		return told_pointer_by(NULL, "fusion_realloc");
	r = heap_find(c, ptr, &b);
	if (r < 0) {
		errno = -r;
		return told_pointer_by(NULL, "fusion_realloc");
	}
	if (resize_in_place(c, &b, size))
		return ptr;
	return told_pointer_by(move_block(c, &b, ptr, size), "fusion_realloc");
}

/* The fast path is for blocks in small slabs of this thread, as in
 * fusion_free(). */
FUSION_API void *fusion_realloc(struct fusion_arena *arena, void *ptr,
				size_t size)
{
	struct tcache *c = tls_current;
	uint64_t off = (uint64_t)((char *)ptr - c->base), w;
	uint64_t span = off >> SPAN_SHIFT;
	const uint8_t *map;
	struct bin *b;
	void *p;

	if (!ptr)
		return fusion_malloc(arena, size);
	if (UNLIKELY(c->arena != arena || span >= c->span_hi))
		return realloc_slow(arena, ptr, size);
	w = load_relaxed(c->words + span);
	if (UNLIKELY((uint32_t)w != c->token))
		return realloc_slow(arena, ptr, size);
	b = &c->main.bin[WORD_CLASS(w)];
	map = bin_map(b, span, (uint32_t)off & (SPAN_SIZE - 1));
	if (UNLIKELY(!map || !load_relaxed(map)))
		return realloc_slow(arena, ptr, size);
	if (fits_block(b->size, size))
		return ptr;
	p = fusion_malloc(arena, size);
	if (!p)
		return NULL;
	memcpy(p, ptr, size < b->size ? size : b->size);
	fusion_free(ptr);
	return p;
}
