/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls inside a process: what its files share
 *
 * call.c has the objects, call_execute.c the caller's side, call_handler.c the
 * owner's, call_attend.c requests that come without a record, call_flush.c the
 * wakes of queued ones.
 */
#ifndef FUSION_CALLS_H
#define FUSION_CALLS_H

#include <fusion/call.h>

#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_here.h"
#include "libfusion/talk/dispatch.h"

#define CALL_BUCKETS 64
#define FLUSH_NS 500000LL /* a queued call waits no longer for its wake */
#define FLUSH_RINGS 32

/* The handler of a call that this process owns. */
struct call_handler {
	uint32_t index, id;
	fusion_call_fn fn;
	void *ctx;
	unsigned running; /* guarded by lock, like the list */
	bool removed;
	struct call_handler *next;
};

/* Of an arena, made with its first call. */
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

/* The arena's; NULL: no memory. */
struct calls *calls_of(struct fusion_arena *arena);
/* The process leaves. */
void calls_stop(struct fusion_arena *arena);
void calls_after_fork(struct fusion_arena *arena);

/* An execution as it is being handled; the public part first. */
struct serving {
	struct fusion_call_request request;
	uint32_t index, id; /* of the call */
	uint64_t serial;    /* 0: nobody waits, or nobody has asked for it */
	bool direct;	    /* the caller is who executes */
	bool oneway;
	int64_t since_ns; /* when it began */
	struct call_handler *handler;
	/* The answer, as far as there is one. */
	uint64_t word;
	size_t size;
	void *data; /* private, NULL: it is in bytes */
	unsigned char bytes[SLOT_INLINE];
};

/* Have the handler of sv->request execute it.  What it returned; -EIDRM there
 * is none.  Then call_ran(). */
int call_run(struct calls *calls, struct serving *sv);
void call_ran(struct calls *calls, struct serving *sv);
/* Execute a request that was in its slot, and answer. */
void call_receive_here(struct fusion_arena *arena, const struct call_here *h);
/* Answer sv->serial with what the handler replied, or with error @r. */
int call_answer_serving(struct fusion_arena *arena, struct serving *sv, int r);
void serving_finish(struct serving *sv);
/* Is the calling thread in a handler? */
bool call_in_handler(void);
/* Execute what the slot of @serial has; for who waits in a call. */
void call_run_upcall(struct fusion_arena *arena, uint64_t serial);
/* Where @size bytes of the request or answer in @s are; NULL: its block has not
 * so many, or is none. */
const void *call_bytes(struct fusion_arena *arena, const struct call_slot *s,
		       size_t size);
/* The slot that direct execution does without, until it is needed. */
int call_serving_slot(struct fusion_arena *arena, struct serving *sv);

/* Wake @owed soon; and now, all that are owed. */
void call_flush_later(struct calls *calls, const struct owed *owed);
void call_flush(struct fusion_arena *arena);

static inline const struct call *call_of_handle(const struct fusion_call *call)
{
	return (const struct call *)call;
}

#endif
