/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Refilling: find free blocks in own slabs, orphaned slabs and new slabs
 *
 * Invariant: a free block that a scan finds belongs to this thread.  Only the
 * owner of a slab allocates in it, and it scans only while the magazine and the
 * bump run of the bin are empty.
 */
#include "libfusion/heap/refill.h"

#include <string.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/heap/span_trim.h"
#include "libfusion/heap/bin.h"
#include "libfusion/heap/heap_private.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* With fewer slabs than this, a slab in which other threads have freed is left
 * alone for a while.  So a producer and a consumer do not write to one cache
 * line of the map. */
#define LAG_SLABS 4

/* How many slabs are checked for frees of other threads before a new slab is
 * taken, so that a refill does not walk a heap of many full slabs. */
#define PROBE_SLABS 8

/*
 * Return which of the 16 map bytes at @m are 0.
 *
 *   another member             this thread
 *   last use of the block      byte = 0?
 *   byte = 0 (release)         fence (acquire)
 *                              hand the block out
 *
 * A vector load has no memory order; on x86 a fence of the compiler is enough.
 */
#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
static unsigned free_in_16(const uint8_t *m)
{
	const __m128i *at = (const __m128i *)(const void *)m;
	unsigned mask = (unsigned)_mm_movemask_epi8(
		_mm_cmpeq_epi8(_mm_loadu_si128(at), _mm_setzero_si128()));

	acquire_fence();
	return mask;
}
#else
static unsigned free_in_16(const uint8_t *m)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < 16; i++)
		mask |= (unsigned)!load_acquire(m + i) << i;
	return mask;
}
#endif

static uint32_t whole_16s(const uint8_t *m, uint32_t i, uint32_t n)
{
	while (i + 16 <= n && free_in_16(m + i) == 0xffff)
		i += 16;
	return i;
}

/* Put the free ones of these 16 blocks into the magazine, highest first, since
 * it hands out from its end.  Returns those that found no room. */
static unsigned collect_free(struct view *v, struct bin *b,
			     const struct class_info *k, uint32_t span,
			     uint32_t i, unsigned mask)
{
	uint8_t *m = slab_map(v, k, span);

	while (mask && b->top < LIMIT_MAGAZINE) {
		unsigned bit = 31 - (unsigned)__builtin_clz(mask);

		mask &= ~(1u << bit);
		b->magazine[b->top++] = (struct block_ref){
			slab_block(v, k, span, i + bit),
			m + i + bit,
		};
	}
	return mask;
}

/* Collect free blocks of one slab: single blocks for the magazine, or one
 * contiguous bump run.  Updates hasfree and the position of the next scan. */
static bool scan_slab(struct view *v, struct bin *b, const struct class_info *k,
		      uint32_t span)
{
	struct slab_desc *d = span_desc(v, span);
	uint8_t *m = slab_map(v, k, span);
	uint32_t i, n = k->n_blocks;

	b->dropping = 0;
	for (i = d->scan & ~15u; i < n && b->top < LIMIT_MAGAZINE / 2;
	     i += 16) {
		unsigned mask = free_in_16(m + i);

		if (n - i < 16)
			mask &= (1u << (n - i)) - 1;
		if (mask == 0xffff) {
			uint32_t end = whole_16s(m, i, n);

			if (b->top) /* single blocks first, the run at the next
				       scan */
				break;
			b->run_p = slab_block(v, k, span, i);
			b->run_m = m + i;
			b->run_end = slab_block(v, k, span, end);
			i = end;
			break;
		}
		if (collect_free(v, b, k, span, i, mask))
			break; /* the rest of these 16 at the next scan */
	}
	d->scan = i < n ? i : 0;
	d->hasfree = i < n;
	return b->top || b->run_p != b->run_end;
}

static bool scan_ready(struct tcache *c, struct bin *b,
		       const struct class_info *k)
{
	bool got = false;

	while (b->n_ready && !got) {
		uint32_t span = b->slabs[b->n_ready - 1];

		got = scan_slab(&c->arena->view, b, k, span);
		if (!span_desc(&c->arena->view, span)->hasfree)
			bin_spent(c->arena, b, span);
	}
	return got;
}

static void open_slab(struct view *v, const struct class_info *k, uint32_t span)
{
	if (UNLIKELY(track_is_on()))
		track_open(span_at(v, span), (size_t)k->n_spans * SPAN_SIZE);
}

/* Give the slab back if it is empty; no block of it is in magazine or run. */
static bool release_empty(struct tcache *c, struct bin *b,
			  const struct class_info *k, uint32_t span)
{
	struct view *v = &c->arena->view;

	if (!slab_is_empty(v, k, span))
		return false;
	bin_remove(c->arena, b, span);
	open_slab(v, k, span);
	span_free(v, c->rec, span, k->n_spans, load_relaxed(span_word(v, span)),
		  NULL);
	return true;
}

