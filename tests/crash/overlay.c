/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/overlay.h"

#include <string.h>
#include <sys/mman.h>

#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/refs/ref_lens.h"
#include "libfusion/core/refs/ref_private.h"
#include "libfusion/core/refs/ref_row.h"
#include "libfusion/core/talk/ring.h"
#include "tests/crash/container.h"
#include "tests/crash/object_next.h"

#define K 0x9fb21c651e98df25ull

static void map_over(struct stage *s, int fd, int flags)
{
	if (mmap(s->view.base, s->view.geo.span, PROT_READ | PROT_WRITE,
		 flags | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED)
		die("cannot map over the stage");
}

void overlay_on(struct stage *s, int fd)
{
	map_over(s, fd, MAP_PRIVATE);
}

void overlay_off(struct stage *s, int fd)
{
	map_over(s, fd, MAP_SHARED);
}

/* Four lanes, for speed; @size is a multiple of 8. */
static uint64_t hash(uint64_t seed, const void *p, size_t size)
{
	const uint64_t *w = p;
	uint64_t h[4] = {seed, seed + 1, seed + 2, seed + 3};
	size_t n = size / 8, i = 0;

	for (; i + 4 <= n; i += 4)
		for (size_t k = 0; k < 4; k++)
			h[k] = (h[k] ^ w[i + k]) * K;
	for (; i < n; i++)
		h[0] = (h[0] ^ w[i]) * K;
	for (size_t k = 1; k < 4; k++)
		h[0] = ((h[0] ^ h[0] >> 29) + h[k]) * K;
	return h[0] ^ h[0] >> 32;
}

/* The maps of small classes are at the start of their slabs. */
static uint64_t hash_map(const struct view *v, uint64_t h, uint32_t i)
{
	uint64_t w = *span_word(v, i);
	unsigned kind = WORD_KIND(w);

	if ((kind == SPAN_SLAB || kind == SPAN_TXN) && WORD_CLASS(w) < 3)
		h = hash(h, span_at(v, i), 4096);
	return h;
}

static uint64_t hash_heap(const struct view *v, uint64_t h)
{
	uint32_t first = v->geo.first_span, hi = span_hi(v);
	const struct pool_rec *p;

	h = hash(h, span_word(v, first), (hi - first) * 8ull);
	/* What span_find.c keeps behind the words. */
	h = hash(h, span_word(v, v->geo.n_spans), 32);
	h = hash(h, span_desc(v, first),
		 (hi - first) * sizeof(struct slab_desc));
	for (uint32_t i = first; i < hi; i++)
		h = hash_map(v, h, i);
	for (uint32_t i = 1; (p = pool_at(v, i)); i++)
		h = hash(h, p, sizeof(*p));
	return h;
}

static uint64_t hash_rings(const struct view *v, uint64_t h)
{
	struct ring r;

	for (uint32_t i = 0; i < ring_hi(v); i++) {
		h = hash(h, ring_ctl(v, i), sizeof(struct ring_ctl));
		if (ring_map(v, i, &r) == 0)
			h = hash(h, r.cursors,
				 r.n_cursors * RING_CURSOR +
					 r.cells * (8ull + RING_CELL));
	}
	return h;
}

/* Where calls are answered: each thread's, and those of nested calls. */
static uint64_t hash_slots(const struct view *v, uint64_t h)
{
	const char *slots = v->base + v->geo.off_slots;
	uint32_t more = v->geo.n_slots - v->geo.max_threads;

	h = hash(h, slots,
		 view_hi(&v->sb->threads_hi, v->geo.max_threads) *
			 (size_t)SLOT_SIZE);
	return hash(h, slots + (size_t)v->geo.max_threads * SLOT_SIZE,
		    view_hi(&v->sb->slots_hi, more) * (size_t)SLOT_SIZE);
}

uint64_t overlay_hash(const struct stage *s)
{
	const struct view *v = &s->view;
	const struct superblock *sb = v->sb;
	struct container_range ranges[CONTAINER_RANGES];
	uint64_t h = hash(1, sb, sizeof(*sb));
	unsigned n;

	h = hash(h,
		 v->base + v->geo.off_events +
			 sb->event_head % EVENTS * sizeof(struct event_rec),
		 sizeof(struct event_rec));
	h = hash(h, view_member(v, 0),
		 members_hi(v) * sizeof(struct member_rec));
	h = hash(h, view_thread(v, 0),
		 view_hi(&sb->threads_hi, v->geo.max_threads) *
			 sizeof(struct thread_rec));
	for (int kind = 0; kind < N_KINDS; kind++) {
		const struct table *t = &v->geo.tables[kind];

		h = hash(h, view_entry(v, kind, 0),
			 (size_t)table_hi(v, kind) * t->stride);
		h = hash(h, v->base + t->off_buckets, t->n_buckets * 4ull);
	}
	h = hash(h, row_at(v, 0), (size_t)rows_hi(v) * ROW_SIZE);
	h = hash_rings(v, h);
	h = hash_slots(v, h);
	h = hash_heap(v, h);
	if (s->ledger->slots)
		h = hash(h, stage_slots(s), LEDGER_SLOTS * 8);
	n = container_ranges(s, ranges);
	n += object_ranges(s, ranges + n, CONTAINER_RANGES - n);
	for (unsigned i = 0; i < n; i++)
		h = hash(h, ranges[i].at, ranges[i].size);
	return h;
}

/* --- What can be told apart ----------------------------------------------- */

static uint64_t digest_members(const struct view *v, uint64_t h)
{
	uint64_t w[2] = {v->sb->state, v->sb->master};

	h = hash(h, w, sizeof(w));
	for (uint32_t i = 1; i < members_hi(v); i++) {
		const struct member_rec *m = view_member(v, i);

		w[0] = m->state;
		w[1] = m->state ? m->id : 0;
		h = hash(h, w, sizeof(w));
	}
	for (uint32_t i = 1; i < v->sb->threads_hi; i++) {
		w[0] = i;
		w[1] = view_thread(v, i)->member;
		if (w[1])
			h = hash(h, w, sizeof(w));
	}
	return h;
}

/* A sum: the order of entries is nobody's business. */
static uint64_t digest_fields(const struct view *v)
{
	struct field_rec f;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->sb->tables[KIND_FIELD].hi; i++)
		if (field_copy(v, i, &f) == 0)
			sum += hash(f.addr, f.e.name, sizeof(f.e.name));
	return sum;
}

