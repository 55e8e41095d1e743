/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery of the heap
 *
 *   killed in          before the commit            after it
 *   malloc             nothing                      allocated, nobody knows (1)
 *   malloc_to          nothing                      freed unless the slot has
 * it free               still allocated              free free_from still
 * allocated              freed new slab           spans freed orphaned, or
 * freed if empty run alloc          spans freed                  allocated (1)
 *   run free           still allocated              freed
 *   grow, shrink       old length                   new length
 *   punching           the span is taken for punched either way
 *
 * (1) one block for each thread that is killed just there.  The library's own
 * objects use malloc_to and free_from and leave none.
 */
#include <errno.h>

#include "libfusion/core/heap.h"
#include "libfusion/core/life.h"
#include "libfusion/core/lock.h"
#include "libfusion/core/pool.h"
#include "libfusion/core/seed.h"
#include "libfusion/core/slab.h"

static void free_conts(struct view *v, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		if (WORD_KIND(load_relaxed(span_word(v, i))) == SPAN_CONT)
			span_mark_free(v, i, 1, 0);
}

static bool in_range(const struct view *v, uint64_t first, uint64_t n)
{
	uint32_t hi = span_hi(v);

	return first >= v->geo.first_span && first < hi && n && n <= hi - first;
}

/* The dead thread still holds span_lock: nobody moves. */
int heap_recover_intent(struct view *v, struct thread_rec *t)
{
	uint64_t a = t->span.a[0], n = t->span.a[1], m = t->span.a[2], w;
	uint32_t op = load_relaxed(&t->span.op), first = (uint32_t)a;
	unsigned kind;

	if (!op)
		return 0;
	if (!in_range(v, a, n) || (op >= SPAN_OP_GROW && !in_range(v, a, m)))
		return -EIO;
	w = load_relaxed(span_word(v, first));
	kind = WORD_KIND(w);
	switch (op) {
	case SPAN_OP_ALLOC:
		if (span_is_free(w) && !SEED_BUG(1))
			free_conts(v, first + 1, (uint32_t)n - 1);
		break;
	case SPAN_OP_FREE:
		if ((m || (kind != SPAN_HEAD && kind != SPAN_SLAB)) &&
		    !SEED_BUG(2))
			span_mark_free(v, first, (uint32_t)n, 0);
		break;
	case SPAN_OP_GROW:
		if (WORD_COUNT(w) != m)
			free_conts(v, first + (uint32_t)n, (uint32_t)(m - n));
		break;
	case SPAN_OP_SHRINK:
		if (WORD_COUNT(w) == m)
			free_conts(v, first + (uint32_t)m, (uint32_t)(n - m));
		break;
	default:
		return -EIO;
	}
	compiler_fence();
	store_relaxed(&t->span.op, 0);
	return 0;
}

/*
 * A block whose thread was killed between having it and handing it over, or
 * between letting go and freeing.  A block of malloc_to() lies in a slab that
 * the dead one still owns, so nobody can have got it meanwhile; one of
 * free_from() has a tag that says it had begun.
 */
static void free_pending(struct thread_rec *t, const struct block *b, bool held)
{
	if (t->heap[0] == PENDING_MALLOC_TO && !held)
		store_release(b->map, (uint8_t)0);
	else if (load_relaxed(b->map) == TAG_DYING)
		store_release(b->map, held ? (uint8_t)1 : (uint8_t)0);
}

/* Runs after all locks of the dead are free.  A run that free_from() let go is
 * not seen here: span_free() has made an intent of it or not begun. */
int heap_recover_pending(struct view *v, struct thread_rec *t)
{
	struct class_info classes[HEAP_CLASSES];
	uint64_t slot = t->pend_slot, ptr = t->pend_ptr;
	struct thread_rec *me = life_rec(v);
	struct block b;
	bool held;

	if (slot && ptr) {
		if (slot % 8 || slot > v->geo.span - 8 ||
		    slot >> SPAN_SHIFT >= span_hi(v))
			return -EIO;
		held = load_relaxed((uint64_t *)view_at(v, slot)) ==
		       v->sb->base + ptr;
		slab_classes(v, classes);
		if (block_find(v, classes, ptr, &b) == 0 &&
		    block_is_allocated(&b)) {
			if (b.map)
				free_pending(t, &b, held);
			else if (!held && me)
				return span_free(v, me, b.span,
						 WORD_COUNT(b.word), t);
		}
	}
	t->pend_ptr = 0;
	compiler_fence();
	t->pend_slot = 0;
	return 0;
}

static bool is_one_of(uint32_t token, const uint32_t *tokens, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (tokens[i] == token)
			return true;
	return false;
}

/* Free a slab or unfinished slab.  More than one span: with an intent of our
 * own, that our death does not free the tail twice. */
static int free_slab(struct view *v, uint32_t span, uint32_t n)
{
	struct thread_rec *me = life_rec(v);

	if (n == 1) {
		span_mark_free(v, span, 1, 0);
		return 0;
	}
	if (!me || n > span_hi(v) - span)
		return -EIO;
	return span_free(v, me, span, n, NULL);
}

static int recover_word(struct view *v, const struct class_info *classes,
			uint32_t i, uint64_t w)
{
	unsigned class = WORD_CLASS(w);

	if (WORD_KIND(w) == SPAN_TXN && class == CLASS_NONE) {
		span_mark_free(v, i, 1, SPAN_WORD(SPAN_PUNCHED, 0, 0));
		return 0;
	}
	if (class >= HEAP_CLASSES || classes[class].n_spans > span_hi(v) - i)
		return -EIO;
	if (WORD_KIND(w) == SPAN_TXN || slab_is_empty(v, &classes[class], i))
		return free_slab(v, i, classes[class].n_spans);
	/* Commit: an orphan, for anybody to adopt. */
	store_release(span_word(v, i), w & ~(uint64_t)TOKEN_MASK);
	add_relaxed(&heap_super(v)->orphans[class], 1);
	return 0;
}

static int recount(struct view *v)
{
	struct thread_rec *me = life_rec(v);
	int r;

	if (!load_relaxed(&heap_super(v)->pools_hi))
		return 0;
	if (!me)
		return -EIO;
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
		uint64_t w = load_acquire(span_word(v, i));
		unsigned kind = WORD_KIND(w);

		/* The hint of a span may have died with who freed it. */
		if (span_is_free(w))
			store_relaxed(span_group(v, i), 1);
		if ((kind == SPAN_SLAB || kind == SPAN_TXN) && WORD_TOKEN(w) &&
		    is_one_of(WORD_TOKEN(w), tokens, n))
			r = recover_word(v, classes, i, w);
	}
	return r ? r : recount(v);
}

int heap_recover_member(struct view *v, uint32_t slot)
{
	uint32_t hi = span_hi(v);
	int r = 0;

	for (uint32_t i = v->geo.first_span; i < hi && !r; i++) {
		uint64_t w = load_acquire(span_word(v, i));
		uint32_t n = 1;

		if (!(w & SPAN_MEMBER) || span_desc(v, i)->member != slot + 1)
			continue;
		if (WORD_KIND(w) == SPAN_HEAD)
			n = WORD_COUNT(w);
		else if (WORD_KIND(w) == SPAN_SLAB &&
			 WORD_CLASS(w) < HEAP_CLASSES)
			n = slab_class_spans(WORD_CLASS(w));
		else
			continue;
		if (!n || n > hi - i)
			return -EIO;
		r = free_slab(v, i, n);
	}
	return r;
}
