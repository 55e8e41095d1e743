/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/usage.h"

#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/slab.h"

uint8_t heap_tag(uint32_t slot)
{
	return (uint8_t)(slot % TAG_MEMBERS + 1);
}

static void count_slab(const struct view *v, const struct class_info *k,
		       uint32_t span, unsigned class, struct heap_usage *u)
{
	const uint8_t *map = slab_map(v, k, span);
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < k->n_blocks; i++) {
		uint8_t tag = load_relaxed(map + i);

		if (!tag)
			continue;
		blocks++;
		u->tag_blocks[tag]++;
		u->tag_bytes[tag] += k->size;
	}
	u->classes[class].slabs++;
	u->classes[class].blocks += blocks;
	u->classes[class].capacity += k->n_blocks;
	u->blocks += blocks;
	u->bytes += blocks * k->size;
}

static void count_run(uint64_t w, struct heap_usage *u)
{
	uint64_t bytes = (uint64_t)WORD_COUNT(w) << SPAN_SHIFT;

	u->runs++;
	u->run_bytes += bytes;
	u->blocks++;
	u->bytes += bytes;
	u->tag_blocks[WORD_CLASS(w)]++;
	u->tag_bytes[WORD_CLASS(w)] += bytes;
}

/* Words may change while they are counted: every number is one of a moment. */
int heap_usage(const struct view *v, struct heap_usage *ret)
{
	struct class_info classes[HEAP_CLASSES];
	struct heap_usage *u = ret;
	uint32_t hi = span_hi(v);

	*u = (struct heap_usage){.n_classes = HEAP_CLASSES};
	slab_classes(v, classes);
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		u->classes[i].size = classes[i].size;
	for (uint32_t i = v->geo.first_span; i < hi; i++) {
		/* Acquire: the map must not be older than the word.  Pairs with
		 * the releases of whole words, as in span_take(). */
		uint64_t w = load_acquire(span_word(v, i));

		u->spans_hi++;
		switch (WORD_KIND(w)) {
		case SPAN_FREE:
			u->spans_free++;
			break;
		case SPAN_PUNCHED:
			u->spans_punched++;
			break;
		case SPAN_TXN:
			u->spans_txn++;
			break;
		case SPAN_HEAD:
			u->spans_run += WORD_COUNT(w);
			count_run(w, u);
			break;
		case SPAN_SLAB:
			if (WORD_CLASS(w) >= HEAP_CLASSES ||
			    classes[WORD_CLASS(w)].n_spans > hi - i)
				break;
			u->spans_slab += classes[WORD_CLASS(w)].n_spans;
			u->spans_orphan += !WORD_TOKEN(w);
			count_slab(v, &classes[WORD_CLASS(w)], i, WORD_CLASS(w),
				   u);
			break;
		default:
			break;
		}
	}
	return 0;
}
