/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spans: allocation, freeing, resizing
 *
 * A thread allocates a run in this order:
 *
 *   find a free run, or grow the heap
 *   reserve memory for spans that have none
 *   announce the run
 *   store the words of its tail
 *   store its first word: the commit
 *   clear the announcement
 *
 * Freeing and resizing are announced and committed in this way, too.  Recovery
 * (heap_recover.c) finishes or undoes what is announced.
 */
#include "libfusion/core/heap/span.h"

#include <errno.h>

#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/span_find.h"
#include "libfusion/core/heap/span_trim.h"

static void span_announce(struct thread_rec *me, uint32_t op, uint64_t a,
			  uint64_t b, uint64_t c)
{
	me->span.a[0] = a;
	me->span.a[1] = b;
	me->span.a[2] = c;
	compiler_fence();
	store_relaxed(&me->span.op, op);
	compiler_fence();
}

static void span_finish(struct thread_rec *me)
{
	compiler_fence();
	store_relaxed(&me->span.op, 0);
}

/* Reserve memory for spans up to @end, their words and descriptors. */
static int reserve_spans(struct view *v, uint32_t end)
{
	struct heap_super *h = heap_super(v);
	uint32_t from = h->reserved_hi, n;
	int r;

	if (end <= from)
		return 0;
	if (end > v->geo.n_spans)
		return -ENOMEM;
	n = end - from;
	r = view_reserve(v, view_off(v, span_word(v, from)), n * 8ull);
	if (!r)
		r = view_reserve(v, view_off(v, span_desc(v, from)),
				 n * sizeof(struct slab_desc));
	if (!r)
		r = view_reserve(v, (uint64_t)from << SPAN_SHIFT,
				 (uint64_t)n << SPAN_SHIFT);
	/* Commit of the reservation.  Killed before it: it is made again. */
	if (!r)
		h->reserved_hi = end;
	return r;
}

/*
 * Publish the spans up to @end.  They are free, as the words of a new part of
 * the file are 0.  Commit: the store of span_hi.  Killed before it: bounds are
 * too high, which costs time, and memory is reserved again.
 */
static int span_raise_hi(struct view *v, uint32_t end)
{
	uint32_t hi = span_hi(v), step = hi + LIMIT_GROW_SPANS;
	int r;

	if (end > v->geo.n_spans)
		return -ENOMEM;
	if (step < end || step > v->geo.n_spans || reserve_spans(v, step) < 0) {
		r = reserve_spans(v, end);
		if (r < 0)
			return r;
	}
	span_bounds_raise(v, hi, end - hi);
	compiler_fence();
	/* A thread that sees the mark must see that the words have memory.
	 * Release: pairs with the acquire in view_hi(). */
	store_release(&heap_super(v)->span_hi, end);
	return 0;
}

/* Find @n spans at the end of the heap: free ones just below it, then new ones.
 * 0, -ENOMEM. */
static int grow_heap(struct view *v, uint32_t n, uint32_t align, uint32_t *ret)
{
	uint32_t hi = span_hi(v), first = hi;
	int r;

	while (first > v->geo.first_span && hi - first < n &&
	       span_is_free(load_relaxed(span_word(v, first - 1))))
		first--;
	first = (first + align - 1) / align * align;
	if ((uint64_t)first + n > v->geo.n_spans)
		return -ENOMEM;
	if (first + n > hi) {
		r = span_raise_hi(v, first + n);
		if (r < 0)
			return r;
	}
	*ret = first;
	return 0;
}

/* Reserve memory for the punched spans of a free run, before a word says that
 * they are used.  Killed in between: a span that has memory counts as punched.
 */
static int refill_punched(struct view *v, uint32_t first, uint32_t n)
{
	uint32_t end = first + n, stop;

	for (uint32_t i = first; i < end; i = stop) {
		int r = 0;

		stop = i;
		while (stop < end &&
		       WORD_KIND(load_relaxed(span_word(v, stop))) ==
			       SPAN_PUNCHED)
			stop++;
		if (stop > i)
			r = view_reserve(v, (uint64_t)i << SPAN_SHIFT,
					 (uint64_t)(stop - i) << SPAN_SHIFT);
		if (r < 0)
			return r;
		for (uint32_t j = i; j < stop; j++)
			store_relaxed(span_word(v, j), span_free_word());
		stop += stop == i;
	}
	return 0;
}

