/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Visitors: open files by which a shell takes what members take by calls
 *
 * A lock on such a file is the lock itself, not one beside it.  For each file
 * that locks, the daemon has a thread record among its own: claimed at the
 * first lock, given back when the file is closed, and recovered with the
 * daemon's if that dies.  A request that has to wait is parked, without a
 * thread and without a sleep.  It is tried again when a member that frees
 * something says so (FUSION_IOC_POKE), and by a clock, as a member may forget.
 */
#ifndef FUSIONFS_VISITORS_H
#define FUSIONFS_VISITORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fusionfs/base/process.h"

struct arena;
struct fuse_req;
struct node;
struct thread_rec;
struct view;
struct visitor;

/* A lock that is wanted, or held. */
struct claim {
	uint32_t index, id; /* of the entry */
	int how;	    /* the kind's own way; 0: as by flock(2) */
	bool nowait;
	unsigned levels; /* held already */
};

/* Something written to the file. */
struct lock_word {
	const char *word;
	int how; /* a claim of this kind, if there is no act() */
	int (*act)(struct view *v, struct thread_rec *me,
		   const struct claim *claim);
	bool is_back;	  /* act() gives a level back */
	bool is_purchase; /* the owner can be held up */
};

/* The process that opened a file and has had a property purchased for it. */
struct purchaser {
	pid_t pid; /* 0: it is not to be seen from here, or has gone */
	uid_t uid; /* when it opened the file */
	struct process_mark mark; /* when it purchased */
};

/* How files of a kind are locked.  All run under the guard; @me is the
 * visitor's.  None of them waits. */
struct lock_ops {
	/* Try to take it.  0; -EOWNERDEAD it is taken, from an owner that died;
	 * -EAGAIN not yet, and without claim->nowait @me waits now; -errno. */
	int (*take)(struct view *v, struct thread_rec *me,
		    const struct claim *claim);
	/* Stop waiting.  Idempotent. */
	void (*give_up)(struct view *v, struct thread_rec *me,
			const struct claim *claim);
	/* Give all levels back. */
	void (*release)(struct view *v, struct thread_rec *me,
			const struct claim *claim);
	const struct lock_word *words; /* ends with a NULL */
};

/* Open a file of a row with locks.  @may_lock: the process that opens it may
 * write.  0, -ENOENT, -EIO, -ENOMEM. */
int visitor_open(const struct node *n, struct fuse_req *req, bool may_lock,
		 struct visitor **ret);
/* Close the file and free what it holds, however its last process ended. */
void visitor_close(struct visitor *vis);
/* Answer @req, now or later. */
void visitor_flock(struct visitor *vis, struct fuse_req *req, int op);
void visitor_write(struct visitor *vis, struct fuse_req *req, const char *text,
		   size_t size);

/* Try the requests that wait again: something may be free. */
void visitors_look(struct arena *a);
/* Try them by the clock.  Returns ns until the next look, -1: none waits. */
int64_t visitors_retry(void);
/* Find the thread record of a visitor called @tid that waits.  NULL: none. */
const struct thread_rec *visitor_who_waits(const struct arena *a, uint32_t tid);
/* Find the process for which the daemon has purchased property @index, @id.
 * NULL: none. */
const struct purchaser *visitor_purchaser(const struct arena *a, uint32_t index,
					  uint32_t id);
/* Count the visitors that hold something, and the requests that wait. */
void visitors_count(const struct arena *a, unsigned *holding,
		    unsigned *waiting);

extern const struct arena_service visitors_service;

#endif
