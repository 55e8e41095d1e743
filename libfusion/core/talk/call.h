/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Call: a function that one member offers and that others have executed
 *
 * The record of a call names its owner.  A caller that wants an answer has a
 * slot, with one state word:
 *
 *            caller             callee               callee
 *    IDLE ----------> POSTED -----------> RETURNING ---------> DONE, FAILED
 *      ^                |  |                   |                  |
 *      |  time-out,     |  +-- recovery, ------|---> FAILED ----->|
 *      +--seq + 1 ------+      destroy, cancel |                  |
 *      +-----------------------(ABANDONED)-----+                  |
 *      +------------------ seq + 1 -------------------------------+
 *
 * DONE is an answer of the callee, also if that is an error: its status.
 * FAILED says that there is no answer, and why.
 *
 * In RETURNING the word names the record of the thread that returns.  That
 * thread alone writes the answer; if the caller has gone meanwhile (ABANDONED),
 * that thread or its recovery frees the slot.  An answer that is larger than
 * the slot is a block: slot.block is a slot for malloc_to and free_from.
 *
 * The request reaches the owner in one of three ways:
 *
 *   queue     a record MSG_CALL in the owner's queue: head.a is the call,
 *             index << 32 | id; head.b is the serial of the slot, 0 when nobody
 *             waits; the payload is the word, then the bytes
 *   upcall    if a thread of the owner waits further up the chain of calls,
 *             the request stays in the slot, and the slot in which that thread
 *             waits has UPCALL and names it (call_chain.h)
 *   HERE      if the owner's dispatcher attends to the slot, a small request
 *             stays in the slot, and no queue has it (call_here.h)
 *
 * Killed:
 *
 *   caller    its slots: POSTED, DONE, FAILED -> IDLE, blocks freed;
 *             RETURNING -> ABANDONED
 *   callee    the slots POSTED to it -> FAILED(ECONNRESET) if a thread has
 *             begun to execute the request, else FAILED(EHOSTDOWN); and a
 *             wake
 *
 *   executor  (a thread) the slot in thread_rec.exec, and those in .parent
 *             of the slots in which it waits -> FAILED(ECONNRESET).  If all
 *             of the callee is dead, recovery sets their .since_ns.
 *   returner  {RETURN, slot, seq} in thread_rec.call: if the slot is RETURNING
 *             by it -> FAILED(ECONNRESET); and the wake that it may have owed
 *
 * Begun: exec names the request from before its handler runs until the slot is
 * not POSTED any more, or .since_ns is not 0.  So a request that neither of
 * them tells of was not executed (call_gone_error()).
 *
 * Files: call.c is the record and its quotas, and call_slot.c takes and frees
 * slots. call_request.c posts requests, and call_return.c ends them.
 * call_chain.c follows calls within calls, and call_here.c has requests that
 * stay in their slots. call_visit.c is for visitors, call_recover.c for the
 * dead.
 */
#ifndef FUSION_CORE_CALL_H
#define FUSION_CORE_CALL_H

#include <errno.h>

#include "libfusion/core/names/table.h"
#include "libfusion/core/talk/message.h"

#define CALL_QUOTAS 12
#define CALL_NO_LIMIT UINT32_MAX
#define CALL_CHAIN_MAX 256 /* calls within calls that a walk follows */

/*
 * The record of a call.
 *
 * Invariants: owner and owner_slot never change. id is e.id until the call is
 * destroyed, and 0 afterwards; what is POSTED under that id fails then
 * (call_fini()).  The number of pending executions is not stored anywhere:
 * call_pending() counts slots.
 *
 * Dead owner: call_recover_member() fails the slots that are POSTED to the
 * member.  The lock guards nothing but the time from counting to posting, so it
 * is freed without a repair.
 */
struct call {
	struct entry e;
	uint32_t id;	     /* atomic: e.id, 0 once destroyed */
	uint32_t owner;	     /* member id, written once, as the next */
	uint32_t owner_slot; /* and its slot */
	uint16_t visitors;   /* atomic: a visitor waits, see bell.h */
	/* Atomic: there is or was a quota.  Each call reads this line; the
	 * numbers below it are the owner's to write. */
	uint16_t limited;
	uint32_t seq;	  /* atomic, futex: +1 when an execution has ended */
	uint32_t waiters; /* atomic: threads that wait on seq, for a quota */
	struct core_lock lock;	   /* held from counting to posting */
	uint64_t executed, failed; /* atomic, as are the next */
	uint64_t total_ns, max_ns;
	/* Atomic: member id (0 all others) << 32 | limit + 1; 0 free. */
	uint64_t quota[CALL_QUOTAS];
};
static_assert(sizeof(struct call) == ENTRY_SIZE, "ABI: bump FORMAT");

