/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

static void announce(struct thread_rec *me, uint32_t op, uint64_t a, uint64_t b,
		     uint64_t c)
{
	me->span.a[0] = a;
	me->span.a[1] = b;
	me->span.a[2] = c;
	compiler_fence();
	store_relaxed(&me->span.op, op);
	compiler_fence();
}

static void finished(struct thread_rec *me)
{
	compiler_fence();
	store_relaxed(&me->span.op, 0);
}

/* Memory for spans up to @end, and for what is written about them. */
static int reserve_upto(struct view *v, uint32_t end)
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
	/* Commit of the reservation; killed before, it is made again. */
	if (!r)
		h->reserved_hi = end;
	return r;
}

/*
 * Publish the spans up to @end; they are free, as the words of a new part of
 * the file are 0.  Commit: the store of span_hi.  Killed before it: bounds that
 * are too high, memory that is reserved again.
 */
static int raise_hi(struct view *v, uint32_t end)
{
	uint32_t hi = span_hi(v), step = hi + LIMIT_GROW_SPANS;
	int r;

	if (end > v->geo.n_spans)
		return -ENOMEM;
	if (step < end || step > v->geo.n_spans || reserve_upto(v, step) < 0) {
		r = reserve_upto(v, end);
		if (r < 0)
			return r;
	}
	span_bounds_raise(v, hi, end - hi);
	compiler_fence();
	/* Release: pairs with the acquire in view_hi(). */
	store_release(&heap_super(v)->span_hi, end);
	return 0;
}

/* New spans at the end of the heap, and free ones just below it. */
static int grow(struct view *v, uint32_t n, uint32_t align, uint32_t *ret)
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
		r = raise_hi(v, first + n);
		if (r < 0)
			return r;
	}
	*ret = first;
	return 0;
}

/* Memory for the punched spans of a free run, before any word says it is used.
 * Killed in between: a span is punched that has memory. */
static int refill(struct view *v, uint32_t first, uint32_t n)
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

static void store_conts(struct view *v, uint32_t first, uint32_t from,
			uint32_t to, uint64_t word)
{
	for (uint32_t i = from; i < to; i++)
		store_relaxed(span_word(v, first + i),
			      SPAN_WORD(SPAN_CONT, 0, i) | SPAN_SLOW |
				      SPAN_POOL(WORD_POOL(word)));
}

/* Commit: the store of word[first].  One span needs no intent. */
static void take(struct view *v, struct thread_rec *me, uint32_t first,
		 uint32_t n, uint64_t word)
{
	if (n > 1 && !SEED_BUG(3))
		announce(me, SPAN_OP_ALLOC, first, n, 0);
	store_conts(v, first, 1, n, word);
	if (n > 1 && SEED_BUG(3))
		announce(me, SPAN_OP_ALLOC, first, n, 0);
	if (me->pend_slot)
		me->pend_ptr = (uint64_t)first << SPAN_SHIFT;
	compiler_fence();
	/* Release: pairs with the relaxed load and data dependency of whoever
	 * gets a pointer into the span from us. */
	store_release(span_word(v, first), word);
	if (n > 1)
		finished(me);
}

static int alloc_locked(struct view *v, struct thread_rec *me, uint32_t n,
			uint32_t align, uint64_t word, uint32_t *ret)
{
	uint32_t first = span_find(v, n, align);
	int r = pool_charge(v, WORD_POOL(word), n);

	if (r < 0)
		return r;
	if (!first)
		r = grow(v, n, align, &first);
	if (!r)
		r = refill(v, first, n);
	if (r < 0) {
		pool_uncharge(v, WORD_POOL(word), n);
		return r;
	}
	/* For SPAN_MEMBER: whose, before the word says so. */
	span_desc(v, first)->member =
		word & SPAN_MEMBER ? load_relaxed(&me->member) : 0;
	take(v, me, first, n, word);
	*ret = first;
	return 0;
}