/* Make @span ready if other threads have freed blocks in it. */
static void ask_slab(struct tcache *c, struct bin *b,
		     const struct class_info *k, uint32_t span)
{
	struct slab_desc *d = span_desc(&c->arena->view, span);

	/* We must see each map byte whose free has set rflag: acquire here,
	 * release in free_foreign(), which stores rflag last. */
	if (!load_relaxed(&d->rflag) || !xchg_acquire(&d->rflag, (uint8_t)0))
		return;
	if (b->n_ready >= LIMIT_KEEP_SLABS && release_empty(c, b, k, span))
		return;
	d->scan = 0;
	bin_ready(c->arena, b, span);
}

/* Check @n of the slabs that are not ready.  Is one ready now? */
static bool probe_slabs(struct tcache *c, struct bin *b,
			const struct class_info *k, uint32_t n)
{
	while (n-- && b->n_slabs > b->n_ready) {
		if (b->probe < b->n_ready || b->probe >= b->n_slabs)
			b->probe = b->n_ready;
		ask_slab(c, b, k, b->slabs[b->probe]);
		b->probe++;
	}
	return b->n_ready > 0;
}

/* Adopt the next orphan, a slab without an owner.  Commit point: the
 * compare-and-swap.  Killed before it: the slab is an orphan still.  Killed
 * after it: recovery makes the slab an orphan again. */
