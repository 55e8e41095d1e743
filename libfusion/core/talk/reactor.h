/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reactor: a ring that holds each message once, and a cursor for each listener
 *
 * The ring has no consumer: producers make room themselves.  They stamp cells
 * free by CAS from the exact word that was there, the interior cells of a
 * record before its first.  So any number of producers may do it at once and
 * die at it.  They do not go past a cursor that is LIVE and whose listener is
 * to be waited for.  A cursor that is LAGGED, or drops the oldest, they push
 * along, and count.
 *
 * A listener copies a record out, checks that its header is still the same, and
 * moves its cursor by CAS.  If the CAS succeeds the listener has the message;
 * else a producer has pushed the cursor and counted the message as lost.  So a
 * slow listener is overrun without harm, and each message is received or
 * counted once.
 *
 *    FREE -- CAS --> TAKEN(who) --> LIVE <--- caught up --- LAGGED
 *      ^                             |  \--- limit is over --^
 *      +-- detach, recovery, end --- + ---- limit is over --> GONE
 *
 * Only the listener, or who recovers it, frees its cursor.  So the ring of a
 * reactor that is destroyed stays until all of them have come to the end.
 *
 * Wakes: a listener that has found nothing sets idle, looks again, and goes on.
 * A dispatcher that finds idle set takes it and sends MSG_NEWS to the member's
 * queue, or sets the queue's `scan` mark if that is full.  So a burst costs one
 * message for each listener, and a listener that is reading costs none
 * (listener_wake.h).
 *
 * Dead dispatcher: thread_rec.call says {DISPATCH, ring, id} from before the
 * claim until after the wakes, and recovery wakes all listeners that the ring
 * has then, whichever reactor is theirs.  Dead listener: recovery frees its
 * cursor, so that no dispatcher waits for it.
 *
 * Files: reactor.c is the record, reactor_dispatch.c dispatches, reactor_room.c
 * makes room, listener_wake.c wakes, cursor.c listens, cursor_recover.c is for
 * the dead.
 */
#ifndef FUSION_CORE_REACTOR_H
#define FUSION_CORE_REACTOR_H

#include "libfusion/core/names/table.h"
#include "libfusion/core/talk/message.h"

#define REACTOR_CELLS 1024u
#define REACTOR_LISTENERS 128u
#define REACTOR_LISTENERS_MAX 4096u
#define REACTOR_GLOBALS 12
#define REACTOR_LIMIT_MS 100u
#define REACTOR_FOREVER_MS UINT32_MAX

/* How often a thread clears a foreign link.  Each needs a listener that was
 * late and linked its ring just then: only a broken member goes on with that.
 */
#define REACTOR_TRIES 64u

#define REACTOR_NOT_DIRECT 0x1u /* reactor.flags, atomic */
#define REACTOR_SHUT UINT32_MAX /* reactor.ring: nobody listens any more */

/*
 * The record of a reactor.
 *
 * Invariants: id is e.id until the reactor is destroyed, and 0 afterwards.
 * `ring` names a ring of this reactor only if that ring's owner is id |
 * RING_OF_REACTOR: a listener that was late may have left another number.  Once
 * ring is REACTOR_SHUT no ring is made for the reactor.
 */
struct reactor {
	struct entry e;
	uint32_t id;   /* atomic: e.id, 0 once destroyed */
	uint32_t ring; /* atomic: index + 1, if that ring has this owner; 0 none
			  yet; REACTOR_SHUT */
	uint32_t message_size, cells, listeners; /* of creation */
	uint32_t flags;
	uint64_t dispatched, bytes; /* atomic */
	/* Atomic: second << 32 | messages in that second; of this one and the
	 * last. */
	uint64_t rate[2];
	uint32_t object, object_id; /* as those of struct ref */
	/* Atomic: (index + 1) << 48 | pointer; 0 free. */
	uint64_t globals[REACTOR_GLOBALS];
};
static_assert(sizeof(struct reactor) == ENTRY_SIZE, "ABI: bump FORMAT");

enum cursor_state {
	CURSOR_FREE = 0,   /* any listener may take it */
	CURSOR_TAKEN = 1,  /* the thread in CURSOR_TOKEN() sets it up */
	CURSOR_LIVE = 2,   /* it reads; waited for, unless it drops */
	CURSOR_LAGGED = 3, /* its limit is over: not waited for */
	CURSOR_GONE = 4,   /* disconnected; its owner frees it */
};

#define CURSOR_STATE(st) ((uint32_t)(st)&7u)
#define CURSOR_TOKEN(st) ((uint32_t)((st) >> 32))
#define CURSOR_MAKE(state, token) ((uint64_t)(token) << 32 | (uint32_t)(state))

/* cursor.flags */
#define CURSOR_DONE 0x1u    /* reads behind all others */
#define CURSOR_VISITOR 0x2u /* the daemon's, for an open file */

enum cursor_idle {
	CURSOR_READS = 0,   /* it looks by itself */
	CURSOR_IDLE = 1,    /* wake when something comes on its channels */
	CURSOR_BLOCKED = 2, /* it stands before a record that is being written:
			       wake when anything comes */
};

