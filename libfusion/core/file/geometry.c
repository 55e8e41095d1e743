/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/file/geometry.h"

#include <errno.h>
#include <stdbool.h>

#include "libfusion/core/file/heap_layout.h"

#define PAGE 4096ull
#define HEAP_SPAN ((uint64_t)SPAN_SIZE)
#define MANY_SPAN (1ull << 30)

static uint64_t align_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

static uint32_t clamp(uint64_t x, uint32_t low, uint32_t high)
{
	if (x < low)
		return low;
	return x < high ? (uint32_t)x : high;
}

/* Say whether a table is large and has short chains: objects, each with a
 * reference, are found by id. */
static bool table_is_large(int kind)
{
	return kind == KIND_REF || kind == KIND_OBJECT;
}

/* Say how many records a table has: @things, @many if it is large, or a
 * sixteenth of @things for containers, most of which have no name. */
static uint32_t table_most(int kind, uint32_t things, uint32_t many)
{
	if (kind == KIND_HASH || kind == KIND_VECTOR || kind == KIND_LIST)
		return things / 16;
	return table_is_large(kind) ? many : things;
}

uint64_t geometry_bounds_size(uint32_t n_spans)
{
	return ((uint64_t)n_spans / SPAN_GROUP + 64) & ~63ull;
}

uint64_t geometry_words_size(uint32_t n_spans)
{
	return n_spans * sizeof(uint64_t) + geometry_bounds_size(n_spans) + 64 +
	       (uint64_t)geometry_pools(n_spans) * sizeof(struct pool_rec);
}

/* Compute the bytes of the descriptors of slabs. */
static uint64_t geometry_descs_size(uint32_t n_spans)
{
	return (uint64_t)n_spans * sizeof(struct slab_desc);
}

/* The bits are one for each object, and one for each word of those. */
uint64_t geometry_fallen_size(uint32_t max_objects)
{
	uint64_t words = (max_objects + 63) / 64;

	return (words + (words + 63) / 64) * sizeof(uint64_t);
}

static uint64_t table_place(struct table *t, uint64_t at, uint32_t max,
			    uint32_t stride, uint32_t a_bucket)
{
	t->max = max;
	t->stride = stride;
	t->n_buckets = clamp(max / a_bucket, 256, 1u << 17);
	t->off = align_up(at, PAGE);
	at = t->off + (uint64_t)max * stride;
	t->off_buckets = align_up(at, PAGE);
	return t->off_buckets + t->n_buckets * sizeof(uint32_t);
}

/* 4 GiB: 1024 members, 16383 threads, 1M fields, references and
 * objects, 16K named containers of each kind, 256K of each other kind.  16 MiB:
 * the same members, 2047 threads, 4096 fields, 2048 references and objects, 64
 * named containers of each kind, 1024 of each other kind. */
int geometry_init(struct geometry *geo, uint64_t span, uint32_t max_members)
{
	struct geometry g = {.span = span, .max_members = max_members};
	uint64_t at = sizeof(struct superblock);
	uint32_t many;

	if (span < SPAN_MIN || span > SPAN_MAX || (span & (span - 1)))
		return -EINVAL;
	if (max_members < 1 || max_members > MEMBERS_MAX)
		return -EINVAL;
	/* In a small span the tables must leave room for a heap. */
	if (max_members > span >> 14)
		return -EINVAL;

	/* A token has room for 2^16 thread slots, a ring header for 2^14. */
	g.max_threads = clamp(span >> 18, 2 * max_members, 16384);
	g.max_fields = clamp(span >> 12, 4096, 1u << 20);
	g.max_things = clamp(span >> 14, 1024, 1u << 18);
	/* In a small span, as many would leave no room for a heap. */
	many = clamp(span < MANY_SPAN ? span >> 13 : span >> 12, 1024,
		     1u << 20);
	/* Two members count each object, on average. */
	g.max_rows = clamp(span < MANY_SPAN ? span >> 12 : span >> 11, 4096,
			   1u << 21);
	g.n_spans = (uint32_t)(span / HEAP_SPAN);
	/* One for each thread, and half as many again for nested calls. */
	g.n_slots = g.max_threads + g.max_threads / 2;
	g.n_rings = clamp(span >> 16, 256, 1u << 16);
	g.ring_mem_size = span / 16;

	g.off_events = at;
	at = align_up(at + EVENTS * sizeof(struct event_rec), PAGE);
	/* No thread uses this page, and all before it has memory from the
	 * beginning (sparse.h). */
	g.off_guard = at;
	at += PAGE;
	g.off_members = at;
	at += (uint64_t)(max_members + 1) * sizeof(struct member_rec);
	g.off_threads = at = align_up(at, PAGE);
	at += (uint64_t)g.max_threads * sizeof(struct thread_rec);
	g.off_tables = align_up(at, PAGE);
	at = table_place(&g.tables[KIND_FIELD], at, g.max_fields,
			 sizeof(struct field_rec), 64);
	for (int kind = KIND_FIELD + 1; kind < N_KINDS; kind++)
		at = table_place(&g.tables[kind], at,
				 table_most(kind, g.max_things, many),
				 ENTRY_SIZE, table_is_large(kind) ? 8 : 64);
	g.off_fallen = at = align_up(at, PAGE);
	at += geometry_fallen_size(many);
	g.off_rows = at = align_up(at, PAGE);
	at += (uint64_t)g.max_rows * ROW_SIZE;
	g.off_slots = at = align_up(at, PAGE);
	at += (uint64_t)g.n_slots * SLOT_SIZE;
	g.off_rings = at = align_up(at, PAGE);
	at += (uint64_t)g.n_rings * RING_CTL_SIZE;
	g.off_ring_mem = at = align_up(at, PAGE);
	at += g.ring_mem_size;
	g.off_words = at = align_up(at, PAGE);
	at += geometry_words_size(g.n_spans);
	g.off_descs = at = align_up(at, PAGE);
	at += geometry_descs_size(g.n_spans);
	g.off_spans = at = align_up(at, HEAP_SPAN);
	if (at > span / 2)
		return -EINVAL;
	g.first_span = (uint32_t)(at / HEAP_SPAN);
	*geo = g;
	return 0;
}

int geometry_read(struct geometry *geo, const struct superblock *sb)
{
	struct geometry g;

	if (sb->magic != FUSION_MAGIC || sb->format != FUSION_FORMAT)
		return -EPROTO;
	if (geometry_init(&g, sb->span, sb->max_members) < 0)
		return -EIO;
	if (g.max_threads != sb->max_threads ||
	    g.max_fields != sb->max_fields || g.max_things != sb->max_things ||
	    g.n_spans != sb->n_spans || g.off_events != sb->off_events ||
	    g.off_members != sb->off_members ||
	    g.off_threads != sb->off_threads ||
	    g.off_tables != sb->off_tables || g.off_rows != sb->off_rows ||
	    g.n_slots != sb->n_slots || g.n_rings != sb->n_rings ||
	    g.off_slots != sb->off_slots || g.off_rings != sb->off_rings ||
	    g.off_ring_mem != sb->off_ring_mem ||
	    g.off_words != sb->off_words || g.off_descs != sb->off_descs ||
	    g.off_spans != sb->off_spans || g.off_fallen != sb->off_fallen)
		return -EIO;
	*geo = g;
	return 0;
}
