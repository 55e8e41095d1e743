/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spans: the coarse half of the heap
 *
 * All under span_lock but the single stores that give up a span one owns.
 * A free run is found by hints, one byte for 64 spans, so that a search does
 * not walk the heap.
 */
#ifndef FUSION_CORE_SPAN_H
#define FUSION_CORE_SPAN_H

#include "libfusion/core/atomic.h"
#include "libfusion/core/heap_layout.h"
#include "libfusion/core/view.h"

/* thread_rec.span.op */
enum span_op {
	SPAN_OP_ALLOC = 1, /* a = first, n: undone if word[first] is free */
	SPAN_OP_FREE = 2,  /* a = first, n, must: redone if begun or must */
	SPAN_OP_GROW = 3,  /* a = first, n, new n */
	SPAN_OP_SHRINK = 4,
};

static inline struct heap_super *heap_super(const struct view *v)
{
	return (struct heap_super *)v->sb->heap;
}

static inline uint64_t *span_word(const struct view *v, uint32_t i)
{
	return (uint64_t *)(v->base + v->geo.off_words) + i;
}

static inline struct slab_desc *span_desc(const struct view *v, uint32_t i)
{
	return (struct slab_desc *)(v->base + v->geo.off_descs) + i;
}

static inline uint8_t *span_group(const struct view *v, uint32_t i)
{
	return (uint8_t *)span_word(v, v->geo.n_spans) + i / SPAN_GROUP;
}

static inline char *span_at(const struct view *v, uint32_t i)
{
	return v->base + ((uint64_t)i << SPAN_SHIFT);
}

static inline uint32_t span_hi(const struct view *v)
{
	return view_hi(&heap_super(v)->span_hi, v->geo.n_spans);
}

static inline bool span_is_free(uint64_t word)
{
	return WORD_KIND(word) == SPAN_FREE || WORD_KIND(word) == SPAN_PUNCHED;
}

/*
 * Take @n spans, the first at a multiple of @align spans.  @word is stored in
 * the first, last of all (for a HEAD without its count: that is filled in);
 * the others become CONT.  If @me has announced a pend_slot, pend_ptr is set
 * before the commit.  0, -ENOMEM.
 */
int span_alloc(struct view *v, struct thread_rec *me, uint32_t n,
	       uint32_t align, uint64_t word, uint32_t *ret);
/* Give @n spans back.  With @pend the caller has let go of the block already
 * and that record's pending announcement says so: it is cleared when this
 * free is announced, and recovery frees the spans even if no more was done. */
int span_free(struct view *v, struct thread_rec *me, uint32_t first, uint32_t n,
	      struct thread_rec *pend);
/* Change the length of a run in place.  0, -ENOSPC the next span is taken,
 * -ENOMEM. */
int span_resize(struct view *v, struct thread_rec *me, uint32_t first,
		uint32_t n, uint32_t new_n);
/* Give the memory of free runs of at least TRIM_SPANS back to the system. */
int span_trim(struct view *v, struct thread_rec *me);
/* The same if the last free run is old enough; called now and then. */
void span_trim_decayed(struct view *v, struct thread_rec *me);

/* Mark spans as free, as recovery and span_free() do. */
void span_mark_free(struct view *v, uint32_t first, uint32_t n, uint64_t word);

#define TRIM_SPANS 4		   /* 256 KiB */
#define TRIM_DECAY_NS 500000000ull /* memory is kept that long for reuse */

#endif
