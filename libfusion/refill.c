/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The slow half of allocating a block: own slabs, orphans, new slabs
 *
 * Scans happen only when magazine and bump run of the bin are both empty, and
 * only the owner allocates from a slab, so what a scan finds cannot be taken
 * by anybody else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/core/seed.h"
#include "libfusion/core/span.h"
#include "libfusion/core/track.h"
#include "libfusion/heap_private.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* With fewer slabs than that, a slab in which others have freed is left alone
 * for a while: producer and consumer stay off each other's map lines. */
#define LAG_SLABS 4

/* Which of the 16 map bytes at @m are 0. */
static unsigned free_in_16(const uint8_t *m)
{
#ifdef __SSE2__
	const __m128i *at = (const __m128i *)(const void *)m;

	return (unsigned)_mm_movemask_epi8(
		_mm_cmpeq_epi8(_mm_loadu_si128(at), _mm_setzero_si128()));
#else
	unsigned mask = 0;

	for (unsigned i = 0; i < 16; i++)
		mask |= (unsigned)!m[i] << i;
	return mask;
#endif
}

static bool bin_add(struct bin *b, uint32_t span)
{
	if (b->n_slabs == b->cap) {
		uint32_t cap = b->cap ? b->cap * 2 : 16;
		uint32_t *slabs = realloc(b->slabs, cap * sizeof(*slabs));

		if (!slabs)
			return false;
		b->slabs = slabs;
		b->cap = cap;
	}
	b->slabs[b->n_slabs++] = span;
	return true;
}

static void bin_remove(struct bin *b, uint32_t span)
{
	for (uint32_t i = 0; i < b->n_slabs; i++) {
		if (b->slabs[i] == span) {
			b->slabs[i] = b->slabs[--b->n_slabs];
			break;
		}
	}
	if (b->cur >= b->n_slabs)
		b->cur = 0;
}

static uint32_t whole_16s(const uint8_t *m, uint32_t i, uint32_t n)
{
	while (i + 16 <= n && free_in_16(m + i) == 0xffff)
		i += 16;
	return i;
}

/* Collect free blocks of one slab: either singles for the magazine or one
 * contiguous bump run. */
static bool scan(struct fusion_arena *a, struct bin *b,
		 const struct class_info *k, uint32_t span, bool lag)
{
	struct slab_desc *d = span_desc(&a->view, span);
	uint8_t *m = slab_map(&a->view, k, span);
	uint32_t i, n = k->n_blocks, got = 0;

	/* Acquire, and before the map is read: pairs with the release in
	 * free_foreign(), which stores rflag last, so no free is missed. */
	if (!lag && load_relaxed(&d->rflag) && xchg_acquire(&d->rflag, 0)) {
		d->scan = 0;
		d->hasfree = 1;
	}
	if (!d->hasfree)
		return false;
	for (i = d->scan; i < n; i += 16) {
		unsigned mask = free_in_16(m + i);

		if (n - i < 16)
			mask &= (1u << (n - i)) - 1;
		if (mask == 0xffff) {
			uint32_t end = whole_16s(m, i, n);

			if (got) /* singles first, the run next time */
				break;
			b->run_p = slab_block(&a->view, k, span, i);
			b->run_m = m + i;
			b->left = end - i;
			d->scan = end;
			return true;
		}
		/* Highest first: the magazine hands out from its end. */
		while (mask && got < LIMIT_MAGAZINE) {
			unsigned bit = 31 - (unsigned)__builtin_clz(mask);

			mask &= ~(1u << bit);
			b->magazine[got++] = (struct block_ref){
				slab_block(&a->view, k, span, i + bit),
				m + i + bit,
			};
		}
		if (mask)
			break; /* the rest of these 16 the next time */
		if (got + 16 > LIMIT_MAGAZINE / 2 + 16) {
			i += 16;
			break;
		}
	}
	b->top = got;
	d->scan = i < n ? i : 0;
	d->hasfree = i < n;
	return got > 0;
}

static bool scan_own(struct fusion_arena *a, struct bin *b,
		     const struct class_info *k)
{
	for (uint32_t i = 0; i < b->n_slabs; i++) {
		if (scan(a, b, k, b->slabs[b->cur], b->n_slabs < LAG_SLABS))
			return true;
		b->cur = b->cur + 1 < b->n_slabs ? b->cur + 1 : 0;
	}
	return false;
}

static bool scan_lagging(struct fusion_arena *a, struct bin *b,
			 const struct class_info *k)
{
	for (uint32_t i = 0; i < b->n_slabs; i++)
		if (scan(a, b, k, b->slabs[i], false))
			return true;
	return false;
}

/* Commit: the CAS.  Killed before: an orphan; after: ours, and recovery makes
 * it an orphan again. */
static bool adopt(struct tcache *c, struct bins *bins, unsigned class)
{
	struct fusion_arena *a = c->arena;
	struct view *v = &a->view;
	struct bin *b = &bins->bin[class];
	uint64_t orphan = SPAN_WORD(SPAN_SLAB, class, 0) | bins->word;
	uint32_t hi = span_hi(v);

	if (!load_relaxed(&heap_super(v)->orphans[class]))
		return false;
	for (uint32_t i = v->geo.first_span; i < hi; i++) {
		struct slab_desc *d = span_desc(v, i);
		uint64_t want = orphan;

		if (load_relaxed(span_word(v, i)) != orphan ||
		    (bins->word & SPAN_MEMBER && d->member != c->rec->member))
			continue;
		/* Acquire: pairs with the release that made it an orphan. */
		if (!cas_acquire(span_word(v, i), &want, orphan | c->token))
			continue;
		if (load_relaxed(&heap_super(v)->orphans[class]))
			sub_relaxed(&heap_super(v)->orphans[class], 1);
		d->scan = 0;
		d->hasfree = 1;
		d->dropped = 0;
		if (!bin_add(b, i))
			return false;
		b->cur = b->n_slabs - 1;
		if (scan(a, b, &a->classes[class], i, false))
			return true;
	}
	/* Another kind's orphans may be counted here: look again when the
	 * next one is made. */
	if (!bins->word)
		store_relaxed(&heap_super(v)->orphans[class], 0);
	return false;
}

