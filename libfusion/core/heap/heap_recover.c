/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery of the heap
 *
 *   killed in          before the commit       after it
 *   malloc             nothing                 allocated, a leak (1)
 *   malloc_to          nothing                 freed unless the slot has it
 *   free               still allocated         free
 *   free_from          still allocated         freed
 *   new slab           spans freed             orphaned, or freed if empty
 *   run alloc          spans freed             allocated (1)
 *   run free           still allocated         freed
 *   grow, shrink       old length              new length
 *   adoption           an orphan               an orphan again
 *   punching           the span counts as punched either way
 *
 * (1) one block for each thread that is killed just there.  The library's own
 * objects use malloc_to and free_from, and leak none.
 *
 * The daemon runs this on memory that it does not trust: it reads each word
 * once, checks every index, and follows nothing beyond the heap.
 */
#include "libfusion/core/heap/heap_recover.h"

#include <errno.h>

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/life/life.h"

/* Free the spans @from to @to of the run at @first that still are its tail. */
static void free_run_tail(struct view *v, uint32_t first, uint32_t from,
			  uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		uint64_t w = load_relaxed(span_word(v, first + i));

		if (WORD_KIND(w) == SPAN_CONT && WORD_COUNT(w) == i)
			span_mark_free(v, first + i, 1, 0);
	}
}

static bool spans_are_valid(const struct view *v, uint64_t first, uint64_t n)
{
	uint32_t hi = span_hi(v);

	return first >= v->geo.first_span && first < hi && n && n <= hi - first;
}

/* Do a free again that has begun: the head is TXN, or @must says so. */
static void redo_span_free(struct view *v, uint32_t first, uint32_t n,
			   bool must)
{
	unsigned kind = WORD_KIND(load_relaxed(span_word(v, first)));

	if (!must && (kind == SPAN_HEAD || kind == SPAN_SLAB))
		return;
	free_run_tail(v, first, 1, n);
	if (kind == SPAN_HEAD || kind == SPAN_SLAB || kind == SPAN_TXN)
		span_mark_free(v, first, 1, 0);
}

static int finish_span_intent(struct view *v, uint32_t op, uint32_t first,
			      uint32_t n, uint32_t m)
{
	uint64_t w = load_relaxed(span_word(v, first));

	switch (op) {
	case SPAN_OP_ALLOC:
		if (span_is_free(w) && !SEED_BUG(1))
			free_run_tail(v, first, 1, n);
		return 0;
	case SPAN_OP_FREE:
		if (!SEED_BUG(2))
			redo_span_free(v, first, n, m);
		return 0;
	case SPAN_OP_GROW:
		if (WORD_COUNT(w) != m && !SEED_BUG(8))
			free_run_tail(v, first, n, m);
		return 0;
	case SPAN_OP_SHRINK:
		if (WORD_COUNT(w) == m && !SEED_BUG(7))
			free_run_tail(v, first, m, n);
		return 0;
	default:
		return -EIO;
	}
}

/* The dead thread still holds span_lock, so no other thread changes a span.
 * When its intent is finished, all that the lock guards is whole, and the next
 * steps may take the lock. */
int heap_recover_intent(struct view *v, struct thread_rec *t)
{
	uint64_t a = t->span.a[0], n = t->span.a[1], m = t->span.a[2];
	struct core_lock *l = &heap_super(v)->span_lock;
	uint32_t op = load_relaxed(&t->span.op);
	int r;

	if (op) {
		if ((load_relaxed(&l->word) & TOKEN_MASK) != thread_token(t) ||
		    !spans_are_valid(v, a, n) ||
		    (op >= SPAN_OP_GROW && !spans_are_valid(v, a, m)))
			return -EIO;
		if (SEED_BUG(6))
			core_lock_recover_one(t, l);
		r = finish_span_intent(v, op, (uint32_t)a, (uint32_t)n,
				       (uint32_t)m);
		if (r < 0)
			return r;
		compiler_fence();
		store_relaxed(&t->span.op, 0);
		compiler_fence();
	}
	core_lock_recover_one(t, l);
	return 0;
}

/*
 * Settle a block whose thread was killed between taking and publishing it, or
 * between unpublishing and freeing it.  A block of malloc_to() lies in a slab
 * that the dead thread still owns, so no other thread has taken it meanwhile. A
 * block of free_from() has the tag TAG_DYING if the free had begun.
 */
static void settle_pending(uint64_t mode, const struct block *b, bool in_slot)
{
	uint8_t tag = load_relaxed(b->map);

	/* Release, both: the last use of the block comes before its next one.
	 * Pairs with the acquires of map bytes, as in slab_is_empty(). */
	if (mode == PENDING_MALLOC_TO && !in_slot && tag != TAG_DYING)
		store_release(b->map, (uint8_t)0);
	else if (mode == PENDING_FREE_FROM && tag == TAG_DYING)
		store_release(b->map, in_slot ? (uint8_t)1 : (uint8_t)0);
}

/* Say whether another thread is in free_from() of the block: then that thread
 * frees it. */
static bool others_free_block(const struct view *v, const struct thread_rec *t,
			      uint64_t ptr)
{
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *o = view_thread(v, i);

		if (o != t && load_relaxed(&o->member) &&
		    load_relaxed(&o->pend_ptr) == ptr)
			return true;
	}
	return false;
}

