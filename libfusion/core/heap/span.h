/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spans: the coarse half of the heap
 *
 * A span is 64 KiB, and its word (heap_layout.h) says what it is.  Runs of
 * spans are allocated, freed and resized under span_lock.  The one exception: a
 * thread that owns a span alone, by its token in the word, may free it with a
 * single store.  A change of several spans is announced in thread_rec.span; its
 * commit is the store of the first word.
 */
#ifndef FUSION_CORE_SPAN_H
#define FUSION_CORE_SPAN_H

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/heap_layout.h"
#include "libfusion/core/file/view.h"

/* thread_rec.span.op */
enum span_op {
	SPAN_OP_ALLOC = 1,  /* a = first, n: undone if word[first] is free */
	SPAN_OP_FREE = 2,   /* a = first, n, must: redone if begun or must */
	SPAN_OP_GROW = 3,   /* a = first, n, new n: undone before the count */
	SPAN_OP_SHRINK = 4, /* a = first, n, new n: redone after the count */
};

/* Find the head of the heap. */
static inline struct heap_super *heap_super(const struct view *v)
{
	return (struct heap_super *)v->sb->heap;
}

/* Find the word of span @i. */
static inline uint64_t *span_word(const struct view *v, uint32_t i)
{
	return (uint64_t *)(v->base + v->geo.off_words) + i;
}

/* Find the descriptor of span @i. */
static inline struct slab_desc *span_desc(const struct view *v, uint32_t i)
{
	return (struct slab_desc *)(v->base + v->geo.off_descs) + i;
}

/* Find the bytes of span @i. */
static inline char *span_at(const struct view *v, uint32_t i)
{
	return v->base + ((uint64_t)i << SPAN_SHIFT);
}

/* Read the mark of the heap: spans at and above it were never used. */
static inline uint32_t span_hi(const struct view *v)
{
	return view_hi(&heap_super(v)->span_hi, v->geo.n_spans);
}

/* Say whether a span with @word is free, with or without memory. */
static inline bool span_is_free(uint64_t word)
{
	return WORD_KIND(word) == SPAN_FREE || WORD_KIND(word) == SPAN_PUNCHED;
}

/*
 * Allocate @n spans, the first at a multiple of @align spans.  @word, with the
 * count filled in if it is a HEAD, is stored in the first span, last of all;
 * the others become CONT.  If @me announces a pend_slot, pend_ptr is set before
 * the commit.
 * 0, -ENOMEM, -ETIMEDOUT.
 */
int span_alloc(struct view *v, struct thread_rec *me, uint32_t n,
	       uint32_t align, uint64_t word, uint32_t *ret);
/*
 * Free @n spans, whose first word is @word.  If @pend is not NULL, the caller
 * has unpublished the run already, and the pending announcement of that record
 * says so.  That announcement is cleared when this free is announced, and from
 * then on recovery frees the spans in any case. 0. -EINVAL the word is another
 * by now: another thread has freed the spans.  -ETIMEDOUT.
 */
int span_free(struct view *v, struct thread_rec *me, uint32_t first, uint32_t n,
	      uint64_t word, struct thread_rec *pend);
/*
 * Change the length of the run whose first word is @word, in place.
 * 0.
 * -EINVAL the word is another by now.
 * -ENOSPC the next span is not free.
 * -EDQUOT the pool has reached its limit.
 * -ENOMEM, -ETIMEDOUT.
 */
int span_resize(struct view *v, struct thread_rec *me, uint32_t first,
		uint64_t word, uint32_t new_n);

/* Store in @n spans that they are free: PUNCHED if @word is that, else FREE if
 * it is 0.  The last step of recovery and of span_free().  A thread needs no
 * lock for a span that it owns. */
void span_mark_free(struct view *v, uint32_t first, uint32_t n, uint64_t word);

/* --- Memory back to the system (span_trim.h) ----------------------------- */

#define TRIM_SPANS 4		   /* 256 KiB */
#define TRIM_DECAY_NS 500000000ull /* memory is kept that long for reuse */

#endif
