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

/* --- Visitors: for who must not sleep ------------------------------------- */

/* What has come back. */
struct call_answer {
	uint64_t word;
	const void *data; /* in shared memory: copy it, then call_end() */
	uint64_t size;
};

/* Executions that are pending, of member @caller or of all (CALL_ANYBODY). */
#define CALL_ANYBODY UINT32_MAX
uint32_t call_pending(const struct view *v, const struct call *c,
		      uint32_t caller);

/* --- Slots ---------------------------------------------------------------- */

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

/* The call that it is about, NULL it names none. */
struct call *call_of_slot(const struct view *v, const struct call_slot *s);

/* What a caller wants. */
struct call_request {
	struct call *call;
	uint32_t id;	 /* as it was seen */
	uint32_t caller; /* member id, 0 a visitor */
	uint32_t flags;	 /* SLOT_VISITOR, SLOT_ONEWAY */
	uint64_t word;
	uint32_t size;	/* bytes that follow it */
	bool unlimited; /* no quota counts */
};

/*
 * Take a slot and post it: from now on the execution is pending, and nobody
 * knows of it yet.  0; -EDQUOT over the quota; -EAGAIN no slot; -EIDRM
 * destroyed; -EOWNERDEAD its owner is not there; -ENOMEM; -ETIMEDOUT.
 */
int call_begin(struct view *v, struct thread_rec *me,
	       const struct call_request *rq, struct call_slot **ret);
/*
 * The same for a request that may be HERE, with its rq->size bytes @in: 1 and
 * it is, or somebody has seen to it already.
 */
int call_begin_here(struct view *v, struct thread_rec *me,
		    const struct call_request *rq, const void *in,
		    struct call_slot **ret);
/*
 * Bring the request to the owner.  @data: the word and then the bytes; NULL:
 * me->msg_block has them (and keeps them if this fails).  @serial 0: nobody
 * waits.  As message_post(), but -EOWNERDEAD for -ESRCH.
 */
int call_message(struct view *v, struct thread_rec *me,
		 const struct call_request *rq, uint64_t serial,
		 const void *data, struct owed *owed);
/* call_message() has failed: as if it had never been posted. */
void call_drop(struct view *v, struct thread_rec *me, struct call_slot *s);
/* A posted one is not wanted any more: idle, if nobody is at it (and there is
 * no upcall).  Else what it is now.  *st is the state as it was seen. */
bool call_withdraw(struct view *v, struct thread_rec *me, struct call_slot *s,
		   uint64_t *st);
/* The caller goes while somebody returns: who does that frees the slot. */
bool call_abandon(struct call_slot *s, uint64_t *st);

/* --- Executing ------------------------------------------------------------ */

/* Does anybody wait for @serial? */
bool call_is_wanted(const struct view *v, uint64_t serial);
/* What the thread executes from now on, 0 nothing.  What it did before. */
uint64_t call_enter(struct thread_rec *me, uint64_t serial);

/*
 * The answer to @serial is the caller's alone to write: s->ret, len, bytes and
 * block (free what is in it), then call_return_end(), @error 0 or an errno.
 * 0; -ECANCELED nobody waits any more, -EIDRM the call is destroyed; -EINVAL.
 */
int call_return_begin(struct view *v, struct thread_rec *me, uint64_t serial,
		      struct call_slot **ret);
void call_return_end(struct view *v, struct thread_rec *me, struct call_slot *s,
		     int error);

/* --- Requests that are HERE ----------------------------------------------- */

/* The serial of a request in the slot of index @slot, 0 none. */
static inline uint64_t call_here(const struct view *v, uint32_t slot)
{
	/* Acquire: pairs with the release in post(). */
	uint64_t st = load_acquire(&call_slot_at(v, slot)->st);

	return st & SLOT_HERE && SLOT_STATE(st) == SLOT_POSTED
		       ? CALL_SERIAL(slot, SLOT_SEQ(st))
		       : 0;
}

/* As it is in its slot. */
struct call_here {
	uint64_t serial, word;
	uint32_t size, caller, call, id; /* call: its index */
	unsigned char bytes[SLOT_INLINE];
};

/* A handler has ended; and it began at @since_ns. */
void call_count(struct call *c, bool failed);
void call_count_time(struct call *c, int64_t since_ns);

/* The slot in which a thread of member @id waits, further up the chain of what
 * @me executes, and its word; NULL none does. */
struct call_slot *call_waits_above(const struct view *v,
				   const struct thread_rec *me, uint32_t id,
				   uint64_t *ret_st);
/* Who waits in @s, whose word is @st, is told to execute @serial, whose slot
 * has the request.  False: it cannot. */
bool call_upcall(struct call_slot *s, uint64_t st, uint64_t serial);
/* The upcall of @s is taken off it: its serial, 0 none. */
uint64_t call_upcall_take(struct call_slot *s);

/* A posted one fails. */
void call_fail(struct view *v, struct call_slot *s, int error);
/* All pending executions of the call fail with @error; of one member @caller
 * those for which somebody waits.  The number. */
unsigned call_fail_all(struct view *v, struct call *c, uint32_t id,
		       uint32_t caller, int error);

/* The slots up the chain from what @t executes, until their callers go on: that
 * at *serial, and *serial is the next.  NULL: the end; nobody waits in a
 * one-way slot.  Says only what was so. */
struct call_slot *call_chain(const struct view *v, uint64_t *serial);
/* What @t executes, 0 nothing. */
uint64_t call_executes(const struct thread_rec *t);
/* The token of a thread that executes @serial, 0 none. */
uint32_t call_executor(const struct view *v, uint64_t serial);

/* What may @caller have pending? */
uint32_t call_limit(const struct call *c, uint32_t caller);
/* 0, -ENOSPC. */
int call_set_limit(struct view *v, struct thread_rec *me, struct call *c,
		   uint32_t member, uint32_t limit);
/* Something pending has ended: who waits for a quota looks again. */
void call_ended(struct view *v, struct call *c);

/* --- Recovery; idempotent ------------------------------------------------- */

void call_init(struct view *v, void *rec, const void *arg); /* kinds.c */
void call_fini(struct view *v, void *rec);

/* For call_init(). */
struct call_owner {
	uint32_t id, slot;
};

/* Who waits, whose word was @st, looks; again if need be. */
void call_tell(struct view *v, const struct call_slot *s, uint64_t st);
/* If it is posted, as @st says, it fails now: true.  If it was failed by who
 * died before he could tell: tell. */
bool call_fail_seen(struct view *v, struct call_slot *s, uint64_t st,
		    int error);
/* RETURNING by a thread that is here: the answer is whole, or there is none.
 * @me frees what nobody wants any more. */
void call_finish(struct view *v, struct thread_rec *me, struct call_slot *s,
		 unsigned state, int error);

#endif