static int finish_pending(struct view *v, struct thread_rec *t, uint64_t slot,
			  uint64_t ptr)
{
	struct class_info classes[HEAP_CLASSES];
	uint64_t mode = load_relaxed(&t->heap[0]);
	struct thread_rec *me;
	struct block b;
	bool in_slot;
	int r;

	if (slot % 8 || !view_has(v, slot, 8) ||
	    slot >> SPAN_SHIFT >= span_hi(v))
		return -EIO;
	in_slot =
		load_relaxed((uint64_t *)view_at(v, slot)) == v->sb->base + ptr;
	slab_classes(v, classes);
	if (block_find(v, classes, ptr, &b) < 0 || !block_is_allocated(&b))
		return 0;
	if (b.map) {
		if (load_relaxed(b.map) != TAG_DYING ||
		    !others_free_block(v, t, ptr))
			settle_pending(mode, &b, in_slot);
		return 0;
	}
	if (in_slot || (mode != PENDING_MALLOC_TO && mode != PENDING_FREE_RUN))
		return 0;
	r = life_rec_get(v, &me);
	if (r < 0)
		return r;
	r = span_free(v, me, b.span, WORD_COUNT(b.word), b.word, t);
	return r == -EINVAL ? 0 : r;
}

/* A run that free_from() frees needs no step here once span_free() has begun:
 * then it is an intent, and this announcement is cleared. */
int heap_recover_pending(struct view *v, struct thread_rec *t)
{
	uint64_t slot = load_relaxed(&t->pend_slot);
	uint64_t ptr = load_relaxed(&t->pend_ptr);
	int r = slot && ptr ? finish_pending(v, t, slot, ptr) : 0;

	if (r < 0)
		return r;
	t->pend_ptr = 0;
	compiler_fence();
	t->pend_slot = 0;
	return 0;
}

static bool token_is_one_of(uint32_t token, const uint32_t *tokens, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (tokens[i] == token)
			return true;
	return false;
}

/* Free the slab, run or unfinished slab at @span, whose word is @w.  For more
 * than one span this announces an intent, so that a death in between does not
 * free the tail twice. */
static int recover_spans(struct view *v, uint32_t span, uint32_t n, uint64_t w)
{
	struct thread_rec *me;
	int r;

	if (!n || n > span_hi(v) - span)
		return -EIO;
	if (n == 1) {
		span_mark_free(v, span, 1, 0);
		return 0;
	}
	r = life_rec_get(v, &me);
	if (r < 0)
		return r;
	r = span_free(v, me, span, n, w, NULL);
	return r == -EINVAL ? 0 : r;
}

static int recover_slab(struct view *v, const struct class_info *classes,
			uint32_t i, uint64_t w)
{
	unsigned class = WORD_CLASS(w);
	const struct class_info *k;

	if (WORD_KIND(w) == SPAN_TXN && class == CLASS_NONE) {
		span_mark_free(v, i, 1, SPAN_WORD(SPAN_PUNCHED, 0, 0));
		return 0;
	}
	if (class >= HEAP_CLASSES || classes[class].n_spans > span_hi(v) - i)
		return -EIO;
	k = &classes[class];
	if (WORD_KIND(w) == SPAN_TXN || slab_is_empty(v, k, i))
		return recover_spans(v, i, k->n_spans, w);
	return slab_orphan(v, i, w);
}

static int recount_pools(struct view *v)
{
	struct thread_rec *me;
	int r;

	if (!load_relaxed(&heap_super(v)->pools_hi))
		return 0;
	r = life_rec_get(v, &me);
	if (!r)
		r = core_lock(v, me, &heap_super(v)->span_lock);
	if (r < 0)
		return r;
	pool_recount(v);
	core_unlock(v, me, &heap_super(v)->span_lock);
	return 0;
}

int heap_recover_tokens(struct view *v, const uint32_t *tokens, unsigned n)
{
	struct class_info classes[HEAP_CLASSES];
	uint32_t hi = span_hi(v);
	int r = 0;

	slab_classes(v, classes);
	for (uint32_t i = v->geo.first_span; i < hi && !r; i++) {
		/* Acquire: pairs with the releases of whole words, as in
		 * span_take(). */
		uint64_t w = load_acquire(span_word(v, i));
		unsigned kind = WORD_KIND(w);

		if ((kind == SPAN_SLAB || kind == SPAN_TXN) && WORD_TOKEN(w) &&
		    token_is_one_of(WORD_TOKEN(w), tokens, n))
			r = recover_slab(v, classes, i, w);
	}
	return r ? r : recount_pools(v);
}

int heap_recover_member(struct view *v, uint32_t slot)
{
	uint32_t hi = span_hi(v);
	int r = 0;

	for (uint32_t i = v->geo.first_span; i < hi && !r; i++) {
		/* Acquire: the descriptor must not be older than the word.
		 * Pairs with the release in span_take(). */
		uint64_t w = load_acquire(span_word(v, i));

		if (!(w & SPAN_MEMBER) || span_desc(v, i)->member != slot + 1)
			continue;
		if (WORD_KIND(w) == SPAN_HEAD)
			r = recover_spans(v, i, WORD_COUNT(w), w);
		else if (WORD_KIND(w) == SPAN_SLAB &&
			 WORD_CLASS(w) < HEAP_CLASSES)
			r = recover_spans(v, i, slab_class_spans(WORD_CLASS(w)),
					  w);
	}
	return r;
}
