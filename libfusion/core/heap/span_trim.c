/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trimming: memory of free spans goes back to the system
 *
 * The word of a free span says when the span was freed.  Spans that have been
 * free for a while are punched: they lose their memory.  No thread exists for
 * that.  Threads that allocate or free spans do it on the way, and so does the
 * daemon.
 */
#include "libfusion/core/heap/span_trim.h"

#include <errno.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/heap/span_find.h"

#define PUNCH_MAX 1024u /* spans of one system call: 64 MiB */
#define TRIM_MAX 2048	/* spans of one span_trim_decayed(), about */

#define STAMP_SHIFT 26 /* 2^26 ns: 67 ms */
#define STAMP_MASK 0xffffffu

uint64_t span_free_word(void)
{
	uint64_t now = (uint64_t)clock_monotonic_ns() >> STAMP_SHIFT;

	return SPAN_WORD(SPAN_FREE, 0, now & STAMP_MASK) | SPAN_SLOW;
}

/* Relaxed: trim_ns is a hint, and two threads that set it at once store nearly
 * equal times. */
void span_trim_later(struct view *v)
{
	if (!load_relaxed(&heap_super(v)->trim_ns))
		store_relaxed(&heap_super(v)->trim_ns,
			      (uint64_t)clock_monotonic_ns() + TRIM_DECAY_NS);
}

struct trim {
	uint64_t now;	/* as a stamp; 0: spans of any age */
	uint64_t age;	/* as a stamp */
	bool too_young; /* a span was found that is to be trimmed later */
};

static bool has_decayed(struct trim *t, uint64_t word)
{
	if (WORD_KIND(word) != SPAN_FREE)
		return false;
	if (!t->now || !word) /* a word of 0 was never used */
		return true;
	if (((t->now - WORD_COUNT(word)) & STAMP_MASK) > t->age)
		return true;
	t->too_young = true;
	return false;
}

/* Find the next decayed spans that are part of a free run of TRIM_SPANS or
 * more, from *at on.  Returns their number, 0 none, and *at is the first. */
static uint32_t next_decayed(const struct view *v, struct trim *t, uint32_t *at)
{
	uint32_t hi = span_hi(v);

	while (*at < hi) {
		uint32_t n = span_free_run(v, *at, hi, PUNCH_MAX), i = 0, m = 0;

		if (n < TRIM_SPANS) {
			*at += n + 1;
			continue;
		}
		while (i < n &&
		       !has_decayed(t, load_relaxed(span_word(v, *at + i))))
			i++;
		while (i + m < n &&
		       has_decayed(t, load_relaxed(span_word(v, *at + i + m))))
			m++;
		*at += i;
		if (m)
			return m;
	}
	return 0;
}

/* Claim free spans for punching: each becomes TXN by one store.  If the puncher
 * dies, recovery makes them PUNCHED.  Returns how many, from @at on. */
static uint32_t claim_free(struct view *v, struct thread_rec *me, uint32_t at,
			   uint32_t n)
{
	uint64_t txn = SPAN_WORD(SPAN_TXN, CLASS_NONE, thread_token(me));
	uint32_t i = 0;

	while (i < n &&
	       WORD_KIND(load_relaxed(span_word(v, at + i))) == SPAN_FREE)
		store_relaxed(span_word(v, at + i++), txn | SPAN_SLOW);
	return i;
}

static int punch_spans(struct view *v, struct thread_rec *me, uint32_t at,
		       uint32_t n)
{
	int r = core_lock(v, me, &heap_super(v)->span_lock);

	if (r < 0)
		return r;
	n = claim_free(v, me, at, n);
	core_unlock(v, me, &heap_super(v)->span_lock);
	if (!n)
		return 0;
	/* Without the lock: no other thread changes a TXN word.  If punching
	 * fails, a PUNCHED span has memory, and reserving it does nothing. */
	r = view_punch(v, (uint64_t)at << SPAN_SHIFT,
		       (uint64_t)n << SPAN_SHIFT);
	for (uint32_t i = 0; i < n; i++)
		span_mark_free(v, at + i, 1, SPAN_WORD(SPAN_PUNCHED, 0, 0));
	return r < 0 ? r : (int)n;
}

/*
 * Free an orphan whose last block was freed, since no owner does it: adopt it,
 * and check again that it is empty.  Between the first check and the CAS,
 * another thread may have adopted it, allocated from it and left it, which the
 * CAS cannot notice.  Killed after the CAS: it is a slab of a dead thread.
 * Returns the number of spans freed, or -errno.
 */
static int reap_orphan(struct view *v, struct thread_rec *me,
		       const struct class_info *k, uint32_t i, uint64_t w)
{
	uint64_t adopted = w | thread_token(me);
	int r;

	/* Acquire: pairs with the release in slab_orphan(). */
	if (!slab_is_empty(v, k, i) ||
	    !cas_acquire(span_word(v, i), &w, adopted))
		return 0;
	if (!slab_is_empty(v, k, i))
		return slab_orphan(v, i, adopted);
	r = span_free(v, me, i, k->n_spans, adopted, NULL);
	return r < 0 ? r : (int)k->n_spans;
}

static int64_t reap_orphans(struct view *v, struct thread_rec *me)
{
	struct class_info classes[HEAP_CLASSES];
	uint32_t hi = span_hi(v);
	int64_t all = 0;

	slab_classes(v, classes);
	for (uint32_t i = v->geo.first_span; i < hi; i++) {
		uint64_t w = load_relaxed(span_word(v, i));
		int r;

		if (WORD_KIND(w) != SPAN_SLAB || WORD_TOKEN(w) ||
		    WORD_CLASS(w) >= HEAP_CLASSES ||
		    classes[WORD_CLASS(w)].n_spans > hi - i)
			continue;
		r = reap_orphan(v, me, &classes[WORD_CLASS(w)], i, w);
		if (r < 0)
			return r;
		all += r;
	}
	return all;
}

int64_t span_trim(struct view *v, struct thread_rec *me, uint64_t age_ns)
{
	struct trim t = {.age = age_ns >> STAMP_SHIFT};
	uint32_t at = v->geo.first_span, n;
	int64_t all;
	int r;

	if (age_ns)
		t.now = (uint64_t)clock_monotonic_ns() >> STAMP_SHIFT;
	store_relaxed(&heap_super(v)->trim_ns, (uint64_t)0);
	all = reap_orphans(v, me);
	if (all < 0)
		return all;
	while ((n = next_decayed(v, &t, &at))) {
		r = punch_spans(v, me, at, n);
		if (r < 0)
			return r;
		all += r;
		at += n;
		if (age_ns && all >= TRIM_MAX) {
			t.too_young = true;
			break;
		}
	}
	if (t.too_young)
		span_trim_later(v);
	return all;
}

void span_trim_decayed(struct view *v, struct thread_rec *me)
{
	/* Relaxed: a hint; too early or too late costs time only. */
	uint64_t due = load_relaxed(&heap_super(v)->trim_ns);

	if (due && (uint64_t)clock_monotonic_ns() >= due)
		span_trim(v, me, TRIM_DECAY_NS);
}