/* What a recovered lock or property is; its statistics are nobody's
 * business. */
static uint64_t digest_objects(const struct view *v)
{
	union {
		struct entry e;
		struct skirmish s;
		struct property p;
	} o;
	struct ref_sum ref;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < table_hi(v, KIND_SKIRMISH); i++)
		if (table_copy(v, KIND_SKIRMISH, i, &o) == 0)
			sum += hash((o.s.word & ~SKIRMISH_WAIT) + o.s.depth,
				    o.e.name, sizeof(o.e.name));
	for (uint32_t i = 0; i < table_hi(v, KIND_PROPERTY); i++)
		if (table_copy(v, KIND_PROPERTY, i, &o) == 0)
			sum += hash(o.p.word & ~PROPERTY_WAIT, o.e.name,
				    sizeof(o.e.name));
	for (uint32_t i = 0; i < table_hi(v, KIND_REF); i++)
		if (ref_copy(v, i, &o.e, &ref) == 0)
			sum += hash(ref.total + (ref.falls << 32) + ref.locker,
				    o.e.name, sizeof(o.e.name));
	return sum;
}

static uint64_t digest_slab(const struct view *v, const struct class_info *k,
			    uint32_t span, uint64_t h)
{
	const uint8_t *map = slab_map(v, k, span);

	for (uint32_t i = 0; i < k->n_blocks; i++)
		h = (h ^ !!map[i]) * K;
	return h;
}

static uint64_t digest_spans(const struct view *v, uint64_t h)
{
	struct class_info classes[HEAP_CLASSES];

	slab_classes(v, classes);
	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++) {
		uint64_t w = *span_word(v, i);

		/* Two ways of being free. */
		if (span_is_free(w))
			w = 0;
		h = hash(h, &w, 8);
		if (WORD_KIND(w) == SPAN_SLAB && WORD_CLASS(w) < HEAP_CLASSES)
			h = digest_slab(v, &classes[WORD_CLASS(w)], i, h);
	}
	return h;
}

uint64_t overlay_digest(const struct stage *s)
{
	const struct view *v = &s->view;
	const struct pool_rec *p;
	uint64_t h = digest_spans(v, digest_members(v, 1));

	for (uint32_t i = 1; (p = pool_at(v, i)); i++) {
		uint64_t w[2] = {p->state, p->state ? p->used : 0};

		h = hash(h, w, sizeof(w));
	}
	h = hash(h, stage_slots(s), LEDGER_SLOTS * 8);
	return h + digest_fields(v) + digest_objects(v) + object_digest(v);
}
