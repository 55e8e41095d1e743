/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of the functions that the program has subscribed to one thing
 *
 * A walk runs the functions of a list, in order.  It holds the slot whose
 * function runs, and no lock.  A thread that cancels a slot waits until no walk
 * holds it.  A handler does not wait: then the walk that holds the slot last
 * ends it.  A slot stays on its list until its destroy function has returned,
 * so the owner of the list knows when all are over.
 *
 * Invariant: a slot that is known (known.h) is on its list and not ended.
 */
#ifndef FUSION_SLOTS_H
#define FUSION_SLOTS_H

#include <pthread.h>

#include <fusion/slot.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/base/known.h"

struct slots {
	struct fusion_arena *arena;
	pthread_mutex_t *lock; /* guards the list and its slots */
	pthread_cond_t *changed;
	struct fusion_slot *first, **last;
	uint64_t serial; /* of the newest slot */
	/* NULL, or runs without the lock when the last slot was cancelled,
	 * unless the list was busy; it is busy then. */
	void (*emptied)(struct slots *list);
	bool busy; /* a thread is about to begin or end what it is about */
	bool on_any_thread; /* the functions are no handlers: see slots.c */
};

/* What the owner of a list subscribes. */
struct subscription {
	uint64_t key;	  /* which walks run it */
	uint64_t from;	  /* for the owner: since when */
	void (*fn)(void); /* the owner casts it back */
	void *ctx;
	fusion_destroy_fn destroy; /* NULL: nothing runs */
};

struct fusion_slot {
	struct known known; /* first */
	struct subscription is;
	struct slots *list;
	uint64_t serial;
	unsigned running; /* walks that hold it */
	bool ended;
	bool orphan; /* the last walk that holds it ends it */
	struct fusion_slot *next, **prev;
};

/* A walk over the slots of @key that were there when it began. */
struct slots_walk {
	struct slots *list;
	uint64_t key;
	uint64_t until;		/* serial; 0 it has not begun */
	struct fusion_slot *at; /* NULL: not begun, or over */
};

void slots_init(struct slots *list, struct fusion_arena *arena,
		pthread_mutex_t *lock, pthread_cond_t *changed);
/* Cancel all.  No walk runs, and none begins. */
void slots_finish(struct slots *list);
/* Make a slot that is on no list yet; free() undoes it.  NULL: no memory. */
struct fusion_slot *slots_new(const struct subscription *s);
/* Add @slot at the end of the list, whose lock is held, and store it at @ret
 * unless that is NULL: its function, which may run at once, finds it there. */
void slots_add(struct slots *list, struct fusion_slot *slot,
	       struct fusion_slot **ret);
/* Leave the slot of the walk and hold the next one.  NULL: the walk is over. */
struct fusion_slot *slots_next(struct slots_walk *walk);
/* Leave a slot, as a walk ends early or its function did not return. */
void slots_leave(struct fusion_slot *slot);
/* Cancel a slot that the caller's walk holds: its last walk ends it. */
void slots_cancel_held(struct fusion_slot *slot);
/* In the child of a fork: all slots were the parent's. */
void slots_after_fork(void);

#endif
