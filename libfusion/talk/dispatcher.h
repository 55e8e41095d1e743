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

#include "libfusion/base/spin.h"
#include "libfusion/talk/dispatch.h"

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
struct held {
	uint64_t pos;
	uint64_t number; /* 0: it is a record */
	struct held *next;
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
	uint64_t next;	   /* position of the record to look at */
	uint64_t released; /* all before it is the producers' again */
	struct held *held; /* innermost first */
	uint64_t numbers;  /* of what has begun and is no record */
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

/* The arena's, made when there is none: NULL and *ret_error. */
struct dispatcher *dispatcher_of(struct fusion_arena *arena, int *ret_error);
/* Handle a batch.  As many handlers as ran.  Turn is held. */
unsigned dispatch_run(struct dispatcher *d);
/* Nothing is there: flag that we sleep, at d->next.  False: something has come
 * meanwhile.  Turn is held. */
bool dispatch_arm(struct dispatcher *d);
/* Is there anything to do?  Turn is held. */
bool dispatch_is_there(const struct dispatcher *d);
/* Look for a while, with or without the turn; true: something is there. */
bool dispatch_spin(struct dispatcher *d);
/* Whoever sleeps looks again. */
void dispatch_rouse(struct dispatcher *d);
/* A sleep that nobody ended: look at what may have gone wrong. */
void dispatch_idle(struct dispatcher *d);
/* The calling thread takes the turn, and gives it back. */
void turn_take(struct dispatcher *d);
bool turn_try(struct dispatcher *d);
void turn_give(struct dispatcher *d);

/* Make it manual: no thread of ours dispatches any more.  0, -EDEADLK. */
int dispatch_by_hand(struct dispatcher *d);
void dispatch_fd_stop(struct dispatcher *d);
/* After dispatching: is the descriptor to be readable?  Turn is held. */
void dispatch_fd_update(struct dispatcher *d);

/* Handlers of what is no record begin, and end.  Turn is held, as for the
 * next. */
void dispatch_hold(struct dispatcher *d, struct held *ret);
void dispatch_unhold(struct dispatcher *d, struct held *mine);
/* All before this has been handled. */
uint64_t dispatch_done(const struct dispatcher *d);
/* And what is no record, if its number is less. */
bool dispatch_has_ended(const struct dispatcher *d, uint64_t before);
/* Has what @s waits for been handled? */
bool sync_is_over(struct dispatcher *d, struct syncer *s);
void sync_look(struct dispatcher *d);

/* dispatch_post.c.  As many as ran; turn is held. */
unsigned dispatch_run_posts(struct dispatcher *d);
bool dispatch_has_posts(const struct dispatcher *d);
/* The end: what was posted never runs, but cleanups do. */
void dispatch_drop_posts(struct dispatcher *d);

/* call_attend.c; turn is held.  Handle requests in slots that are attended to:
 * as many as ran. */
unsigned attend_run(struct dispatcher *d);
/* Is there one? */
bool attend_is_there(const struct dispatcher *d);
/* The serials of those there are, 0 none. */
void attend_note(const struct dispatcher *d, uint64_t *ret);
/* Is one of those that were noted still there? */
bool attend_has(const struct dispatcher *d, const uint64_t *noted);
/* No slot is attended to any more.  True: a request was just coming, and is
 * there. */
bool attend_close(struct dispatcher *d);
/* A request came from slot index @slot by the queue: attend to it, if there is
 * a place. */
void attend(struct dispatcher *d, uint32_t slot);

void message_receive(struct dispatcher *d, const struct dispatched *in);
void message_handlers_free(struct dispatcher *d);

#endif