enum cursor_policy { POLICY_BLOCK = 0, POLICY_DROP = 1, POLICY_DISCONNECT = 2 };

/*
 * The cursor of a listener, a cache line for dispatchers and one for the
 * position.
 *
 * Invariants: all fields are valid from LIVE on.  `pos` goes only up, by the
 * CAS of the listener that has read a record, or of a dispatcher that pushes;
 * each message that lies between is received or counted in dropped.  `busy`
 * says that the listener has received a message before `pos` and may still use
 * it.  A thread that sees such a position sees `busy`, too.
 *
 * Dead owner: cursor_recover_member() frees the cursors of a member,
 * cursor_recover_thread() those that a thread was taking or had for a visitor.
 */
struct cursor {
	/* Each dispatch reads this line; it seldom changes. */
	uint64_t st;	      /* atomic */
	uint64_t mask;	      /* atomic: of channels, CHANNEL_BIT() */
	uint32_t owner, slot; /* member id and slot; 0 a visitor */
	uint32_t idle;	      /* atomic: enum cursor_idle */
	uint32_t policy;      /* atomic: enum cursor_policy << 24 | flags */
	uint32_t limit_ms;    /* atomic */
	uint32_t pad0[7];

	uint64_t pos;	  /* atomic: next record to read */
	uint64_t dropped; /* atomic */
	uint64_t busy;	  /* atomic: position + 1 of the message that the
			     listener has; 0 none */
	uint8_t pad1[40];
};
static_assert(sizeof(struct cursor) == RING_CURSOR, "ABI: bump FORMAT");

#define CHANNEL_BIT(channel) (1ull << ((channel)&63u))
#define CURSOR_FLAGS(c) (load_relaxed(&(c)->policy) & 0xffffffu)
#define CURSOR_POLICY(c) (load_relaxed(&(c)->policy) >> 24)

/* msg_head.flags: its sender's own cursor passes over it. */
#define MSG_NOT_SENDER 0x2u

struct reactor_params {
	uint32_t message_size, cells, listeners;
	/* Of an object's reactor: the thread that makes it, see object.h.
	 * NULL: a plain reactor. */
	struct thread_rec *maker;
	uint32_t object, object_id;
};

static inline struct cursor *cursor_at(const struct ring *r, uint32_t i)
{
	return (struct cursor *)r->cursors + i;
}

static inline uint32_t reactor_index(const struct view *v,
				     const struct reactor *re)
{
	return (uint32_t)table_index(v, KIND_REACTOR, re);
}

/* Create a reactor.  0 and *ret, or the errors of table_add(). */
int reactor_create(struct view *v, struct thread_rec *me, const char *name,
		   const struct reactor_params *params, uint32_t creator,
		   struct reactor **ret);
/* Destroy a reactor: all its listeners are told.  The last of them closes its
 * ring.  0; -EIDRM it is destroyed already; others as table_remove(). */
int reactor_destroy(struct view *v, struct thread_rec *me, struct reactor *re);
/* As reactor_destroy(), if the record still is the reactor with @id. */
int reactor_destroy_id(struct view *v, struct thread_rec *me,
		       struct reactor *re, uint32_t id);

/*
 * Find the ring of a reactor.
 *
 *   0 and *ret
 *   -ENOENT  nobody has listened yet
 *   -EIDRM   the reactor is destroyed
 *   -EIO     the ring makes no sense
 */
int reactor_ring(const struct view *v, const struct reactor *re,
		 struct ring *ret);

/* Clear the link of reactor @id if it names a ring of another reactor.  A
 * listener to the reactor that had the record before was late, and was killed
 * before it could take the link back. */
void reactor_unlink_foreign(const struct view *v, struct reactor *re,
			    uint32_t id);
/* Note in the ring @r which record is that of its reactor @id: recovery then
 * need not search for the reactor. */
void reactor_note_ring(const struct view *v, const struct reactor *re,
		       uint32_t id, struct ring *r);
/* Close the ring @r if its reactor was destroyed, and nobody has a cursor in it
 * any more.  In constant time, and in that of one search for the reactor if the
 * ring has no note of it. */
void reactor_close_ended(struct view *v, struct ring *r);

struct reactor_sum {
	uint32_t listeners, rate, cells;
	uint64_t dispatched, bytes, dropped;
};

/* Sum up a reactor for the lens, in bounded time.  0, -ENOENT, -EIO. */
int reactor_sum(const struct view *v, const struct reactor *re,
		struct reactor_sum *ret);

/* Wake the listeners that the dead @t may not have woken, and finish or undo a
 * destruction that it had begun.  0, or as life_rec_get(). */
int reactor_recover(struct view *v, struct thread_rec *t);

/* Rows of kinds.c. */
void reactor_init(struct view *v, void *rec, const void *arg);
void reactor_fini(struct view *v, void *rec);
bool reactor_is_quiet(const void *rec);

#endif
