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
 * has UPCALL and names it.  Or the owner's dispatcher, as long as it is looking
 * for work, attends to the slots of its last callers, which ring_ctl.attended
 * names: then a small request is in the slot, which is HERE, and in no queue.
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

#include "libfusion/core/names/table.h"
#include "libfusion/core/talk/message.h"

#define CALL_QUOTAS 12
#define CALL_NO_LIMIT UINT32_MAX
#define CALL_CHAIN_MAX 256 /* calls within calls that are looked at */

struct call {
	struct entry e;
	uint32_t id;	     /* atomic: e.id, 0 once destroyed */
	uint32_t owner;	     /* member id, written once, as the next */
	uint32_t owner_slot; /* and its slot */
	uint16_t visitors;   /* atomic: wait for a quota, see bell.h */
	/* Atomic: there is or was a quota.  Callers look at this line for each
	 * call; the numbers below are the owner's to write. */
	uint16_t limited;
	uint32_t seq;		   /* atomic, futex: an execution has ended */
	uint32_t waiters;	   /* atomic: on it, for a quota */
	struct core_lock lock;	   /* from counting to posting */
	uint64_t executed, failed; /* atomic, as are the next */
	uint64_t total_ns, max_ns;
	/* Atomic: member id (0 all others) << 32 | limit + 1; 0 free. */
	uint64_t quota[CALL_QUOTAS];
};
static_assert(sizeof(struct call) == ENTRY_SIZE, "ABI: bump FORMAT");

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
#define SLOT_ONEWAY 0x80u  /* nobody waits; counted for a quota */
#define SLOT_LENT 0x100u   /* somebody below has borrowed a skirmish */
#define SLOT_CLOSED 0x200u /* and nobody may any more: it is given up */
#define SLOT_HERE 0x400u   /* the request is here, and in no queue */
#define SLOT_FLAGS 0x7f8u

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
	uint64_t ret;	/* word of the answer; of the request, before, if it is
			   an upcall's or HERE */
	uint32_t len;	/* bytes of the same */
	uint32_t owner; /* atomic: token of the caller's thread */
	uint32_t callee_slot; /* from here on written before POSTED */
	uint32_t callee_id;
	uint32_t call; /* index + 1 */
	uint32_t call_id;
	uint32_t pad0;
	uint32_t caller_id;
	uint64_t block; /* atomic: more bytes than fit */
	/* Callee: when it began, CLOCK_MONOTONIC, if it is returned later. */
	uint64_t since_ns;

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
enum call_op {
	CALL_OP_RETURN = 1,
	CALL_OP_DISPATCH = 2, /* reactor.h, as is the next */
	CALL_OP_DESTROY = 3,
};

/* Argument of call_init(). */
struct call_owner {
	uint32_t id, slot;
};

static inline struct call_slot *call_slot_at(const struct view *v, uint32_t i)
{
	return (struct call_slot *)(v->base + v->geo.off_slots) + i;
}

static inline uint32_t call_slot_index(const struct view *v,
				       const struct call_slot *s)
{
	return (uint32_t)(s - call_slot_at(v, 0));
}

static inline uint32_t call_index(const struct view *v, const struct call *c)
{
	return (uint32_t)((view_off(v, c) - v->geo.tables[KIND_CALL].off) /
			  ENTRY_SIZE);
}

/* The call that the slot's request is for; NULL it names none. */
static inline struct call *call_of_slot(const struct view *v,
					const struct call_slot *s)
{
	uint32_t i = load_relaxed(&s->call);

	return i && i <= table_hi(v, KIND_CALL)
		       ? view_entry(v, KIND_CALL, i - 1)
		       : NULL;
}

/* What @t executes, 0 nothing. */
static inline uint64_t call_executes(const struct thread_rec *t)
{
	uint32_t exec = load_acquire(&t->exec);

	return exec ? (uint64_t)exec << 32 | load_relaxed(&t->exec_seq) : 0;
}

/* The serial of a request that is HERE in the slot of index @slot, 0 none. */
static inline uint64_t call_here(const struct view *v, uint32_t slot)
{
	/* Acquire: pairs with the release in post(). */
	uint64_t st = load_acquire(&call_slot_at(v, slot)->st);

	return st & SLOT_HERE && SLOT_STATE(st) == SLOT_POSTED
		       ? CALL_SERIAL(slot, SLOT_SEQ(st))
		       : 0;
}

/* Rows of kinds.c. */
void call_init(struct view *v, void *rec, const void *arg);
void call_fini(struct view *v, void *rec);

/* Count an execution that has ended, and how long it took since @since_ns. */
void call_count(struct call *c, bool failed);
void call_count_time(struct call *c, int64_t since_ns);

/* Count the pending executions for member @caller, or for CALL_ANYBODY. */
#define CALL_ANYBODY UINT32_MAX
uint32_t call_pending(const struct view *v, const struct call *c,
		      uint32_t caller);
/* Find how many executions @caller may have pending. */
uint32_t call_limit(const struct call *c, uint32_t caller);
/* Set the limit of @member, 0 for all others.  0; -ENOSPC all CALL_QUOTAS are
 * in use; -ETIMEDOUT. */
int call_set_limit(struct view *v, struct thread_rec *me, struct call *c,
		   uint32_t member, uint32_t limit);
/* Have the callers that wait for a quota look again, after something pending
 * has ended.  Contains a full fence. */
void call_ended(struct view *v, struct call *c);

#endif