/* Commit: TXN becomes SLAB, when its map is clear.  Killed before: freed;
 * after: empty, so freed too. */
static bool new_slab(struct tcache *c, struct bins *bins, unsigned class)
{
	struct fusion_arena *a = c->arena;
	struct view *v = &a->view;
	const struct class_info *k = &a->classes[class];
	struct bin *b = &bins->bin[class];
	uint64_t low = c->token | bins->word;
	struct slab_desc *d;
	uint32_t span;

	span_trim_decayed(v, c->rec);
	if (span_alloc(v, c->rec, k->n_spans, 1,
		       SPAN_WORD(SPAN_TXN, class, 0) | low, &span) < 0)
		return false;
	c->span_hi = span_hi(v);
	d = span_desc(v, span);
	if (bins->word & SPAN_MEMBER)
		d->member = c->rec->member;
	d->rflag = 0;
	d->scan = 0;
	d->dropped = 0;
	d->hasfree = 1;
	if (SEED_BUG(4))
		store_release(span_word(v, span),
			      SPAN_WORD(SPAN_SLAB, class, 0) | low);
	memset(slab_map(v, k, span), 0, k->n_blocks);
	compiler_fence();
	/* Release: a foreign free that finds the word finds a clear map. */
	store_release(span_word(v, span), SPAN_WORD(SPAN_SLAB, class, 0) | low);
	if (!bin_add(b, span))
		return false; /* an unknown slab of ours until we end */
	b->cur = b->n_slabs - 1;
	track_freed(slab_block(v, k, span, 0), (size_t)k->n_blocks * k->size);
	return scan(a, b, k, span, false);
}

struct block_ref heap_refill(struct tcache *c, struct bins *bins,
			     unsigned class)
{
	struct bin *b = &bins->bin[class];
	const struct class_info *k = &c->arena->classes[class];
	struct block_ref none = {NULL, NULL};
	struct block_ref r;

	if (!scan_own(c->arena, b, k) && !adopt(c, bins, class) &&
	    !new_slab(c, bins, class) && !scan_lagging(c->arena, b, k)) {
		errno = ENOMEM;
		return none;
	}
	if (b->top)
		return b->magazine[--b->top];
	r = (struct block_ref){b->run_p, b->run_m};
	b->left--;
	b->run_p += k->size;
	b->run_m++;
	return r;
}

static void open_slab(struct fusion_arena *a, const struct class_info *k,
		      uint32_t span)
{
	track_open(span_at(&a->view, span), (size_t)k->n_spans * SPAN_SIZE);
}

static bool in_slab(struct fusion_arena *a, const struct class_info *k,
		    uint32_t span, const char *p)
{
	return (uint64_t)(p - span_at(&a->view, span)) <
	       (uint64_t)k->n_spans * SPAN_SIZE;
}

void heap_maybe_release(struct tcache *c, struct bins *bins, unsigned class,
			uint32_t span)
{
	struct fusion_arena *a = c->arena;
	const struct class_info *k = &a->classes[class];
	struct bin *b = &bins->bin[class];
	uint32_t kept = 0;

	if (b->n_slabs <= LIMIT_KEEP_SLABS ||
	    (b->left && in_slab(a, k, span, b->run_p)) ||
	    !slab_is_empty(&a->view, k, span))
		return;
	for (uint32_t i = 0; i < b->top; i++)
		if (!in_slab(a, k, span, b->magazine[i].p))
			b->magazine[kept++] = b->magazine[i];
	b->top = kept;
	bin_remove(b, span);
	open_slab(a, k, span);
	span_free(&a->view, c->rec, span, k->n_spans, NULL);
}

/* At the end of a thread.  Commit for each slab: its word. */
static void release_slab(struct tcache *c, struct bins *bins, unsigned class,
			 uint32_t span)
{
	struct fusion_arena *a = c->arena;
	const struct class_info *k = &a->classes[class];

	open_slab(a, k, span);
	if (slab_is_empty(&a->view, k, span)) {
		span_free(&a->view, c->rec, span, k->n_spans, NULL);
		return;
	}
	/* Release: pairs with the acquire in adopt(). */
	store_release(span_word(&a->view, span),
		      SPAN_WORD(SPAN_SLAB, class, 0) | bins->word);
	add_relaxed(&heap_super(&a->view)->orphans[class], 1);
}

static void release_bins(struct tcache *c, struct bins *bins)
{
	for (unsigned k = 0; k < HEAP_CLASSES; k++) {
		struct bin *b = &bins->bin[k];

		b->top = b->left = 0;
		for (uint32_t i = 0; i < b->n_slabs; i++)
			release_slab(c, bins, k, b->slabs[i]);
		b->n_slabs = 0;
	}
}

void heap_cache_release(struct tcache *c)
{
	release_bins(c, &c->main);
	for (struct bins *b = c->others; b; b = b->next)
		if (!heap_bins_stale(c, b))
			release_bins(c, b);
	heap_cache_drop(c);
}
