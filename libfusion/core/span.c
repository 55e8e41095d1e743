/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/span.h"

#include <errno.h>
#include <string.h>

#include "libfusion/core/futex.h"
#include "libfusion/core/heap.h"
#include "libfusion/core/limits.h"
#include "libfusion/core/lock.h"
#include "libfusion/core/pool.h"
#include "libfusion/core/seed.h"
#include "libfusion/core/slab.h"

uint64_t heap_words_size(uint32_t n_spans)
{
	return n_spans * sizeof(uint64_t) +
	       (n_spans + SPAN_GROUP - 1) / SPAN_GROUP +
	       pool_table_size(n_spans);
}

uint64_t heap_descs_size(uint32_t n_spans)
{
	return (uint64_t)n_spans * sizeof(struct slab_desc);
}

int heap_format(struct view *v)
{
	struct heap_super *h = heap_super(v);
	int r = view_reserve(v, view_off(v, span_group(v, 0)),
			     v->geo.n_spans / SPAN_GROUP + 1);

	h->span_hi = v->geo.first_span;
	h->reserved_hi = v->geo.first_span;
	return r;
}

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

/* Length of the free run that begins at @i, at most @want. */
static uint32_t free_run(const struct view *v, uint32_t i, uint32_t hi,
			 uint32_t want)
{
	uint32_t n = 0;

	while (n < want && i + n < hi &&
	       span_is_free(load_relaxed(span_word(v, i + n))))
		n++;
	return n;
}

/*
 * Who frees a span with a single store does not take span_lock:
 *
 *   here                       span_mark_free()
 *   group = 0                  word = free
 *   fence                      group = 1
 *   word free? group = 1
 *
 * If our 0 comes after its 1, its word is there for us to see.
 */
static void clear_group(struct view *v, uint32_t i, uint32_t end)
{
	store_relaxed(span_group(v, i), 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t at = i; at < end; at++)
		if (span_is_free(load_acquire(span_word(v, at))))
			store_relaxed(span_group(v, i), 1);
}

/* First fit.  A group whose hint is 0 has no free span; a hint of 1 that is
 * wrong is put right on the way. */
static uint32_t find_run(struct view *v, uint32_t n, uint32_t align)
{
	uint32_t hi = span_hi(v), i = v->geo.first_span;

	while (i < hi) {
		uint32_t end = (i / SPAN_GROUP + 1) * SPAN_GROUP, run;
		bool any = false;

		if (!load_relaxed(span_group(v, i))) {
			const uint8_t *g = span_group(v, i);
			size_t left = hi / SPAN_GROUP - i / SPAN_GROUP + 1;
			const uint8_t *next = memchr(g, 1, left);

			if (!next)
				return 0;
			i = (uint32_t)(next - span_group(v, 0)) * SPAN_GROUP;
			if (i < v->geo.first_span)
				i = v->geo.first_span;
			continue;
		}
		for (uint32_t at = i; at < end && at < hi; at += run + 1) {
			uint32_t from = (at + align - 1) / align * align;

			run = free_run(v, at, hi, n + align);
			any |= run > 0;
			if (run >= n + (from - at))
				return from;
		}
		if (!any && i % SPAN_GROUP == 0)
			clear_group(v, i, end < hi ? end : hi);
		i = end;
	}
	return 0;
}

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

/* New spans above span_hi.  Commit: the store of span_hi; the words below it
 * are zero, that is free, as the file is new there. */
static int grow(struct view *v, uint32_t n, uint32_t align, uint32_t *ret)
{
	uint32_t hi = span_hi(v), first = (hi + align - 1) / align * align;
	uint32_t end = first + n, step;

	if (end < n || end > v->geo.n_spans)
		return -ENOMEM;
	step = hi + LIMIT_GROW_SPANS;
	if (step < end || step > v->geo.n_spans || reserve_upto(v, step) < 0) {
		int r = reserve_upto(v, end);

		if (r < 0)
			return r;
	}
	for (uint32_t i = hi; i < first; i++)
		store_relaxed(span_group(v, i), 1);
	compiler_fence();
	/* Release: pairs with the acquire in view_hi(). */
	store_release(&heap_super(v)->span_hi, end);
	*ret = first;
	return 0;
}