static void store_run_tail(struct view *v, uint32_t first, uint32_t from,
			   uint32_t to, uint64_t word)
{
	for (uint32_t i = from; i < to; i++)
		store_relaxed(span_word(v, first + i),
			      SPAN_WORD(SPAN_CONT, 0, i) | SPAN_SLOW |
				      SPAN_POOL(WORD_POOL(word)));
}

/* Commit: the store of word[first].  One span needs no intent. */
static void span_take(struct view *v, struct thread_rec *me, uint32_t first,
		      uint32_t n, uint64_t word)
{
	if (n > 1 && !SEED_BUG(3))
		span_announce(me, SPAN_OP_ALLOC, first, n, 0);
	store_run_tail(v, first, 1, n, word);
	if (n > 1 && SEED_BUG(3))
		span_announce(me, SPAN_OP_ALLOC, first, n, 0);
	if (me->pend_slot)
		me->pend_ptr = (uint64_t)first << SPAN_SHIFT;
	compiler_fence();
	/* A thread that reads this word must see the tail of the run, and the
	 * descriptor.  Release: pairs with the acquires of span words in
	 * recovery.  A thread that gets a pointer into the span from this one
	 * needs no more than that pointer. */
	store_release(span_word(v, first), word);
	if (n > 1)
		span_finish(me);
}

static int span_alloc_locked(struct view *v, struct thread_rec *me, uint32_t n,
			     uint32_t align, uint64_t word, uint32_t *ret)
{
	uint32_t first = span_find(v, n, align);
	int r = pool_charge(v, WORD_POOL(word), n);

	if (r < 0)
		return r;
	if (!first)
		r = grow_heap(v, n, align, &first);
	if (!r)
		r = refill_punched(v, first, n);
	if (r < 0) {
		pool_uncharge(v, WORD_POOL(word), n);
		return r;
	}
	/* The descriptor names the member before the word has SPAN_MEMBER. */
	span_desc(v, first)->member =
		word & SPAN_MEMBER ? load_relaxed(&me->member) : 0;
	span_take(v, me, first, n, word);
	*ret = first;
	return 0;
}

static int span_try_alloc(struct view *v, struct thread_rec *me, uint32_t n,
			  uint32_t align, uint64_t word, uint32_t *ret)
{
	int r = core_lock(v, me, &heap_super(v)->span_lock);

	if (r < 0)
		return r;
	r = span_alloc_locked(v, me, n, align, word, ret);
	core_unlock(v, me, &heap_super(v)->span_lock);
	return r;
}

int span_alloc(struct view *v, struct thread_rec *me, uint32_t n,
	       uint32_t align, uint64_t word, uint32_t *ret)
{
	int r;

	if (n > RUN_MAX || n > v->geo.n_spans)
		return -ENOMEM;
	word |= SPAN_SLOW;
	if (WORD_KIND(word) == SPAN_HEAD)
		word |= n;
	r = span_try_alloc(v, me, n, align, word, ret);
	/* Free memory of other threads may fill the limit: give it back, and
	 * try again. */
	if (r == -ENOMEM && span_trim(v, me, 0) > 0)
		r = span_try_alloc(v, me, n, align, word, ret);
	return r == -EDQUOT ? -ENOMEM : r;
}

/* The bounds are raised before the words, so that a death leaves no free run
 * that they hide; and after the words, as the drawing at lower_bound() in
 * span_find.c wants it. */
void span_mark_free(struct view *v, uint32_t first, uint32_t n, uint64_t word)
{
	if (!word)
		word = span_free_word();
	span_bounds_raise(v, first, n);
	for (uint32_t i = 1; i < n; i++)
		/* Release, both: pairs with the acquires in is_free_at(). */
		store_release(span_word(v, first + i), word);
	compiler_fence();
	store_release(span_word(v, first), word);
	span_bounds_raise(v, first, n);
	if (WORD_KIND(word) == SPAN_FREE)
		span_trim_later(v);
}

