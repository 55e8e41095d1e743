/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Call: something that one member executes for others
 *
 * The record says who.  Who wants an answer has a slot, with one state word:
 *
 *            caller             callee               callee
 *    IDLE ----------> POSTED -----------> RETURNING ---------> DONE, FAILED
 *      ^                |  |                   |                  |
 *      |  time-out,     |  +-- recovery, ------|---> FAILED ----->|
 *      +--seq + 1 ------+      destroy, cancel |                  |
 *      +-----------------------(ABANDONED)-----+                  |
 *      +------------------ seq + 1 -------------------------------+
 *
 * In RETURNING the word says whose slot of threads is at it; it alone writes
 * the answer, and if the caller has gone meanwhile (ABANDONED), it or its
 * recovery frees the slot.  Answers larger than the slot are a block that
 * slot.block names, a slot for malloc_to and free_from.
 *
 * The request is a record in the queue of the owner, MSG_CALL: head.a the call,
 * index << 32 | id; head.b the serial of the slot, 0 when nobody waits; payload
 * the word, then the bytes.  Or, if a thread of the owner waits further up the
 * chain of calls, the request is in the slot itself, and that thread's own slot
 * has UPCALL and names it.
 *
 * Killed:
 *   caller     POSTED, DONE, FAILED -> IDLE, blocks freed; RETURNING ABANDONED
 *   callee     its POSTED -> FAILED(EOWNERDEAD), wake
 *   thread that executes   the slots in thread_rec.exec, and in .parent of the
 *              slots it waits in: the same
 *   thread that returns    {RETURN, slot, seq} in thread_rec.call: RETURNING by
 *              it -> FAILED(EOWNERDEAD); and a wake that it may have owed
 */
#ifndef FUSION_CORE_CALL_H
#define FUSION_CORE_CALL_H

#include <errno.h>

#include "libfusion/core/message.h"
#include "libfusion/core/table.h"

#define CALL_QUOTAS 12
#define CALL_NO_LIMIT UINT32_MAX

struct call {
	struct entry e;
	uint32_t id;	     /* atomic: e.id, 0 once destroyed */
	uint32_t owner;	     /* member id, written once, as the next */
	uint32_t owner_slot; /* and its slot */
	uint32_t pad0;
	uint32_t seq;		   /* atomic, futex: an execution has ended */
	uint32_t waiters;	   /* atomic: on it, for a quota */
	struct core_lock lock;	   /* from counting to posting */
	uint64_t executed, failed; /* atomic, as are the next */
	uint64_t total_ns, max_ns;
	/* Atomic: member id (0 all others) << 32 | limit + 1; 0 free. */
	uint64_t quota[CALL_QUOTAS];
};
static_assert(sizeof(struct call) == OBJECT_SIZE, "ABI: bump FORMAT");

enum slot_state {
	SLOT_IDLE = 0,
	SLOT_POSTED = 1,
	SLOT_RETURNING = 2,
	SLOT_DONE = 3,
	SLOT_FAILED = 4, /* with SLOT_ERROR() */
};

/* Flags beside the state. */
#define SLOT_SLEEP 0x8u	   /* the caller sleeps on the low half */
#define SLOT_UPCALL 0x10u  /* and is to execute what slot.upcall names */
#define SLOT_VISITOR 0x20u /* the caller is the daemon: ring its bell */
#define SLOT_ABANDONED 0x40u
#define SLOT_ONEWAY 0x80u /* nobody waits; counted for a quota */
#define SLOT_FLAGS 0xf8u

#define SLOT_STATE(st) ((unsigned)(st)&7u)
#define SLOT_SEQ(st) ((uint32_t)((st) >> 32))
/* Upper half of the low word: errno of a FAILED one, or the thread slot of who
 * returns. */
#define SLOT_EXTRA(st) ((uint32_t)(st) >> 16)
#define SLOT_MAKE(seq, state, flags, extra)                                    \
	((uint64_t)(seq) << 32 | (uint32_t)(extra) << 16 | (uint32_t)(flags) | \
	 (uint32_t)(state))

#define SLOT_INLINE 48u

struct call_slot {
	uint64_t st;	/* atomic */
	uint64_t ret;	/* word of the answer; of an upcall's request, before */
	uint32_t len;	/* bytes of the same */
	uint32_t owner; /* atomic: token of the caller's thread */
	uint32_t callee_slot; /* from here on written before POSTED */
	uint32_t callee_id;
	uint32_t call; /* index + 1 */
	uint32_t call_id;
	uint32_t exec; /* hint, atomic: token of who executes it */
	uint32_t caller_id;
	uint64_t block;	   /* atomic: more bytes than fit */
	uint64_t since_ns; /* callee: when it began, CLOCK_MONOTONIC */

	uint64_t parent; /* atomic: serial that the caller was executing */
	uint64_t upcall; /* atomic: serial to execute while waiting */
	unsigned char bytes[SLOT_INLINE];
};
static_assert(sizeof(struct call_slot) == SLOT_SIZE, "ABI: bump FORMAT");

/* Never 0.  The slot is checked by who uses it. */
#define CALL_SERIAL(slot, seq) ((uint64_t)((slot) + 1) << 32 | (seq))
#define SERIAL_SLOT(serial) ((uint32_t)((serial) >> 32) - 1)
#define SERIAL_SEQ(serial) ((uint32_t)(serial))

/* thread_rec.call: kind = slot, a[0] = seq. */
enum call_op { CALL_OP_RETURN = 1, CALL_OP_DISPATCH = 2 /* reactor.h */ };

/* --- Visitors: for who must not sleep ------------------------------------- */

/* What has come back. */
struct call_answer {
	uint64_t word;
	const void *data; /* in shared memory: copy it, then call_end() */
	uint64_t size;
};

/*
 * Execute call @index (whose id is @id) for a visitor whose record is @me.
 * 0: posted, and the bell rings when call_poll() has something to say;
 * -EAGAIN the owner's queue is full, or its quota (for FUSION_ALL) is used up:
 * try again when anything happens; -EOWNERDEAD; -EIDRM; -EBUSY the visitor's
 * last call is not over; -ENOMEM; -EIO, -ETIMEDOUT.
 */
int call_post(struct view *v, struct thread_rec *me, uint32_t index,
	      uint32_t id, uint64_t word, const void *data, uint32_t size);
/* 0 and *ret, until call_end(); -EAGAIN not yet; -ENODATA there is no call; a
 * negative errno: it has failed and is over. */
int call_poll(struct view *v, struct thread_rec *me, struct call_answer *ret);
/* The answer has been used, or the visitor gives up. */
void call_end(struct view *v, struct thread_rec *me);

/* Executions that are pending, of member @caller or of all (CALL_ANYBODY). */
#define CALL_ANYBODY UINT32_MAX
uint32_t call_pending(const struct view *v, const struct call *c,
		      uint32_t caller);

void call_init(struct view *v, void *rec, const void *arg); /* kinds.c */
void call_fini(struct view *v, void *rec);

#endif