static int try_alloc(struct view *v, struct thread_rec *me, uint32_t n,
		     uint32_t align, uint64_t word, uint32_t *ret)
{
	int r = core_lock(v, me, &heap_super(v)->span_lock);

	if (r < 0)
		return r;
	r = alloc_locked(v, me, n, align, word, ret);
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
	r = try_alloc(v, me, n, align, word, ret);
	/* Others' free memory may be what the limit is filled with. */
	if (r == -ENOMEM && span_trim(v, me, 0) > 0)
		r = try_alloc(v, me, n, align, word, ret);
	return r == -EDQUOT ? -ENOMEM : r;
}

/* Bounds before the words, that a death leaves no span without one, and after
 * them, see lower() in span_find.c. */
void span_mark_free(struct view *v, uint32_t first, uint32_t n, uint64_t word)
{
	if (!word)
		word = span_free_word();
	span_bounds_raise(v, first, n);
	for (uint32_t i = 1; i < n; i++)
		store_release(span_word(v, first + i), word);
	compiler_fence();
	store_release(span_word(v, first), word);
	span_bounds_raise(v, first, n);
	if (WORD_KIND(word) == SPAN_FREE)
		span_trim_later(v);
}

/* Commit: word[first] becomes TXN.  Killed before: still allocated, unless
 * @pend.  After: recovery frees the rest. */
static void free_locked(struct view *v, struct thread_rec *me, uint32_t first,
			uint32_t n, uint64_t word, struct thread_rec *pend)
{
	announce(me, SPAN_OP_FREE, first, n, pend != NULL);
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
	finished(me);
}

int span_free(struct view *v, struct thread_rec *me, uint32_t first, uint32_t n,
	      uint64_t word, struct thread_rec *pend)
{
	int r = core_lock(v, me, &heap_super(v)->span_lock);

	if (r < 0)
		return r;
	if (load_relaxed(span_word(v, first)) == word)
		free_locked(v, me, first, n, word, pend);
	else
		r = -EINVAL;
	core_unlock(v, me, &heap_super(v)->span_lock);
	return r;
}

/* Commit: the count; then the tail is freed. */
static void shrink_locked(struct view *v, struct thread_rec *me, uint32_t first,
			  uint64_t word, uint32_t new_n)
{
	uint32_t n = WORD_COUNT(word);

	announce(me, SPAN_OP_SHRINK, first, n, new_n);
	store_relaxed(span_word(v, first), (word & ~(uint64_t)RUN_MAX) | new_n);
	compiler_fence();
	pool_uncharge(v, WORD_POOL(word), n - new_n);
	span_mark_free(v, first + new_n, n - new_n, 0);
	finished(me);
}

/* Free spans with memory behind the run. */
static int room_behind(struct view *v, uint32_t end, uint32_t more)
{
	uint32_t hi = span_hi(v), n = span_free_run(v, end, hi, more);
	int r = 0;

	if (n < more && end + n < hi)
		return -ENOSPC;
	if (n < more)
		r = raise_hi(v, end + more);
	return r ? r : refill(v, end, more);
}

/* Commit: the count; before it, the new tail is free again. */
static int grow_locked(struct view *v, struct thread_rec *me, uint32_t first,
		       uint64_t word, uint32_t new_n)
{
	uint32_t n = WORD_COUNT(word);
	int r = pool_charge(v, WORD_POOL(word), new_n - n);

	if (r < 0)
		return r;
	r = room_behind(v, first + n, new_n - n);
	if (r < 0) {
		pool_uncharge(v, WORD_POOL(word), new_n - n);
		return r;
	}
	announce(me, SPAN_OP_GROW, first, n, new_n);
	store_conts(v, first, n, new_n, word);
	compiler_fence();
	store_relaxed(span_word(v, first), (word & ~(uint64_t)RUN_MAX) | new_n);
	finished(me);
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
		shrink_locked(v, me, first, word, new_n);
	else
		r = grow_locked(v, me, first, word, new_n);
	core_unlock(v, me, &heap_super(v)->span_lock);
	return r;
}