enum slot_state {
	SLOT_IDLE = 0,	    /* no request */
	SLOT_POSTED = 1,    /* pending: nobody has begun to answer */
	SLOT_RETURNING = 2, /* thread SLOT_EXTRA() writes the answer */
	SLOT_DONE = 3,	    /* the answer is there: SLOT_EXTRA() is its status,
				0 or an errno */
	SLOT_FAILED = 4,    /* there is none: SLOT_EXTRA() is the errno */
};

/* Flags beside the state. */
#define SLOT_SLEEP 0x8u	   /* the caller sleeps on the low half */
#define SLOT_UPCALL 0x10u  /* the caller is to execute slot.upcall */
#define SLOT_VISITOR 0x20u /* the caller is the daemon: ring the bell */
#define SLOT_ABANDONED 0x40u
#define SLOT_ONEWAY 0x80u  /* nobody waits; it counts for a quota */
#define SLOT_LENT 0x100u   /* a thread further down has borrowed a skirmish */
#define SLOT_CLOSED 0x200u /* nobody may borrow: it is given up */
#define SLOT_HERE 0x400u   /* the request is in the slot, and in no queue */
#define SLOT_FLAGS 0x7f8u

#define SLOT_STATE(st) ((unsigned)(st)&7u)
#define SLOT_SEQ(st) ((uint32_t)((st) >> 32))
/* Upper half of the low word: the errno of a DONE or FAILED slot, or the record
 * index of the thread that returns. */
#define SLOT_EXTRA(st) ((uint32_t)(st) >> 16)
#define SLOT_MAKE(seq, state, flags, extra)                                    \
	((uint64_t)(seq) << 32 | (uint32_t)(extra) << 16 | (uint32_t)(flags) | \
	 (uint32_t)(state))

#define SLOT_INLINE 48u

/*
 * A slot, in which a caller waits: two cache lines, so that a small request and
 * its answer travel with the state word.
 *
 * Invariants: seq goes up from request to request, so a serial names one of
 * them.  From POSTED on callee and call do not change until the caller has used
 * the answer. ret, len, bytes and block are the caller's before POSTED, and
 * those of the returning thread in RETURNING.
 *
 * Dead owner: call_recover() frees the slots of a dead thread, or abandons them
 * to the thread that returns.
 */
struct call_slot {
	uint64_t st;  /* atomic */
	uint64_t ret; /* word of the answer; before that, of an upcall's or HERE
			 request */
	uint32_t len; /* bytes that belong to the word */
	uint32_t owner;	      /* atomic: token of the caller's thread */
	uint32_t callee_slot; /* from here on written before POSTED */
	uint32_t callee_id;
	uint32_t call; /* index + 1 */
	uint32_t call_id;
	uint32_t pad0;
	uint32_t caller_id;
	uint64_t block; /* atomic: the block, if the bytes do not fit */
	/* Atomic.  Callee, or its recovery: when it began, CLOCK_MONOTONIC, for
	 * a call that is returned later; 0: it may not have begun. */
	uint64_t since_ns;

	uint64_t parent; /* atomic: serial of what the caller was executing */
	uint64_t upcall; /* atomic: serial to execute while waiting */
	unsigned char bytes[SLOT_INLINE];
};
static_assert(sizeof(struct call_slot) == SLOT_SIZE, "ABI: bump FORMAT");

/* Never 0.  Its users check that there is such a slot. */
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
	/* A thread reads its own pair exactly: call_enter() stores exec last.
	 * Of another thread the pair may be torn, and is only a hint.  Acquire:
	 * exec_seq is read behind exec. */
	uint32_t exec = load_acquire(&t->exec);

	return exec ? (uint64_t)exec << 32 | load_relaxed(&t->exec_seq) : 0;
}

/* The serial of a request that is HERE in the slot of index @slot, 0 none. */
static inline uint64_t call_here(const struct view *v, uint32_t slot)
{
	/* Acquire: pairs with the release in post_slot().  The owner must see
	 * the request once it sees POSTED. */
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
