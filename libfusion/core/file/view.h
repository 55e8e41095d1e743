/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A view: one process' mapping of one arena
 *
 * All core code works on a view, in members (mapped at superblock.base), in
 * the daemon and in checkers (mapped anywhere, read with the same distrust).
 * `geo` is a private copy, verified once against what the span implies, so
 * that no position is ever taken from memory that others can scribble on.
 */
#ifndef FUSION_CORE_VIEW_H
#define FUSION_CORE_VIEW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/geometry.h"

/* What life_lock() (life.h) keeps of a view. */
struct life_gate {
	pthread_mutex_t mutex;	/* the threads of this process */
	uint32_t owner;		/* atomic: tid of who has it, 0 free */
	uint32_t depth;		/* owner only, like the rest */
	int cancel;		/* its cancellation state before */
	struct thread_rec *rec; /* claimed for the time of the lock */
};

/* See view.patience_ns. */
#define NEVER_SLEEP (-1)

struct event_backlog;
struct view;

/*
 * What core code decides and cannot do: it sends no signal and asks the kernel
 * for no thread.  Whoever links it says how; what is NULL in the table, or the
 * whole table, is not done.
 */
struct view_acts {
	/* Send @signal to the process of the member in @slot.  0, -errno. */
	int (*signal)(const struct view *v, uint32_t slot, int signal);
	/* Is thread @tid of the member in @slot, who lives, gone?  If in doubt:
	 * no. */
	bool (*thread_is_gone)(const struct view *v, uint32_t slot,
			       uint32_t tid);
	/* The arena is doomed, and this member with it. */
	void (*die)(const struct view *v);
};

struct view {
	char *base;	       /* where this process sees the file */
	struct superblock *sb; /* == base */
	struct geometry geo;   /* private, verified */
	/*
	 * The backing file and the lock file, O_RDWR; -1 in tests of images.
	 * A program may close them and get their numbers for files of its own:
	 * view.c compares device and inode before each use.
	 */
	int fd, lockfd;
	uint64_t dev, ino, lock_dev, lock_ino; /* ino 0: not known */
	/* Get both descriptors anew, as they are lost; NULL nobody can.  0,
	 * -errno.  Any thread, with any of our locks held. */
	int (*renew)(struct view *v);
	void *witness;	  /* keeps the witness' lock (witness.h); NULL none */
	uint32_t slot;	  /* my member slot; 0: undertaker */
	uint32_t fork_of; /* slot whose FORK_BYTE is locked by lockfd */
	struct thread_rec
		*rec; /* undertaker's and checkers' own record; members
		       * have one a thread instead (thread.h) */
	/* Longest wait for a core lock.  0: for ever (members); NEVER_SLEEP:
	 * the daemon, which tries and then does something else. */
	int64_t patience_ns;
	/* NEVER_SLEEP: the lock that was last in the way, as an offset, and the
	 * token of its owner; 0 none. */
	uint64_t met_at;
	uint32_t met;
	struct event_backlog *backlog; /* event.h: NEVER_SLEEP's, else NULL */
	const struct view_acts *acts;  /* NULL: of this view nobody acts */
	struct life_gate gate;
};

/* Map @fd at @base (MAP_FIXED_NOREPLACE) or anywhere (NULL) and verify.  @fd
 * is the lock file, too, until view_set_lock() names another.
 * 0; -EPROTO, -EIO as geometry_read(); -EEXIST @base is taken; -ENOMEM. */
int view_map(struct view *v, int fd, void *base);
/* The same for a file whose content makes no sense yet: v->geo says how large
 * it is, and nothing is verified. */
int view_map_at(struct view *v, int fd, void *base);
void view_unmap(struct view *v); /* closes no descriptor */
/* @fd is the lock file from now on.  0, -errno. */
int view_set_lock(struct view *v, int fd);
/* @fd and @lockfd take the place of the descriptors that are lost; those that
 * are not needed are closed.  0; -ESTALE they are of other files, and stay the
 * caller's.  One thread at a time. */
int view_replace(struct view *v, int fd, int lockfd);
/* Make sure that lockfd still is of the lock file, or get it anew.  0 (also if
 * there is none); -EBADF it is lost. */
int view_own_lock(struct view *v);
/* Close both descriptors, but not what the program has at their numbers. */
void view_close(struct view *v);

/* Have tmpfs promise memory for [off, off + len), within the arena's limit.
 * The range is either not in use yet (but for pages shared at its edges) or
 * wholly reserved before, which is then confirmed.  0, -ENOMEM (limit or tmpfs
 * full), -errno.  With fd -1: 0. */
int view_reserve(struct view *v, uint64_t off, uint64_t len);
/* Give memory of [off, off + len), page multiples, back to the system. */
int view_punch(struct view *v, uint64_t off, uint64_t len);
/* Memory the file has now, bytes; st_blocks says, nobody counts. */
uint64_t view_used(const struct view *v);

static inline bool view_contains(const struct view *v, const void *p)
{
	return (uintptr_t)p - (uintptr_t)v->base < v->geo.span;
}

static inline void *view_at(const struct view *v, uint64_t off)
{
	return v->base + off;
}

/* Is there memory that may be looked at?  For an offset that others wrote: it
 * may lie behind the end, or in the page that nobody may touch (sparse.h). */
static inline bool view_has(const struct view *v, uint64_t off, uint64_t size)
{
	return off <= v->geo.span && size <= v->geo.span - off &&
	       (off + size <= v->geo.off_guard || off >= v->geo.off_members);
}

static inline uint64_t view_off(const struct view *v, const void *p)
{
	return (uint64_t)((const char *)p - v->base);
}

static inline struct member_rec *view_member(const struct view *v, uint32_t i)
{
	return (struct member_rec *)(v->base + v->geo.off_members) + i;
}

static inline struct thread_rec *view_thread(const struct view *v, uint32_t i)
{
	return (struct thread_rec *)(v->base + v->geo.off_threads) + i;
}

/* Record @i of the table of @kind. */
static inline void *view_entry(const struct view *v, enum entry_kind kind,
			       uint32_t i)
{
	const struct table *t = &v->geo.tables[kind];

	return v->base + t->off + (uint64_t)i * t->stride;
}

static inline struct field_rec *view_field(const struct view *v, uint32_t i)
{
	return view_entry(v, KIND_FIELD, i);
}

/* The `hi` marks, copied once and clamped: bounds for every scan. */
static inline uint32_t view_hi(const uint32_t *mark, uint32_t max)
{
	uint32_t hi = load_acquire(mark);

	return hi < max ? hi : max;
}

#endif
