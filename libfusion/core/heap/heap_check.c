/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checker of a quiet heap
 *
 * It walks the words of all spans, from run to run and slab to slab.  Every
 * span belongs to exactly one of them, or is free.  Every slab has a living
 * owner or none.  No search misses a free run.  Pools count their spans.
 */
#include "libfusion/core/heap/heap_check.h"

#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/span_find.h"

struct heap_checker {
	struct checker check;
	struct view *v;
	struct class_info classes[HEAP_CLASSES];
};

static void check_run_tail(struct heap_checker *c, uint32_t i, uint32_t n)
{
	if (n > span_hi(c->v) - i) {
		check_fault(&c->check, "span %u: run leaves the heap", i);
		return;
	}
	for (uint32_t k = 1; k < n; k++) {
		uint64_t w = *span_word(c->v, i + k);

		if (WORD_KIND(w) != SPAN_CONT || WORD_COUNT(w) != k ||
		    !(w & SPAN_SLOW))
			check_fault(&c->check,
				    "span %u: no continuation of its run",
				    i + k);
	}
}

static void check_slab_owner(struct heap_checker *c, uint32_t i, uint32_t token)
{
	const struct thread_rec *t;

	if (!token)
		return;
	t = view_thread(c->v, TOKEN_SLOT(token));
	if (TOKEN_SLOT(token) >=
		    view_hi(&c->v->sb->threads_hi, c->v->geo.max_threads) ||
	    !t->member || thread_token(t) != token)
		check_fault(&c->check,
			    "span %u: slab of a thread that is not there", i);
}

static uint32_t check_free_run(struct heap_checker *c, uint32_t i)
{
	uint32_t n = span_free_run(c->v, i, span_hi(c->v), UINT32_MAX);

	if (span_bounds_hide(c->v, i, n))
		check_fault(&c->check,
			    "span %u: a free run that no search finds", i);
	return n ? n : 1;
}

/* Check a slab.  Returns the number of its spans. */
static uint32_t check_slab(struct heap_checker *c, uint32_t i, uint64_t w)
{
	const struct class_info *k;
	const uint8_t *map;

	if (WORD_CLASS(w) >= HEAP_CLASSES) {
		check_fault(&c->check, "span %u: bad class", i);
		return 1;
	}
	k = &c->classes[WORD_CLASS(w)];
	if ((w | SPAN_SLOW) !=
		    (slab_word(WORD_CLASS(w), WORD_PURPOSE(w), WORD_TOKEN(w)) |
		     SPAN_SLOW) ||
	    !(w & SPAN_SLOW) !=
		    (WORD_CLASS(w) < SMALL_CLASSES && !WORD_POOL(w)))
		check_fault(&c->check, "span %u: bits that no slab has", i);
	check_slab_owner(c, i, WORD_TOKEN(w));
	check_run_tail(c, i, k->n_spans);
	map = slab_map(c->v, k, i);
	for (uint32_t b = 0; b < k->n_blocks; b++)
		if (map[b] > TAG_MEMBERS)
			check_fault(&c->check, "span %u: bad tag in its map",
				    i);
	return k->n_spans;
}

static uint32_t check_span(struct heap_checker *c, uint32_t i)
{
	uint64_t w = *span_word(c->v, i);
	const struct pool_rec *p = pool_at(c->v, WORD_POOL(w));

	if (WORD_POOL(w) && (!p || p->state != POOL_USED))
		check_fault(&c->check, "span %u: of a pool that is not there",
			    i);
	switch (WORD_KIND(w)) {
	case SPAN_FREE:
	case SPAN_PUNCHED:
		return check_free_run(c, i);
	case SPAN_SLAB:
		return check_slab(c, i, w);
	case SPAN_HEAD:
		if (!WORD_COUNT(w))
			check_fault(&c->check, "span %u: run of no spans", i);
		check_run_tail(c, i, WORD_COUNT(w));
		return WORD_COUNT(w) ? WORD_COUNT(w) : 1;
	case SPAN_TXN:
		check_fault(&c->check, "span %u: left in a transaction", i);
		return 1;
	case SPAN_CONT:
		check_fault(&c->check, "span %u: continuation of nothing", i);
		return 1;
	default:
		check_fault(&c->check, "span %u: bad kind", i);
		return 1;
	}
}

static void check_pools(struct heap_checker *c)
{
	struct view *v = c->v;
	uint32_t i = 1;

	for (const struct pool_rec *p; (p = pool_at(v, i)); i++) {
		uint32_t used = 0;

		if (p->state == POOL_DYING)
			check_fault(&c->check, "heap: a pool is left dying");
		if (p->state != POOL_USED)
			continue;
		for (uint32_t s = v->geo.first_span; s < span_hi(v); s++) {
			uint64_t w = *span_word(v, s);

			used += !span_is_free(w) && WORD_POOL(w) == i;
		}
		if (used != p->used)
			check_fault(&c->check, "heap: a pool's count is off");
	}
}

unsigned heap_check(struct view *v, check_report_fn report, void *ctx)
{
	struct heap_checker c = {
		.check = {.report = report, .ctx = ctx},
		.v = v,
	};

	slab_classes(v, c.classes);
	if (span_hi(v) < v->geo.first_span)
		check_fault(&c.check, "heap: high mark below the heap");
	for (uint32_t i = v->geo.first_span; i < span_hi(v);)
		i += check_span(&c, i);
	check_pools(&c);
	if (heap_super(v)->span_lock.word || heap_super(v)->pool_lock.word)
		check_fault(&c.check, "heap: a lock of the heap is held");
	return c.check.faults;
}
