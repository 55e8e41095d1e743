/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls inside a process: the types that its files share
 *
 *   call.c          creates, finds and destroys calls
 *   call_execute.c  the caller's side; call_wait.c waits, call_answer.c gives
 *   call_handler.c  the owner's side
 *   call_attend.c   requests that stay in their slots
 *   call_flush.c    wakes that are owed for queued calls
 */
#ifndef FUSION_CALL_PRIVATE_H
#define FUSION_CALL_PRIVATE_H

#include <fusion/call.h>

#include "libfusion/core/talk/call.h"
#include "libfusion/talk/dispatcher.h"

#define CALL_BUCKETS 64
#define FLUSH_NS 500000LL /* a queued call waits no longer for its wake */
#define FLUSH_RINGS 32

/* The handler of a call that this process owns.  A handler that was removed
 * while it runs is freed when the last run ends. */
struct call_handler {
	uint32_t index, id;
	fusion_call_fn fn;
	void *ctx;
	unsigned running; /* guarded by lock, like the list */
	bool removed;
	struct call_handler *next;
};

/* What the process keeps of the calls of an arena; made with the first one. */
struct calls {
	struct fusion_arena *arena;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* running, n_owed, stop: of lock */
	struct call_handler *handlers[CALL_BUCKETS];

	/* Guarded by lock. */
	struct owed owed[FLUSH_RINGS];
	uint32_t n_owed; /* atomic, as a hint */
	pthread_t flusher;
	bool flushing, stop;
};

/* Return the calls of the arena; NULL there are none yet. */
static inline struct calls *calls_existing(struct fusion_arena *arena)
{
	/* Acquire: pairs with the release in calls_of(). */
	return load_acquire(&arena->calls);
}

/* An execution as its owner handles it; the public part first. */
struct serving {
	struct fusion_call_request request;
	uint32_t index, id; /* of the call */
	uint64_t serial;    /* 0: nobody waits, or direct and without a slot */
	bool direct;	    /* the calling thread executes it */
	bool oneway;
	bool noted;	  /* the slot knows that it was begun */
	int failed;	  /* -errno: the handler did not run; 0 it did */
	int64_t since_ns; /* when it began */
	struct call_handler *handler;
	uint64_t outer; /* what the thread executed before */
	/* The answer, as far as there is one. */
	uint64_t word;
	size_t size;
	void *data; /* private, NULL: it is in bytes */
	unsigned char bytes[SLOT_INLINE];
};

#endif