/* Commit: word[first] becomes TXN.  Killed before it: still allocated, unless
 * @pend is set; after it: recovery frees the rest. */
static void span_free_locked(struct view *v, struct thread_rec *me,
			     uint32_t first, uint32_t n, uint64_t word,
			     struct thread_rec *pend)
{
	span_announce(me, SPAN_OP_FREE, first, n, pend != NULL);
	if (pend) {
		pend->pend_ptr = 0;
		compiler_fence();
		pend->pend_slot = 0;
		compiler_fence();
	}
	store_relaxed(span_word(v, first),
		      SPAN_WORD(SPAN_TXN, CLASS_NONE, thread_token(me)) |
			      SPAN_SLOW);
	compiler_fence();
	pool_uncharge(v, WORD_POOL(word), n);
	span_mark_free(v, first, n, 0);
	span_finish(me);
}

int span_free(struct view *v, struct thread_rec *me, uint32_t first, uint32_t n,
	      uint64_t word, struct thread_rec *pend)
{
	int r = core_lock(v, me, &heap_super(v)->span_lock);

	if (r < 0)
		return r;
	if (load_relaxed(span_word(v, first)) == word)
		span_free_locked(v, me, first, n, word, pend);
	else
		r = -EINVAL;
	core_unlock(v, me, &heap_super(v)->span_lock);
	return r;
}

/* Commit: the store of the count.  Then the tail is freed. */
static void run_shrink_locked(struct view *v, struct thread_rec *me,
			      uint32_t first, uint64_t word, uint32_t new_n)
{
	uint32_t n = WORD_COUNT(word);

	span_announce(me, SPAN_OP_SHRINK, first, n, new_n);
	store_relaxed(span_word(v, first), (word & ~(uint64_t)RUN_MAX) | new_n);
	compiler_fence();
	pool_uncharge(v, WORD_POOL(word), n - new_n);
	span_mark_free(v, first + new_n, n - new_n, 0);
	span_finish(me);
}

/* Make sure that @more spans at @end are free and have memory.  0, -ENOSPC,
 * -ENOMEM. */
static int make_room_behind(struct view *v, uint32_t end, uint32_t more)
{
	uint32_t hi = span_hi(v), n = span_free_run(v, end, hi, more);
	int r = 0;

	if (n < more && end + n < hi)
		return -ENOSPC;
	if (n < more)
		r = span_raise_hi(v, end + more);
	return r ? r : refill_punched(v, end, more);
}

/* Commit: the store of the count.  Killed before it: recovery frees the new
 * tail.
 */
static int run_grow_locked(struct view *v, struct thread_rec *me,
			   uint32_t first, uint64_t word, uint32_t new_n)
{
	uint32_t n = WORD_COUNT(word);
	int r = pool_charge(v, WORD_POOL(word), new_n - n);

	if (r < 0)
		return r;
	r = make_room_behind(v, first + n, new_n - n);
	if (r < 0) {
		pool_uncharge(v, WORD_POOL(word), new_n - n);
		return r;
	}
	span_announce(me, SPAN_OP_GROW, first, n, new_n);
	store_run_tail(v, first, n, new_n, word);
	compiler_fence();
	store_relaxed(span_word(v, first), (word & ~(uint64_t)RUN_MAX) | new_n);
	span_finish(me);
	return 0;
}

int span_resize(struct view *v, struct thread_rec *me, uint32_t first,
		uint64_t word, uint32_t new_n)
{
	int r;

	if (new_n > RUN_MAX || new_n > v->geo.n_spans - first)
		return -ENOMEM;
	r = core_lock(v, me, &heap_super(v)->span_lock);
	if (r < 0)
		return r;
	if (load_relaxed(span_word(v, first)) != word)
		r = -EINVAL;
	else if (new_n < WORD_COUNT(word))
		run_shrink_locked(v, me, first, word, new_n);
	else
		r = run_grow_locked(v, me, first, word, new_n);
	core_unlock(v, me, &heap_super(v)->span_lock);
	return r;
}
