/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/slab.h"

#include <errno.h>

#include "libfusion/core/heap/pool.h"

#define MAP_BLOCKS 1024u /* that a descriptor's map has room for */

/* Classes 0 to 7 are 16 to 128 bytes; then there are four for each doubling. */
uint32_t slab_class_size(unsigned class)
{
	unsigned doubling, quarter;

	if (class < 8)
		return 16 * (class + 1);
	doubling = (class - 8) / 4;
	quarter = (class - 8) % 4;
	return (128u << doubling) + (quarter + 1) * (32u << doubling);
}

unsigned slab_class_of(uint64_t size)
{
	unsigned top;

	if (size <= 128)
		return size ? (unsigned)(size - 1) / 16 : 0;
	top = 63 - (unsigned)__builtin_clzll(size - 1);
	return 8 + (top - 7) * 4 + (unsigned)((size - 1) >> (top - 2) & 3);
}

uint32_t slab_class_spans(unsigned class)
{
	return slab_class_size(class) > SMALL_MAX ? MEDIUM_SPANS : 1;
}

uint64_t slab_word(unsigned class, uint64_t purpose, uint32_t token)
{
	uint64_t w = SPAN_WORD(SPAN_SLAB, class, token) | purpose;

	return class < SMALL_CLASSES && !WORD_POOL(w) ? w : w | SPAN_SLOW;
}

uint64_t *slab_orphans(const struct view *v, uint64_t word, uint32_t member)
{
	struct pool_rec *p;

	if (word & SPAN_MEMBER)
		return member - 1 <= v->geo.max_members
			       ? &view_member(v, member - 1)->orphans
			       : NULL;
	if (!WORD_POOL(word))
		return &heap_super(v)->orphans;
	p = pool_at(v, WORD_POOL(word));
	return p ? &p->orphans : NULL;
}

/*
 *   here                       the adopter (libfusion/heap/refill.c)
 *   bit = 1                    bit = 0
 *   word = orphan              read all words
 *   bit = 1
 *
 * Acquire-release of the bit: an adopter whose 0 comes after the second 1 must
 * see the word.  The first 1 is for a death in between.
 */
int slab_orphan(struct view *v, uint32_t span, uint64_t word)
{
	uint64_t *orphans = slab_orphans(
		v, word, load_relaxed(&span_desc(v, span)->member));
	uint64_t bit = 1ull << WORD_CLASS(word);

	if (!orphans)
		return -EIO;
	or_acq_rel(orphans, bit);
	/* The adopter must see the map.  Release: pairs with the acquire of its
	 * CAS of the word, in refill.c and in reap_orphan(). */
	store_release(span_word(v, span), word & ~(uint64_t)TOKEN_MASK);
	or_acq_rel(orphans, bit);
	return 0;
}

static uint32_t place_map_in_slab(uint32_t size, uint32_t *ret_blocks)
{
	uint32_t n = SPAN_SIZE / (size + 1), off;

	do {
		off = (n + 63) & ~63u;
	} while (off + n * size > SPAN_SIZE && n--);
	*ret_blocks = n;
	return off;
}

static void fill_class(const struct view *v, unsigned class,
		       struct class_info *k)
{
	uint32_t size = slab_class_size(class);

	*k = (struct class_info){
		.map_add = v->geo.off_descs + offsetof(struct slab_desc, map),
		.map_mul = sizeof(struct slab_desc),
		.magic = (uint32_t)(((1ull << 32) + size - 1) / size),
		.size = size,
		.n_spans = slab_class_spans(class),
	};
	k->n_blocks = k->n_spans * SPAN_SIZE / size;
	if (k->n_blocks > MAP_BLOCKS) {
		k->data_off = place_map_in_slab(size, &k->n_blocks);
		k->map_add = 0;
		k->map_mul = SPAN_SIZE;
	}
}

void slab_classes(const struct view *v, struct class_info classes[HEAP_CLASSES])
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		fill_class(v, i, &classes[i]);
}

static int block_in_slab(const struct view *v, const struct class_info *k,
			 uint32_t span, uint64_t off, struct block *ret)
{
	uint64_t in = off - ((uint64_t)span << SPAN_SHIFT);
	uint32_t i;

	if (in < k->data_off || in >= (uint64_t)k->n_spans * SPAN_SIZE)
		return -EINVAL;
	i = slab_index(k, (uint32_t)in);
	if (i >= k->n_blocks || k->data_off + (uint64_t)i * k->size != in)
		return -EINVAL;
	ret->index = i;
	ret->map = slab_map(v, k, span) + i;
	ret->size = k->size;
	return 0;
}

int block_find(const struct view *v, const struct class_info *classes,
	       uint64_t off, struct block *ret)
{
	uint32_t span = (uint32_t)(off >> SPAN_SHIFT), hi = span_hi(v);
	struct block b;
	uint64_t w;

	if (off >= v->geo.span || span < v->geo.first_span || span >= hi)
		return -EINVAL;
	/* Relaxed: a thread that has a valid pointer got it after the word was
	 * stored. */
	w = load_relaxed(span_word(v, span));
	if (WORD_KIND(w) == SPAN_CONT) {
		if (WORD_COUNT(w) >= MEDIUM_SPANS ||
		    WORD_COUNT(w) > span - v->geo.first_span)
			return -EINVAL;
		span -= WORD_COUNT(w);
		w = load_relaxed(span_word(v, span));
		if (WORD_KIND(w) != SPAN_SLAB)
			return -EINVAL;
	}
	b = (struct block){.word = w, .span = span};
	if (WORD_KIND(w) == SPAN_HEAD) {
		if (off & (SPAN_SIZE - 1) || !WORD_COUNT(w) ||
		    WORD_COUNT(w) > hi - span)
			return -EINVAL;
		b.size = (uint64_t)WORD_COUNT(w) << SPAN_SHIFT;
	} else if (WORD_KIND(w) != SPAN_SLAB || WORD_CLASS(w) >= HEAP_CLASSES ||
		   span + classes[WORD_CLASS(w)].n_spans > hi ||
		   block_in_slab(v, &classes[WORD_CLASS(w)], span, off, &b) <
			   0) {
		return -EINVAL;
	}
	*ret = b;
	return 0;
}

bool block_is_allocated(const struct block *b)
{
	return !b->map || load_relaxed(b->map);
}

bool heap_is_allocated(const struct view *v, const void *p)
{
	struct class_info classes[HEAP_CLASSES];
	struct block b;

	slab_classes(v, classes);
	return view_contains(v, p) &&
	       block_find(v, classes, view_off(v, p), &b) == 0 &&
	       block_is_allocated(&b);
}

bool slab_is_empty(const struct view *v, const struct class_info *k,
		   uint32_t span)
{
	const uint8_t *map = slab_map(v, k, span);

	/* Another member's last use of a block must come before any new use of
	 * the span.  Acquire: pairs with the release of the map byte in that
	 * member's free. */
	for (uint32_t i = 0; i < k->n_blocks; i++)
		if (load_acquire(map + i))
			return false;
	return true;
}
