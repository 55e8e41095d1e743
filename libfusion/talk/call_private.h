/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls inside a process: what its files share
 *
 * call.c has the objects, call_execute.c the caller's side, call_handler.c the
 * owner's, call_attend.c requests that come without a record, call_flush.c the
 * wakes of queued ones.
 */
#ifndef FUSION_CALL_PRIVATE_H
#define FUSION_CALL_PRIVATE_H

#include <fusion/call.h>

#include "libfusion/core/talk/call.h"
#include "libfusion/talk/dispatcher.h"

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

#endif