static bool find_orphan(struct tcache *c, uint64_t orphan, uint64_t mine,
			uint32_t from, uint32_t to, uint32_t *ret)
{
	struct view *v = &c->arena->view;

	for (uint32_t i = from; i < to; i++) {
		uint64_t want = orphan;

		/* We must see `member` of the slab once its word says that it
		 * is an orphan: acquire here, release in slab_orphan(). */
		if (load_acquire(span_word(v, i)) != orphan ||
		    (orphan & SPAN_MEMBER &&
		     span_desc(v, i)->member != load_relaxed(&c->rec->member)))
			continue;
		/* We must see what the last owner left in the descriptor:
		 * acquire here, release in slab_orphan(). */
		if (cas_acquire(span_word(v, i), &want, mine)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool adopt_orphan(struct tcache *c, struct bins *bins, unsigned class)
{
	struct view *v = &c->arena->view;
	struct bin *b = &bins->bin[class];
	uint64_t orphan = slab_word(class, bins->purpose, 0);
	uint64_t mine = slab_word(class, bins->purpose, c->token);
	/* Relaxed: our own record, which no other thread can claim. */
	uint32_t member = load_relaxed(&c->rec->member);
	uint64_t *noted = slab_orphans(v, orphan, member);
	uint64_t bit = 1ull << class;
	uint32_t *hint = &heap_super(v)->orphan_at[class];
	uint32_t first = v->geo.first_span, hi = span_hi(v);
	uint32_t at = load_relaxed(hint), span;
	struct slab_desc *d;

	if (!noted || !(load_relaxed(noted) & bit) || !bin_room(b))
		return false;
	if (at < first || at > hi)
		at = first;
	/* Cleared before we search: the drawing is in slab.c. */
	and_acq_rel(noted, ~bit);
	if (!find_orphan(c, orphan, mine, at, hi, &span) &&
	    !find_orphan(c, orphan, mine, first, at, &span))
		return false;
	or_acq_rel(noted, bit); /* there may be more orphans */
	store_relaxed(hint, span + 1);
	d = span_desc(v, span);
	d->scan = 0;
	d->dropped = 0;
	c->span_hi = span_hi(v);
	bin_add(c->arena, b, span);
	return true;
}

/*
 *   a thread that makes a slab         a thread that destroys the pool
 *   the span's word = SLAB             pool DYING
 *   fence                              fence
 *   does the pool exist?               all words: a SLAB of the pool?
 *
 * Without the two fences each may miss the other's store.  Then the slab would
 * belong to the next pool with that number.
 */
static bool pool_is_gone(const struct tcache *c, const struct bins *bins)
{
	full_fence();
	return bins_stale(c, bins) && !SEED_BUG(87);
}

/* Make a slab.  Commit point: its word changes from TXN to SLAB once its map is
 * clear.  Killed before it: recovery frees the spans.  Killed after it: the
 * slab is empty, and recovery frees it too. */
static bool new_slab(struct tcache *c, struct bins *bins, unsigned class)
{
	struct fusion_arena *a = c->arena;
	struct view *v = &a->view;
	const struct class_info *k = &a->classes[class];
	uint64_t word = slab_word(class, bins->purpose, c->token);
	struct slab_desc *d;
	uint32_t span;
	int r;

	span_trim_decayed(v, c->rec);
	if (!bin_room(&bins->bin[class]))
		return false;
	r = span_alloc(v, c->rec, k->n_spans, 1,
		       (word & ~(0xfull << 40)) | (uint64_t)SPAN_TXN << 40,
		       &span);
	if (r < 0)
		return false;
	d = span_desc(v, span);
	/* Relaxed: a late store of 1 from an earlier slab costs a scan only. */
	store_relaxed(&d->rflag, (uint8_t)0);
	d->scan = 0;
	d->dropped = 0;
	if (SEED_BUG(4))
		store_release(span_word(v, span), word);
	memset(slab_map(v, k, span), 0, k->n_blocks);
	compiler_fence();
	/* A thread that frees a block of the slab must find a clear map before
	 * the word: release here.  It needs no acquire, since it got the
	 * block's address from us. */
	store_release(span_word(v, span), word);
	/* The pool was destroyed meanwhile, by a thread that did not see this
	 * slab. */
	if (WORD_POOL(word) && pool_is_gone(c, bins)) {
		span_free(v, c->rec, span, k->n_spans, word, NULL);
		return false;
	}
	c->span_hi = span_hi(v);
	bin_add(a, &bins->bin[class], span);
	if (UNLIKELY(track_is_on()) && !WORD_POOL(word))
		track_freed(slab_block(v, k, span, 0),
			    (size_t)k->n_blocks * k->size);
	return true;
}

/* Leave a slab in which others have freed alone for a while: see LAG_SLABS. */
static bool reuse_slab(struct tcache *c, struct bin *b,
		       const struct class_info *k)
{
	return b->n_slabs >= LAG_SLABS && probe_slabs(c, b, k, PROBE_SLABS) &&
	       scan_ready(c, b, k);
}

bool heap_refill(struct tcache *c, struct bins *bins, unsigned class)
{
	const struct class_info *k = &c->arena->classes[class];
	struct bin *b = &bins->bin[class];

	if (scan_ready(c, b, k) || reuse_slab(c, b, k))
		return true;
	/* An adopted slab may be full. */
	while (adopt_orphan(c, bins, class))
		if (scan_ready(c, b, k))
			return true;
	if (new_slab(c, bins, class) && scan_ready(c, b, k))
		return true;
	return probe_slabs(c, b, k, b->n_slabs) && scan_ready(c, b, k);
}

static bool in_slab(struct view *v, const struct class_info *k, uint32_t span,
		    const char *p)
{
	return (uint64_t)(p - span_at(v, span)) <
	       (uint64_t)k->n_spans * SPAN_SIZE;
}

void heap_maybe_release(struct tcache *c, struct bin *b, uint32_t span)
{
	struct view *v = &c->arena->view;
	const struct class_info *k = &c->arena->classes[b->class];
	uint32_t kept = 0;

	if (b->n_slabs <= LIMIT_KEEP_SLABS ||
	    (b->run_p != b->run_end && in_slab(v, k, span, b->run_p)) ||
	    !slab_is_empty(v, k, span))
		return;
	for (uint32_t i = 0; i < b->top; i++)
		if (!in_slab(v, k, span, b->magazine[i].p))
			b->magazine[kept++] = b->magazine[i];
	b->top = kept;
	release_empty(c, b, k, span);
}

/* Give back empty slabs.  All slabs are scanned again, which finds the blocks
 * of magazine and run as well. */
static void trim_bin(struct tcache *c, struct bin *b,
		     const struct class_info *k)
{
	uint32_t i = 0;

	b->top = 0;
	b->run_p = b->run_end;
	while (i < b->n_slabs) {
		uint32_t span = b->slabs[i];

		if (release_empty(c, b, k, span))
			continue;
		span_desc(&c->arena->view, span)->scan = 0;
		bin_ready(c->arena, b, span);
		i++;
	}
}

void heap_cache_trim(struct tcache *c)
{
	for (unsigned k = 0; k < HEAP_CLASSES; k++)
		trim_bin(c, &c->main.bin[k], &c->arena->classes[k]);
	for (struct bins *b = c->others; b; b = b->next)
		for (unsigned k = 0; k < HEAP_CLASSES && !bins_stale(c, b); k++)
			trim_bin(c, &b->bin[k], &c->arena->classes[k]);
}

/* Orphan all slabs.  Commit point for each of them: its word. */
static void release_bins(struct tcache *c, struct bins *bins)
{
	struct view *v = &c->arena->view;

	for (unsigned i = 0; i < HEAP_CLASSES; i++) {
		const struct class_info *k = &c->arena->classes[i];
		struct bin *b = &bins->bin[i];

		trim_bin(c, b, k);
		while (b->n_slabs) {
			uint32_t span = b->slabs[b->n_slabs - 1];

			bin_remove(c->arena, b, span);
			open_slab(v, k, span);
			slab_orphan(v, span, load_relaxed(span_word(v, span)));
		}
	}
}

void heap_cache_release(struct tcache *c)
{
	release_bins(c, &c->main);
	for (struct bins *b = c->others; b; b = b->next)
		if (!bins_stale(c, b))
			release_bins(c, b);
	cache_drop(c);
}

static void untrack_bins(struct tcache *c, const struct bins *bins)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		for (uint32_t s = 0; s < bins->bin[i].n_slabs; s++)
			open_slab(&c->arena->view, &c->arena->classes[i],
				  bins->bin[i].slabs[s]);
}

void heap_cache_untrack(struct tcache *c)
{
	if (!track_is_on())
		return;
	untrack_bins(c, &c->main);
	for (const struct bins *b = c->others; b; b = b->next)
		untrack_bins(c, b);
}
