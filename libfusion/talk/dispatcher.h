/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dispatcher's data, which all its files share
 *
 * A dispatcher is the one consumer of a member's queue.  It runs the handlers
 * of messages and calls, the reactions, and what was posted, one at a time.
 *
 * Locks, in this order: turn, lock.  No thread waits for the turn with `lock`
 * held.  A thread holds the turn while it runs handlers (turn.h); no thread
 * holds it while the dispatcher sleeps.
 *
 * Of the library's threads one is active: it drains the queue and sleeps on it.
 * When its handler blocks, that thread steps down, and another thread, parked
 * or new, becomes active (dispatch_thread.c).
 */
#ifndef FUSION_DISPATCHER_H
#define FUSION_DISPATCHER_H

#include <fusion/dispatch.h>
#include <fusion/message.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/base/spin.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/talk/slots.h"

#define DISPATCH_BATCH 64 /* records a turn */
#define HANDLER_BUCKETS 64

enum dispatch_mode {
	DISPATCH_IDLE = 0, /* nothing has needed a thread yet */
	DISPATCH_THREAD = 1,
	DISPATCH_MANUAL = 2, /* FUSION_ENTER_MANUAL */
};

/* A function that was posted, or a cleanup. */
struct posted {
	void (*fn)(void *);
	void *ctx;
	struct posted *next;
};

/* Functions that wait to be run, in order. */
struct posts {
	struct posted *first, **last; /* guarded by the dispatcher's lock */
	uint32_t n;		      /* atomic */
};

/* A handler that has not ended.  It handles a record of the queue, whose cells
 * stay until it ends, or something else, which has a number instead.  This lies
 * on the stack of the thread that runs the handler; guarded by turn. */
struct handling {
	uint64_t pos;
	uint64_t number; /* 0: it is a record */
	struct handling *next;
	bool released; /* it has a copy: the cells may go */
};

/* A thread of the library. */
struct dispatch_thread {
	pthread_t thread;
	struct dispatcher *d;
	struct dispatch_thread *next;
};

/* A caller of fusion_arena_sync() (sync.c).  It waits until all records before
 * `until` are handled, and all requests that were HERE when it looked first. */
struct syncer {
	uint64_t until;
	bool looked;
	uint32_t done;		      /* atomic, futex */
	uint64_t here[RING_ATTENDED]; /* serials HERE at the first look */
	uint64_t begun; /* once those have begun: the next number; else 0 */
	struct syncer *next;
};

/* A slot in which this dispatcher looks for requests (core/talk/call_here.c).
 */
struct attended {
	uint32_t slot;	/* index + 1, 0 none */
	bool used;	/* since another slot last wanted this entry */
	bool begun;	/* `done` was begun here, and may be HERE yet */
	uint64_t done;	/* last serial that was handled */
	uint64_t taken; /* serial that was taken off, to be handled */
	uint64_t seen;	/* serial that waits for records before `due` */
	uint64_t due;
};

struct dispatcher {
	struct fusion_arena *arena;
	pthread_mutex_t turn; /* its holder runs handlers */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* active, mode, running: of lock */
	uint32_t wanted;	/* atomic: threads that wait for the turn */

	/* Guarded by turn. */
	struct dispatcher *outer; /* whose turn its thread took before */
	struct ring ring;
	uint64_t next;		   /* position of the next record */
	uint64_t released;	   /* producers may use the cells before it */
	struct handling *handling; /* innermost first */
	uint64_t numbers;	   /* given to handlings without a record */
	struct spinner spinner;
	int64_t busy_since_ns; /* when a producer was first found writing, or 0
				*/
	bool backlog;	       /* reactors have more */
	struct attended attended[RING_ATTENDED];
	unsigned attend_next; /* entry that the next new slot may get */

	uint64_t asleep_at; /* atomic: position + 1 where one may sleep */
	uint32_t stop;	    /* atomic */
	uint32_t n_syncers; /* atomic hint */

	/* Guarded by lock. */
	enum dispatch_mode mode;	/* atomic for threads without the lock.
					   MANUAL does not change */
	struct dispatch_thread *active; /* NULL: none, one is wanted */
	struct dispatch_thread *threads;
	unsigned n_parked;
	struct posts posts, cleanups;
	struct dispatch_job *jobs;
	uint32_t n_jobs; /* atomic */
	pthread_cond_t job_done;
	struct slots handlers[HANDLER_BUCKETS]; /* the key is the type */
	struct syncer *syncers;

	/* Of dispatch_fd.c. */
	pthread_t watcher;
	bool watching;	/* the watcher runs; guarded by turn */
	uint32_t watch; /* atomic, futex: 1 asleep_at is to be watched */
};

/* A record of the queue, as the function that handles it gets it; the turn is
 * held.  @head is a copy.  @data is the payload in the queue, or the slot of a
 * block (MSG_BLOCK); it is valid until the function returns or calls
 * dispatch_release(). */
struct dispatched {
	const struct msg_head *head;
	void *data;
};

/* Return the arena's dispatcher; NULL there is none yet. */
static inline struct dispatcher *dispatcher_existing(struct fusion_arena *arena)
{
	/* Acquire: pairs with the release in dispatcher_of(). */
	return load_acquire(&arena->dispatcher);
}

#endif
