/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reactor: a ring that holds each message once, and a cursor for each listener
 *
 * Nobody owns the ring: producers themselves make room.  Cells are stamped free
 * by CAS from the exact word that was there, interior cells of a record before
 * its first, so any number of producers may do it at once and die at it.  They
 * do not go past a cursor that is LIVE and whose listener is to be waited for;
 * one that is LAGGED, or drops the oldest, they move along, and count.
 *
 * A listener copies a record out, sees that its header is still the same, and
 * moves its cursor by CAS: if that succeeds it has the message, else somebody
 * has moved it and counted it as lost.  So a slow one is overrun without harm,
 * and each message is had or counted once.
 *
 *    FREE -- CAS --> TAKEN(who) --> LIVE <--- caught up --- LAGGED
 *      ^                             |  \--- limit is over --^
 *      +---- detach, recovery ------ + ---- limit is over --> GONE
 *
 * Bells: a listener that has found nothing sets idle, looks again, and goes on;
 * who dispatches and finds idle set takes it and sends MSG_NEWS to the member's
 * queue, or sets its `scan` mark if that is full.  So a burst costs one message
 * for each listener, and a running one none.
 *
 * Killed while dispatching: {DISPATCH, reactor} in thread_rec.call, from before
 * the claim to after the bells: recovery rings all of them.
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

#define REACTOR_NOT_DIRECT 0x1u /* reactor.flags, atomic */
#define REACTOR_SHUT UINT32_MAX /* reactor.ring: nobody listens any more */

struct reactor {
	struct entry e;
	uint32_t id;   /* atomic: e.id, 0 once destroyed */
	uint32_t ring; /* atomic: index + 1, if that ring's owner says so, too;
			  0 nobody has listened yet; REACTOR_SHUT */
	uint32_t message_size, cells, listeners; /* of creation */
	uint32_t flags;
	uint64_t dispatched, bytes; /* atomic */
	/* Atomic: second << 32 | messages in it; of this one and the last. */
	uint64_t rate[2];
	uint32_t object, object_id; /* as those of struct ref */
	/* Atomic: (index + 1) << 48 | pointer; 0 free. */
	uint64_t globals[REACTOR_GLOBALS];
};
static_assert(sizeof(struct reactor) == ENTRY_SIZE, "ABI: bump FORMAT");

enum cursor_state {
	CURSOR_FREE = 0,
	CURSOR_TAKEN = 1, /* being set up by the thread in CURSOR_TOKEN() */
	CURSOR_LIVE = 2,
	CURSOR_LAGGED = 3,
	CURSOR_GONE = 4, /* disconnected; its owner frees it */
};

#define CURSOR_STATE(st) ((uint32_t)(st)&7u)
#define CURSOR_TOKEN(st) ((uint32_t)((st) >> 32))
#define CURSOR_MAKE(state, token) ((uint64_t)(token) << 32 | (uint32_t)(state))

/* cursor.flags */
#define CURSOR_DONE 0x1u    /* reads behind all others */
#define CURSOR_VISITOR 0x2u /* the daemon's, for an open file */

enum cursor_policy { POLICY_BLOCK = 0, POLICY_DROP = 1, POLICY_DISCONNECT = 2 };

struct cursor {
	/* What who dispatches looks at each time; seldom changes. */
	uint64_t st;	      /* atomic */
	uint64_t mask;	      /* atomic: of channels, CHANNEL_BIT() */
	uint32_t owner, slot; /* member id and slot; 0 a visitor */
	uint32_t idle;	      /* atomic: ring when something comes */
	uint32_t policy;      /* atomic: enum cursor_policy << 24 | flags */
	uint32_t limit_ms;    /* atomic */
	uint32_t pad0[7];

	uint64_t pos;	  /* atomic: next record to read */
	uint64_t dropped; /* atomic */
	uint8_t pad1[48];
};
static_assert(sizeof(struct cursor) == RING_CURSOR, "ABI: bump FORMAT");

#define CHANNEL_BIT(channel) (1ull << ((channel)&63u))
#define CURSOR_FLAGS(c) (load_relaxed(&(c)->policy) & 0xffffffu)
#define CURSOR_POLICY(c) (load_relaxed(&(c)->policy) >> 24)

/* msg_head.flags: its sender's own cursor passes over it. */
#define MSG_NOT_SENDER 0x2u

struct reactor_params {
	uint32_t message_size, cells, listeners;
	/* Of an object's: who makes it, NULL a plain one; see object.h. */
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
/* Destroy a reactor: all its listeners are told, and its ring is closed.
 * 0; -EIDRM it is destroyed already; others as table_remove(). */
int reactor_destroy(struct view *v, struct thread_rec *me, struct reactor *re);
/* As reactor_destroy(), if the record still is the reactor with @id. */
int reactor_destroy_id(struct view *v, struct thread_rec *me,
		       struct reactor *re, uint32_t id);

/*
 * Find the ring of a reactor.
 *
 * 0 and *ret
 * -ENOENT  nobody has listened yet
 * -EIDRM   the reactor is destroyed
 * -EIO     the ring makes no sense
 */
int reactor_ring(const struct view *v, const struct reactor *re,
		 struct ring *ret);

struct reactor_sum {
	uint32_t listeners, rate, cells;
	uint64_t dispatched, bytes, dropped;
};

/* Sum up a reactor for the lens, in bounded time.  0, -ENOENT, -EIO. */
int reactor_sum(const struct view *v, const struct reactor *re,
		struct reactor_sum *ret);

/* Wake the listeners that the dead @t may not have woken, and finish or undo a
 * destruction that it had begun.  0; -EIO no record is free to act with. */
int reactor_recover(struct view *v, struct thread_rec *t);

/* Rows of kinds.c. */
void reactor_init(struct view *v, void *rec, const void *arg);
void reactor_fini(struct view *v, void *rec);
bool reactor_is_quiet(const void *rec);

#endif
