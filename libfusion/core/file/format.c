/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/file/format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/heap_layout.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/file/view.h"

#define PAGE 4096ull

static void superblock_fill(struct superblock *sb, const struct geometry *geo,
			    const struct arena_params *params)
{
	*sb = (struct superblock){
		.format = FUSION_FORMAT,
		.max_members = geo->max_members,
		.base = params->base,
		.span = geo->span,
		.max_threads = geo->max_threads,
		.max_fields = geo->max_fields,
		.max_things = geo->max_things,
		.n_spans = geo->n_spans,
		.off_events = geo->off_events,
		.off_members = geo->off_members,
		.off_threads = geo->off_threads,
		.off_tables = geo->off_tables,
		.off_rows = geo->off_rows,
		.off_words = geo->off_words,
		.off_descs = geo->off_descs,
		.off_spans = geo->off_spans,
		.created_ns = (uint64_t)clock_realtime_ns(),
		.epoch = params->epoch,
		.version = FUSION_VERSION,
		.n_slots = geo->n_slots,
		.n_rings = geo->n_rings,
		.off_slots = geo->off_slots,
		.off_rings = geo->off_rings,
		.off_ring_mem = geo->off_ring_mem,
		.off_fallen = geo->off_fallen,
		.state = ARENA_EMPTY,
		.flags = params->flags,
		.next_id = 1,
		.on_master_death = params->on_master_death,
		.members_hi = 1,
		.threads_hi = THREAD_RESERVED + 1,
		.limit = params->limit,
		.next_entry = 1,
	};
	strncpy(sb->name, params->name, ARENA_NAME_MAX);
}

struct range {
	uint64_t off, len;
};
#define N_EARLY (5 + N_KINDS)

/* List the ranges that are read or written before a thread reserves anything.
 */
static void early_ranges(const struct geometry *geo, struct range ret[N_EARLY])
{
	unsigned n = 0;

	ret[n++] = (struct range){0, geo->off_guard};
	ret[n++] = (struct range){geo->off_members, sizeof(struct member_rec)};
	ret[n++] = (struct range){geo->off_threads,
				  (THREAD_RESERVED + 1) *
					  sizeof(struct thread_rec)};
	ret[n++] = (struct range){geo->off_slots,
				  (THREAD_RESERVED + 1) * SLOT_SIZE};
	ret[n++] = (struct range){
		geo->off_fallen,
		geometry_fallen_size(geo->tables[KIND_OBJECT].max)};
	for (int kind = 0; kind < N_KINDS; kind++)
		ret[n++] = (struct range){geo->tables[kind].off_buckets,
					  geo->tables[kind].n_buckets *
						  sizeof(uint32_t)};
}

static int reserve_tables(struct view *v)
{
	struct range early[N_EARLY];
	int r = 0;

	early_ranges(&v->geo, early);
	for (unsigned i = 0; !r && i < N_EARLY; i++)
		r = view_reserve(v, early[i].off, early[i].len);
	return r;
}

/* Bytes of heap tables that need memory from the beginning: a free of a wild
 * pointer reads the words below the heap, and a search for a free run reads all
 * bounds. */
static uint64_t heap_early_size(const struct geometry *geo)
{
	return geometry_bounds_size(geo->n_spans) +
	       geo->first_span * sizeof(uint64_t);
}

static int format_heap(struct view *v)
{
	struct heap_super *h = (struct heap_super *)v->sb->heap;
	uint64_t bounds = v->geo.off_words + v->geo.n_spans * sizeof(uint64_t);
	int r;

	h->span_hi = v->geo.first_span;
	h->reserved_hi = v->geo.first_span;
	r = view_reserve(v, bounds, geometry_bounds_size(v->geo.n_spans));
	return r ? r
		 : view_reserve(v, v->geo.off_words,
				v->geo.first_span * sizeof(uint64_t));
}

/* Bytes for a first member: its record, that of its thread, a page or two for
 * each kind of thing that it makes, a queue, a slab or two of the heap. */
#define FIRST_MEMBER (32 * PAGE + (8ull << SPAN_SHIFT))

uint64_t format_least(const struct geometry *geo)
{
	struct range early[N_EARLY];
	uint64_t least = FIRST_MEMBER + heap_early_size(geo);

	early_ranges(geo, early);
	for (unsigned i = 0; i < N_EARLY; i++)
		least += (early[i].len + 2 * PAGE - 1) & ~(PAGE - 1);
	/* Round to a number that is easily typed. */
	return (least + (64 << 10) - 1) & ~((64ull << 10) - 1);
}

int format_arena(int fd, const struct arena_params *params)
{
	struct view v = {.fd = -1, .lockfd = -1};
	struct superblock sb;
	int r;

	r = geometry_init(&v.geo, params->span, params->max_members);
	if (r < 0)
		return r;
	if (ftruncate(fd, (off_t)v.geo.span) < 0)
		return -errno;
	r = view_map_at(&v, fd, NULL);
	if (r < 0)
		return r;

	/* The first reservation needs no limit and must not read the hole
	 * where the limit will be. */
	if (fallocate(fd, 0, 0, sizeof(sb)) < 0) {
		r = errno == ENOSPC ? -ENOSPC : -errno;
		goto out;
	}
	superblock_fill(&sb, &v.geo, params);
	memcpy(v.sb, &sb, sizeof(sb));
	r = reserve_tables(&v);
	if (!r)
		r = format_heap(&v);
	if (!r)
		/* Release: a file that has the magic number must be whole, also
		 * for a reader that finds it while this process formats. */
		store_release(&v.sb->magic, FUSION_MAGIC);
	/* No limit is set yet, so -ENOMEM is a full file system. */
	if (r == -ENOMEM)
		r = -ENOSPC;
out:
	view_unmap(&v);
	return r;
}
