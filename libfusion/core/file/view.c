/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/file/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/sparse.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/objects/object.h"

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

/* What is touched before anybody has reserved anything. */
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
		geo->off_fallen, object_map_size(geo->tables[KIND_OBJECT].max)};
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

/* A first member has a record, so has its thread, and so has what it makes: a
 * page or two for each kind; a queue, and a slab or two of the heap. */
#define FIRST_MEMBER (32 * PAGE + (8ull << SPAN_SHIFT))

uint64_t view_least(const struct geometry *geo)
{
	struct range early[N_EARLY];
	uint64_t least = FIRST_MEMBER + heap_early_size(geo);

	early_ranges(geo, early);
	for (unsigned i = 0; i < N_EARLY; i++)
		least += (early[i].len + 2 * PAGE - 1) & ~(PAGE - 1);
	/* A number that is easily typed. */
	return (least + (64 << 10) - 1) & ~((64ull << 10) - 1);
}

static int map_at(struct view *v, int fd, void *base)
{
	void *p;
	int r;

	r = sparse_map(base, v->geo.span, MAP_SHARED | MAP_NORESERVE, fd, &p);
	if (r < 0)
		return r == -EEXIST ? r : -ENOMEM;
	v->base = p;
	v->sb = p;
	sparse_guard(v->base + v->geo.off_guard);
	v->fd = fd;
	v->lockfd = fd;
	return 0;
}

int view_format(int fd, const struct arena_params *params)
{
	struct view v = {.fd = -1, .lockfd = -1};
	struct superblock sb;
	int r;

	r = geometry_init(&v.geo, params->span, params->max_members);
	if (r < 0)
		return r;
	if (ftruncate(fd, (off_t)v.geo.span) < 0)
		return -errno;
	r = map_at(&v, fd, NULL);
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
		r = heap_format(&v);
	if (!r)
		store_release(&v.sb->magic, FUSION_MAGIC);
	/* Out of memory here is a full file system, not an arena's limit. */
	if (r == -ENOMEM)
		r = -ENOSPC;
out:
	view_unmap(&v);
	return r;
}

int view_map(struct view *v, int fd, void *base)
{
	struct view new = {
		.fd = -1,
		.lockfd = -1,
		.gate = {.mutex = PTHREAD_MUTEX_INITIALIZER},
	};
	struct superblock sb;
	struct stat st;
	int r;

	if (pread(fd, &sb, sizeof(sb), 0) != (ssize_t)sizeof(sb))
		return -EIO;
	r = geometry_read(&new.geo, &sb);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < new.geo.span)
		return -EIO;
	r = map_at(&new, fd, base);
	if (r < 0)
		return r;
	new.dev = new.lock_dev = st.st_dev;
	new.ino = new.lock_ino = st.st_ino;
	*v = new;
	return 0;
}

void view_unmap(struct view *v)
{
	if (v->base)
		munmap(v->base, v->geo.span);
	v->base = NULL;
	v->sb = NULL;
}

/* --- Descriptors ---------------------------------------------------------- */

static bool is_file(int fd, uint64_t dev, uint64_t ino, struct stat *st)
{
	return fd >= 0 && fstat(fd, st) == 0 &&
	       (!ino || (st->st_dev == dev && st->st_ino == ino));
}

/* 0 and the backing file's data, if its descriptor still is ours; -EBADF. */
static int own_stat(const struct view *v, struct stat *st)
{
	return is_file(v->fd, v->dev, v->ino, st) ? 0 : -EBADF;
}

static int own_file(struct view *v, struct stat *st)
{
	if (own_stat(v, st) < 0 && v->renew && v->renew(v) < 0)
		return -EBADF;
	return own_stat(v, st);
}

int view_own_lock(struct view *v)
{
	struct stat st;

	if (v->lockfd < 0 && !v->renew)
		return 0;
	if (is_file(v->lockfd, v->lock_dev, v->lock_ino, &st))
		return 0;
	if (!v->renew || v->renew(v) < 0)
		return -EBADF;
	return is_file(v->lockfd, v->lock_dev, v->lock_ino, &st) ? 0 : -EBADF;
}

int view_set_lock(struct view *v, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	v->lockfd = fd;
	v->lock_dev = st.st_dev;
	v->lock_ino = st.st_ino;
	return 0;
}

/* One that is still there stays: a thread may hold the life lock by it. */
static void replace_lost(int *fd, uint64_t dev, uint64_t ino, int new)
{
	struct stat st;

	if (*fd == new)
		return; /* it has got the number of the lost one */
	if (is_file(*fd, dev, ino, &st))
		close(new);
	else
		*fd = new;
}

int view_replace(struct view *v, int fd, int lockfd)
{
	struct stat st;

	if (!is_file(fd, v->dev, v->ino, &st) ||
	    !is_file(lockfd, v->lock_dev, v->lock_ino, &st))
		return -ESTALE;
	replace_lost(&v->fd, v->dev, v->ino, fd);
	replace_lost(&v->lockfd, v->lock_dev, v->lock_ino, lockfd);
	return 0;
}

void view_close(struct view *v)
{
	struct stat st;

	if (v->lockfd != v->fd &&
	    is_file(v->lockfd, v->lock_dev, v->lock_ino, &st))
		close(v->lockfd);
	if (own_stat(v, &st) == 0)
		close(v->fd);
	v->fd = v->lockfd = -1;
}

uint64_t view_used(const struct view *v)
{
	struct stat st;

	if (own_stat(v, &st) < 0)
		return 0;
	return (uint64_t)st.st_blocks * 512;
}

static int allocate(const struct view *v, uint64_t off, uint64_t len)
{
	while (fallocate(v->fd, 0, (off_t)off, (off_t)len) < 0) {
		if (errno == EINTR)
			continue;
		return errno == ENOSPC ? -ENOMEM : -errno;
	}
	return 0;
}

/*
 * The limit is held by looking at what the file grew by: nobody can say
 * beforehand which pages of a range have memory (mincore and SEEK_HOLE do not
 * see memory that is promised but untouched).  What was too much is given
 * back, but never a page at the edge that a neighbour may have reserved.
 */
int view_reserve(struct view *v, uint64_t off, uint64_t len)
{
	uint64_t first = off & ~(PAGE - 1);
	uint64_t end = (off + len + PAGE - 1) & ~(PAGE - 1);
	uint64_t limit, before, after;
	struct stat st;
	int r;

	if (v->fd < 0 && !v->renew)
		return 0;
	r = own_file(v, &st);
	if (r < 0)
		return r;
	before = (uint64_t)st.st_blocks * 512;
	r = allocate(v, first, end - first);
	if (r < 0)
		return r;
	/* Relaxed: a bound that its owner changes while we look is met by the
	 * next reservation. */
	limit = load_relaxed(&v->sb->limit);
	after = view_used(v);
	if (!limit || after <= limit || after <= before)
		return 0;
	if (after - before != end - first) {
		first = (off + PAGE - 1) & ~(PAGE - 1);
		end = (off + len) & ~(PAGE - 1);
	}
	if (first < end)
		view_punch(v, first, end - first);
	return -ENOMEM;
}

int view_punch(struct view *v, uint64_t off, uint64_t len)
{
	struct stat st;
	int r;

	if (v->fd < 0 && !v->renew)
		return 0;
	r = own_file(v, &st);
	if (r < 0)
		return r;
	if (fallocate(v->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)off, (off_t)len) < 0)
		return -errno;
	return 0;
}
