/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Visitors: open files by which a shell takes what members take by calls
 *
 * A lock on such a file is the lock itself, not one beside it.  For each file
 * that locks, the daemon has a thread record among its own: claimed at the
 * first lock, given back when the file is closed, and recovered with the
 * daemon's if that dies.  A request that has to wait is parked here, without a
 * thread and without a sleep, and tried again when a member that frees
 * something says so (FUSION_IOC_POKE) and, as a member may forget, by a clock.
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

/* What is wanted, or had. */
struct claim {
	uint32_t index, id; /* of the object */
	int how;	    /* the kind's own; 0: as flock(2) wants it */
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
	bool is_purchase; /* whoever has it can be held up */
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
	/* 0 taken; -EOWNERDEAD taken, from one who died; -EAGAIN not yet, and
	 * without claim->nowait it is a waiter now; else -errno. */
	int (*take)(struct view *v, struct thread_rec *me,
		    const struct claim *claim);
	/* Be no waiter any more.  Idempotent. */
	void (*give_up)(struct view *v, struct thread_rec *me,
			const struct claim *claim);
	/* Back to nobody, all levels. */
	void (*release)(struct view *v, struct thread_rec *me,
			const struct claim *claim);
	const struct lock_word *words; /* ends with a NULL */
};

/* An open file of a row with locks.  @may_lock: who opened it may write.  0,
 * -ENOENT, -EIO, -ENOMEM. */
int visitor_open(const struct node *n, struct fuse_req *req, bool may_lock,
		 struct visitor **ret);
/* Closed, by whatever end of who had it: what it holds is free. */
void visitor_close(struct visitor *vis);
/* Answer @req, now or later. */
void visitor_flock(struct visitor *vis, struct fuse_req *req, int op);
void visitor_write(struct visitor *vis, struct fuse_req *req, const char *text,
		   size_t size);

/* Something may be free: who can be answered now? */
void visitors_look(struct arena *a);
/* By the clock.  ns until the next look, -1 nobody waits. */
int64_t visitors_retry(void);
/* The record of a visitor called @tid that waits.  NULL: none does. */
const struct thread_rec *visitor_who_waits(const struct arena *a, uint32_t tid);
/* For whom the daemon has purchased property @index, @id; NULL nobody. */
const struct purchaser *visitor_purchaser(const struct arena *a, uint32_t index,
					  uint32_t id);
/* How many hold something, and how many requests wait. */
void visitors_count(const struct arena *a, unsigned *holding,
		    unsigned *waiting);
/* All who wait get this error. */
void visitors_fail(struct arena *a, int error);
/* This life of the arena is over, and its memory goes. */
void visitors_forget(struct arena *a, int error);

extern const struct arena_service visitors_service;

#endif