/* Memory for punched spans of a free run, before any word says it is used. */
static int refill(struct view *v, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		int r;

		if (WORD_KIND(load_relaxed(span_word(v, i))) != SPAN_PUNCHED)
			continue;
		r = view_reserve(v, (uint64_t)i << SPAN_SHIFT, SPAN_SIZE);
		if (r < 0)
			return r;
		store_relaxed(span_word(v, i), 0);
	}
	return 0;
}

/* Commit: the store of word[first]. */
static void take(struct view *v, struct thread_rec *me, uint32_t first,
		 uint32_t n, uint64_t word)
{
	if (n > 1 && !SEED_BUG(3))
		announce(me, SPAN_OP_ALLOC, first, n, 0);
	for (uint32_t i = 1; i < n; i++)
		store_relaxed(span_word(v, first + i),
			      SPAN_WORD(SPAN_CONT, 0, i) |
				      SPAN_POOL(WORD_POOL(word)));
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

static int find_spans(struct view *v, uint32_t n, uint32_t align, uint32_t *ret)
{
	uint32_t first = find_run(v, n, align);

	if (!first)
		return grow(v, n, align, ret);
	*ret = first;
	return refill(v, first, n);
}

int span_alloc(struct view *v, struct thread_rec *me, uint32_t n,
	       uint32_t align, uint64_t word, uint32_t *ret)
{
	uint32_t first;
	int r;

	if (n > RUN_MAX || n > v->geo.n_spans)
		return -ENOMEM;
	if (WORD_KIND(word) == SPAN_HEAD)
		word |= n;
	r = core_lock(v, me, &heap_super(v)->span_lock);
	if (r < 0)
		return r;
	r = pool_charge(v, WORD_POOL(word), n);
	if (!r) {
		r = find_spans(v, n, align, &first);
		if (r < 0)
			pool_uncharge(v, WORD_POOL(word), n);
	}
	if (!r) {
		/* For SPAN_MEMBER: whose, before the word says so. */
		span_desc(v, first)->member =
			word & SPAN_MEMBER ? me->member : 0;
		take(v, me, first, n, word);
		*ret = first;
	}
	core_unlock(v, me, &heap_super(v)->span_lock);
	return r;
}

/* Hints before the words, that a death leaves no span without one, and after
 * them, see clear_group(). */
void span_mark_free(struct view *v, uint32_t first, uint32_t n, uint64_t word)
{
	for (uint32_t i = 0; i < n; i++)
		store_relaxed(span_group(v, first + i), 1);
	for (uint32_t i = 1; i < n; i++)
		store_release(span_word(v, first + i), word);
	compiler_fence();
	store_release(span_word(v, first), word);
	for (uint32_t i = 0; i < n; i++)
		store_release(span_group(v, first + i), 1);
	if (n >= TRIM_SPANS) {
		heap_super(v)->freed_ns = (uint64_t)clock_monotonic_ns();
		store_relaxed(&heap_super(v)->dirty, 1);
	}
}

/* Commit: word[first] becomes TXN.  Killed before: still allocated, unless
 * @pend.  After: recovery frees the rest. */
int span_free(struct view *v, struct thread_rec *me, uint32_t first, uint32_t n,
	      struct thread_rec *pend)
{
	uint64_t word;
	int r = core_lock(v, me, &heap_super(v)->span_lock);

	if (r < 0)
		return r;
	word = load_relaxed(span_word(v, first));
	announce(me, SPAN_OP_FREE, first, n, pend != NULL);
	if (pend) {
		pend->pend_ptr = 0;
		compiler_fence();
		pend->pend_slot = 0;
		compiler_fence();
	}
	store_relaxed(span_word(v, first),
		      SPAN_WORD(SPAN_TXN, CLASS_NONE, me->token & TOKEN_MASK));
	compiler_fence();
	pool_uncharge(v, WORD_POOL(word), n);
	span_mark_free(v, first, n, 0);
	finished(me);
	core_unlock(v, me, &heap_super(v)->span_lock);
	return 0;
}

static int resize_locked(struct view *v, struct thread_rec *me, uint32_t first,
			 uint32_t n, uint32_t new_n)
{
	uint64_t old = load_relaxed(span_word(v, first));
	uint64_t word = (old & ~(uint64_t)RUN_MAX) | new_n;
	uint32_t hi = span_hi(v), more;
	int r;

	if (new_n < n) { /* commit: the count; then the tail is freed */
		announce(me, SPAN_OP_SHRINK, first, n, new_n);
		store_relaxed(span_word(v, first), word);
		compiler_fence();
		pool_uncharge(v, WORD_POOL(old), n - new_n);
		span_mark_free(v, first + new_n, n - new_n, 0);
		finished(me);
		return 0;
	}
	more = new_n - n;
	if (first + n == hi) {
		uint32_t at;

		r = grow(v, more, 1, &at);
		if (r < 0)
			return r;
	} else if (free_run(v, first + n, hi, more) < more) {
		return -ENOSPC;
	}
	r = pool_charge(v, WORD_POOL(old), more);
	if (!r)
		r = refill(v, first + n, more);
	if (r < 0)
		return r;
	/* Commit: the count; before it, the new tail is free again. */
	announce(me, SPAN_OP_GROW, first, n, new_n);
	for (uint32_t i = n; i < new_n; i++)
		store_relaxed(span_word(v, first + i),
			      SPAN_WORD(SPAN_CONT, 0, i) |
				      SPAN_POOL(WORD_POOL(old)));
	compiler_fence();
	store_relaxed(span_word(v, first), word);
	finished(me);
	return 0;
}

int span_resize(struct view *v, struct thread_rec *me, uint32_t first,
		uint32_t n, uint32_t new_n)
{
	int r;

	if (new_n > RUN_MAX || new_n > v->geo.n_spans)
		return -ENOMEM;
	r = core_lock(v, me, &heap_super(v)->span_lock);
	if (r < 0)
		return r;
	r = resize_locked(v, me, first, n, new_n);
	core_unlock(v, me, &heap_super(v)->span_lock);
	return r;
}

/* Claim the next free run for punching: each span becomes TXN by one store;
 * of a dead puncher they become PUNCHED, whatever they were. */
static uint32_t claim_run(struct view *v, struct thread_rec *me, uint32_t *at)
{
	uint32_t hi = span_hi(v), n;
	uint64_t txn = SPAN_WORD(SPAN_TXN, CLASS_NONE, me->token & TOKEN_MASK);

	for (; *at < hi; *at += n ? n : 1) {
		n = 0;
		while (*at + n < hi && n < 1024 &&
		       !load_relaxed(span_word(v, *at + n)))
			n++;
		if (n < TRIM_SPANS)
			continue;
		for (uint32_t i = 0; i < n; i++)
			store_relaxed(span_word(v, *at + i), txn);
		return n;
	}
	return 0;
}

int span_trim(struct view *v, struct thread_rec *me)
{
	uint32_t at = v->geo.first_span, n;
	int r;

	store_relaxed(&heap_super(v)->dirty, 0);
	for (;;) {
		r = core_lock(v, me, &heap_super(v)->span_lock);
		if (r < 0)
			return r;
		n = claim_run(v, me, &at);
		core_unlock(v, me, &heap_super(v)->span_lock);
		if (!n)
			return 0;
		/* Without the lock: nobody else touches a TXN word. */
		r = view_punch(v, (uint64_t)at << SPAN_SHIFT,
			       (uint64_t)n << SPAN_SHIFT);
		for (uint32_t i = 0; i < n; i++)
			span_mark_free(v, at + i, 1,
				       SPAN_WORD(SPAN_PUNCHED, 0, 0));
		if (r < 0)
			return r;
		at += n;
	}
}

void span_trim_decayed(struct view *v, struct thread_rec *me)
{
	/* Relaxed: hints; too early or too late costs time only. */
	if (load_relaxed(&heap_super(v)->dirty) &&
	    (uint64_t)clock_monotonic_ns() -
			    load_relaxed(&heap_super(v)->freed_ns) >
		    TRIM_DECAY_NS)
		span_trim(v, me);
}
