/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dispatcher inside: what its files share
 *
 * Locks, in this order: turn, lock.  Nobody waits for the turn with lock held.
 * `turn` is held while handlers run, and by nobody while the dispatcher sleeps.
 * One thread is active: it drains the queue and sleeps on it.  When its handler
 * blocks it steps down, and another thread, parked or new, is active.
 */
#ifndef FUSION_DISPATCHER_H
#define FUSION_DISPATCHER_H

#include <fusion/dispatch.h>
#include <fusion/message.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/base/spin.h"
#include "libfusion/core/talk/call.h"

#define DISPATCH_BATCH 64 /* records a turn */
#define HANDLER_BUCKETS 64

enum dispatch_mode {
	DISPATCH_IDLE = 0, /* nobody has asked for it yet */
	DISPATCH_THREAD = 1,
	DISPATCH_MANUAL = 2,
};

/* Handlers of a message type, message.c. */
struct handler {
	uint32_t type;
	fusion_message_fn fn;
	void *ctx;
	unsigned running; /* guarded by lock, like the list */
	bool removed;
	struct handler *next;
};

/* A function to run on the dispatcher, or a cleanup. */
struct posted {
	void (*fn)(void *);
	void *ctx;
	struct posted *next;
};

struct posts {
	struct posted *first, **last; /* guarded by the dispatcher's lock */
	uint32_t n;		      /* atomic */
};

/* A handler that has not ended: that of a record, whose cells are not given
 * back yet, or of what is no record and has a number instead.  On the handler's
 * stack; guarded by turn. */
struct handling {
	uint64_t pos;
	uint64_t number; /* 0: it is a record */
	struct handling *next;
	bool released;
};

struct dispatch_thread {
	pthread_t thread;
	struct dispatcher *d;
	bool ended; /* to be joined */
	struct dispatch_thread *next;
};

/* Waits until all before `until` is handled (sync.c), and what is HERE at the
 * first look. */
struct syncer {
	uint64_t until;
	bool looked, done;
	uint64_t here[RING_ATTENDED]; /* serials that have not begun, then */
	uint64_t begun; /* ... and have: all numbers below; 0 not yet */
	struct syncer *next;
};

/* A slot that is looked at for requests (core/call_here.c). */
struct attended {
	uint32_t slot;	/* index + 1, 0 none */
	bool used;	/* since somebody else last wanted its place */
	bool begun;	/* by us, and perhaps HERE yet: */
	uint64_t done;	/* the last serial that was dealt with */
	uint64_t taken; /* serial that is not HERE any more, still to do */
	uint64_t seen;	/* serial that waits for records before `due` */
	uint64_t due;
};

struct dispatcher {
	struct fusion_arena *arena;
	pthread_mutex_t turn;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* active, mode, running, done: of lock */
	uint32_t wanted;	/* atomic: threads that wait for the turn */

	/* Guarded by turn. */
	struct dispatcher *outer; /* that its thread has had for longer */
	struct ring ring;
	uint64_t next;		   /* position of the record to look at */
	uint64_t released;	   /* all before it is the producers' again */
	struct handling *handling; /* innermost first */
	uint64_t numbers;	   /* of what has begun and is no record */
	struct spinner spinner;
	int64_t busy_since_ns; /* a claim is being waited for, 0 none */
	bool backlog;	       /* reactors have more */
	struct attended attended[RING_ATTENDED];
	unsigned attend_next; /* whose place the next newcomer gets */

	uint64_t asleep_at; /* atomic: position + 1 where one may sleep */
	uint32_t stop;	    /* atomic */
	uint32_t n_syncers; /* atomic hint */

	/* Guarded by lock. */
	enum dispatch_mode mode;	/* atomic for who only looks */
	struct dispatch_thread *active; /* NULL: none, one is wanted */
	struct dispatch_thread *threads;
	unsigned n_parked;
	struct posts posts, cleanups;
	struct dispatch_job *jobs;
	uint32_t n_jobs;    /* atomic */
	uint32_t n_orphans; /* jobs that ended themselves and still run */
	pthread_cond_t job_done;
	struct handler *handlers[HANDLER_BUCKETS];
	struct syncer *syncers;

	/* Of dispatch_fd.c. */
	int fd;
	pthread_t watcher;
	bool watching;
	uint32_t watch; /* atomic, futex: 1 asleep_at is to be watched */
};

/* A record of the queue as its consumers get it, with the turn.  @head is a
 * copy, @data the payload in the queue (MSG_BLOCK: the slot); both are valid
 * until they return or call dispatch_release(). */
struct dispatched {
	const struct msg_head *head;
	void *data;
};

/* The arena's dispatcher, NULL none yet. */
static inline struct dispatcher *dispatcher_existing(struct fusion_arena *arena)
{
	/* Acquire: pairs with the release in dispatcher_of(). */
	return load_acquire(&arena->dispatcher);
}

#endif
