/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A view: one process' mapping of one arena
 *
 * All core code works on a view: in members, where it is mapped at
 * superblock.base, and in the daemon and in checkers, where it is mapped
 * anywhere.  `geo` is a private copy, verified once against what the span
 * implies.  Invariant: no position comes from memory that others can scribble
 * on.
 */
#ifndef FUSION_CORE_VIEW_H
#define FUSION_CORE_VIEW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/geometry.h"

/* State of life_lock() (life.h) in one view. */
struct life_gate {
	pthread_mutex_t mutex;	/* the threads of this process */
	uint32_t owner;		/* atomic: tid of the holder, 0 free */
	uint32_t depth;		/* holder only, like the rest */
	int cancel;		/* the holder's cancellation state before */
	struct thread_rec *rec; /* claimed for the time of the lock */
};

/* See view.patience_ns. */
#define NEVER_SLEEP (-1)

struct event_backlog;
struct view;

/*
 * Acts that core code decides on but does not do itself: it sends no signal and
 * asks the kernel for no thread.  The program that links core provides them. An
 * act that is NULL is not done; nor is any if the whole table is NULL.
 */
struct view_acts {
	/* Send @signal to the process of the member in @slot.  0, -errno. */
	int (*signal)(const struct view *v, uint32_t slot, int signal);
	/* Say whether thread @tid of the living member in @slot is gone.  false
	 * if in doubt. */
	bool (*thread_is_gone)(const struct view *v, uint32_t slot,
			       uint32_t tid);
	/* End this process: the arena is doomed, and this member with it. */
	void (*die)(const struct view *v);
};

/* Invariant: base, sb and geo do not change while the view is mapped. */
struct view {
	char *base;	       /* where this process sees the file */
	struct superblock *sb; /* == base */
	struct geometry geo;   /* private, verified */
	/*
	 * The backing file and the lock file, O_RDWR; -1 in tests of images.
	 * A program may close them, and get their numbers for files of its own.
	 * So view.c compares device and inode before each use.
	 */
	int fd, lockfd;
	uint64_t dev, ino, lock_dev, lock_ino; /* ino 0: not known */
	/* Get both descriptors anew, as they are lost; NULL if that cannot be.
	 * 0, -errno.  Called by any thread, with any core lock held. */
	int (*renew)(struct view *v);
	void *witness;	  /* page that keeps the lock (witness.h); NULL none */
	uint32_t slot;	  /* slot of this member; 0: undertaker */
	uint32_t fork_of; /* slot whose FORK_BYTE is locked by lockfd */
	struct thread_rec
		*rec; /* undertaker's and checkers' own record; members
		       * have one a thread instead (thread.h) */
	/* Longest wait for a core lock.  0: for ever (members); NEVER_SLEEP:
	 * the daemon, which tries and then does something else. */
	int64_t patience_ns;
	/* NEVER_SLEEP: the last lock that core_lock() gave up, as an offset,
	 * and the token of its owner; 0 none. */
	uint64_t met_at;
	uint32_t met;
	struct event_backlog *backlog; /* event.h: NEVER_SLEEP's, else NULL */
	const struct view_acts *acts;  /* NULL: none is done */
	struct life_gate gate;
};

/*
 * Map @fd exactly at @base, or anywhere if @base is NULL, and verify it.  @fd
 * is the lock file, too, until view_set_lock() names another. 0. -EPROTO, -EIO
 * as geometry_read().  -EEXIST @base is taken.  -ENOMEM.
 */
int view_map(struct view *v, int fd, void *base);
/* Map a file that is not formatted yet: v->geo says how large it is, and
 * nothing is verified.  0, -EEXIST, -ENOMEM. */
int view_map_at(struct view *v, int fd, void *base);
/* Unmap the arena.  Closes no descriptor. */
void view_unmap(struct view *v);
/* Use @fd as the lock file from now on.  0, -errno. */
int view_set_lock(struct view *v, int fd);
/*
 * Replace the descriptors that are lost by @fd and @lockfd, and close those
 * that are not needed.  One thread at a time.  0; -ESTALE they are descriptors
 * of other files, and stay the caller's.
 */
int view_replace(struct view *v, int fd, int lockfd);
/* Make sure that lockfd still is a descriptor of the lock file, or get it anew.
 * 0, also if there is no lock file; -EBADF it is lost. */
int view_own_lock(struct view *v);
/* Close both descriptors, but no file that the program has at their numbers. */
void view_close(struct view *v);

/*
 * Reserve memory of the tmpfs for [off, off + len), within the arena's limit.
 * The range is either not in use yet, but for pages shared at its edges, or
 * wholly reserved before; then nothing changes.
 * 0; also if fd is -1.
 * -ENOMEM the limit is reached, or the tmpfs is full.
 * -errno.
 */
int view_reserve(struct view *v, uint64_t off, uint64_t len);
/* Give the memory of [off, off + len), multiples of a page, back to the system.
 * 0, -errno. */
int view_punch(struct view *v, uint64_t off, uint64_t len);
/* Read how many bytes of memory the file has now, from its st_blocks. */
uint64_t view_used(const struct view *v);

/* Say whether @p points into the arena. */
static inline bool view_contains(const struct view *v, const void *p)
{
	return (uintptr_t)p - (uintptr_t)v->base < v->geo.span;
}

/* Convert an offset, which the caller has checked, to a pointer. */
static inline void *view_at(const struct view *v, uint64_t off)
{
	return v->base + off;
}

/* Say whether @size bytes at @off may be read.  For an offset that others
 * wrote: it may lie behind the end, or in the guarded page (sparse.h). */
static inline bool view_has(const struct view *v, uint64_t off, uint64_t size)
{
	return off <= v->geo.span && size <= v->geo.span - off &&
	       (off + size <= v->geo.off_guard || off >= v->geo.off_members);
}

/* Convert a pointer into the arena to an offset. */
static inline uint64_t view_off(const struct view *v, const void *p)
{
	return (uint64_t)((const char *)p - v->base);
}

/* Find the record of member slot @i. */
static inline struct member_rec *view_member(const struct view *v, uint32_t i)
{
	return (struct member_rec *)(v->base + v->geo.off_members) + i;
}

/* Find thread record @i. */
static inline struct thread_rec *view_thread(const struct view *v, uint32_t i)
{
	return (struct thread_rec *)(v->base + v->geo.off_threads) + i;
}

/* Find record @i of the table of @kind. */
static inline void *view_entry(const struct view *v, enum entry_kind kind,
			       uint32_t i)
{
	const struct table *t = &v->geo.tables[kind];

	return v->base + t->off + (uint64_t)i * t->stride;
}

/* Find record @i of the table of fields. */
static inline struct field_rec *view_field(const struct view *v, uint32_t i)
{
	return view_entry(v, KIND_FIELD, i);
}

/* Read a `hi` mark once, and clamp it: the bound for a scan.  A thread that
 * sees the mark must see that the records below it have memory.  Acquire: pairs
 * with the release of each mark: table_add(), thread_claim(), span_alloc() ...
 */
static inline uint32_t view_hi(const uint32_t *mark, uint32_t max)
{
	uint32_t hi = load_acquire(mark);

	return hi < max ? hi : max;
}

#endif
