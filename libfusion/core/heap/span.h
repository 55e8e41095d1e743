/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spans: the coarse half of the heap
 *
 * All under span_lock but the single stores that give up a span one owns.
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
/* Give @n spans back, whose first word is @word; if it is not any more,
 * somebody else was first and -EINVAL.  With @pend the caller has let go of
 * the run already and that record's pending announcement says so: it is
 * cleared when this free is announced, and recovery frees the spans even if no
 * more was done. */
int span_free(struct view *v, struct thread_rec *me, uint32_t first, uint32_t n,
	      uint64_t word, struct thread_rec *pend);
/* Change the length of the run whose first word is @word, in place.  0,
 * -EINVAL as above, -ENOSPC the next span is taken, -ENOMEM. */
int span_resize(struct view *v, struct thread_rec *me, uint32_t first,
		uint64_t word, uint32_t new_n);

/* Mark spans as free, with @word: 0 or PUNCHED.  What recovery and span_free()
 * do last; a span of one's own needs no lock. */
void span_mark_free(struct view *v, uint32_t first, uint32_t n, uint64_t word);

/* --- span_trim.c: memory back to the system ------------------------------ */

#define TRIM_SPANS 4		   /* 256 KiB */
#define TRIM_DECAY_NS 500000000ull /* memory is kept that long for reuse */

#endif
