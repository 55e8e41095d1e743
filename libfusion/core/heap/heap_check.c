/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/heap_check.h"

#include <stdio.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/span_find.h"

struct checker {
	struct view *v;
	struct class_info classes[HEAP_CLASSES];
	void (*report)(void *, const char *);
	void *ctx;
	unsigned bad;
};

static void fault(struct checker *c, uint32_t span, const char *what)
{
	char text[96];

	c->bad++;
	snprintf(text, sizeof(text), "span %u: %s", span, what);
	if (c->report)
		c->report(c->ctx, text);
}

static void check_conts(struct checker *c, uint32_t i, uint32_t n)
{
	if (n > span_hi(c->v) - i) {
		fault(c, i, "run leaves the heap");
		return;
	}
	for (uint32_t k = 1; k < n; k++) {
		uint64_t w = *span_word(c->v, i + k);

		if (WORD_KIND(w) != SPAN_CONT || WORD_COUNT(w) != k ||
		    !(w & SPAN_SLOW))
			fault(c, i + k, "no continuation of its run");
	}
}

static void check_owner(struct checker *c, uint32_t i, uint32_t token)
{
	const struct thread_rec *t;

	if (!token)
		return;
	t = view_thread(c->v, TOKEN_SLOT(token));
	if (TOKEN_SLOT(token) >=
		    view_hi(&c->v->sb->threads_hi, c->v->geo.max_threads) ||
	    !t->member || thread_token(t) != token)
		fault(c, i, "slab of a thread that is not there");
}

static uint32_t check_free(struct checker *c, uint32_t i)
{
	uint32_t n = span_free_run(c->v, i, span_hi(c->v), UINT32_MAX);

	if (span_bounds_hide(c->v, i, n))
		fault(c, i, "a free run that no search finds");
	return n ? n : 1;
}

/* Returns the spans to go on by. */
static uint32_t check_slab(struct checker *c, uint32_t i, uint64_t w)
{
	const struct class_info *k;
	const uint8_t *map;

	if (WORD_CLASS(w) >= HEAP_CLASSES) {
		fault(c, i, "bad class");
		return 1;
	}
	k = &c->classes[WORD_CLASS(w)];
	if ((w | SPAN_SLOW) !=
		    (slab_word(WORD_CLASS(w), WORD_PURPOSE(w), WORD_TOKEN(w)) |
		     SPAN_SLOW) ||
	    !(w & SPAN_SLOW) !=
		    (WORD_CLASS(w) < SMALL_CLASSES && !WORD_POOL(w)))
		fault(c, i, "bits that no slab has");
	check_owner(c, i, WORD_TOKEN(w));
	check_conts(c, i, k->n_spans);
	map = slab_map(c->v, k, i);
	for (uint32_t b = 0; b < k->n_blocks; b++)
		if (map[b] > TAG_MEMBERS)
			fault(c, i, "bad tag in its map");
	return k->n_spans;
}

static uint32_t check_span(struct checker *c, uint32_t i)
{
	uint64_t w = *span_word(c->v, i);
	const struct pool_rec *p = pool_at(c->v, WORD_POOL(w));

	if (WORD_POOL(w) && (!p || p->state != POOL_USED))
		fault(c, i, "of a pool that is not there");
	switch (WORD_KIND(w)) {
	case SPAN_FREE:
	case SPAN_PUNCHED:
		return check_free(c, i);
	case SPAN_SLAB:
		return check_slab(c, i, w);
	case SPAN_HEAD:
		if (!WORD_COUNT(w))
			fault(c, i, "run of no spans");
		check_conts(c, i, WORD_COUNT(w));
		return WORD_COUNT(w) ? WORD_COUNT(w) : 1;
	case SPAN_TXN:
		fault(c, i, "left in a transaction");
		return 1;
	case SPAN_CONT:
		fault(c, i, "continuation of nothing");
		return 1;
	default:
		fault(c, i, "bad kind");
		return 1;
	}
}

static void check_pools(struct checker *c)
{
	struct view *v = c->v;
	uint32_t i = 1;

	for (const struct pool_rec *p; (p = pool_at(v, i)); i++) {
		uint32_t used = 0;

		if (p->state == POOL_DYING)
			fault(c, 0, "a pool is left dying");
		if (p->state != POOL_USED)
			continue;
		for (uint32_t s = v->geo.first_span; s < span_hi(v); s++) {
			uint64_t w = *span_word(v, s);

			used += !span_is_free(w) && WORD_POOL(w) == i;
		}
		if (used != p->used)
			fault(c, 0, "a pool's count is off");
	}
}

unsigned heap_check(struct view *v, void (*report)(void *, const char *),
		    void *ctx)
{
	struct checker c = {.v = v, .report = report, .ctx = ctx};

	slab_classes(v, c.classes);
	if (span_hi(v) < v->geo.first_span)
		fault(&c, 0, "high mark below the heap");
	for (uint32_t i = v->geo.first_span; i < span_hi(v);)
		i += check_span(&c, i);
	check_pools(&c);
	if (heap_super(v)->span_lock.word || heap_super(v)->pool_lock.word)
		fault(&c, 0, "a lock of the heap is held");
	return c.bad;
}
