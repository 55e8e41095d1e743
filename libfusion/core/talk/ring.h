/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ring: a queue of records in shared memory with any number of producers
 *
 * A ring has cells of 64 bytes.  A record takes one or more cells that follow
 * each other, and positions count cells for ever.  The header word of each cell
 * lies apart from the cells, so that no payload can be taken for a header:
 *
 *                    +----------- re-stamped, p + n --------------+
 *                    v                                            |
 *   FREE(p) -- CAS --> CLAIM(k, who, p) -- store --> DONE(k, who, p)
 *    |  ^                    |
 *   CAS |                    +-- recovery of a dead producer --> SKIP(k, p)
 *    v  | any claim
 *   FREE(p)|SLEEP   the consumer sleeps on the low half of this header
 *
 * A producer claims by CAS of the first header: the same CAS that takes the
 * cells publishes owner and length, so what a dead producer leaves has a size
 * and a name.  The consumer's SLEEP flag is in the word that the next producer
 * must CAS, so no producer can overlook it.  A record does not wrap: a producer
 * that finds too few cells before the end claims them as SKIP.
 *
 * Dead producer: the thread has announced {op, ring, position} in
 * thread_rec.msg.
 *
 *   MSG_OP_CLAIM    if the header is this thread's CLAIM: SKIP it; if not, the
 *                   thread had claimed nothing
 *   MSG_OP_CLAIMED  if the header is this thread's CLAIM: SKIP it; if not, the
 *                   record was committed
 *
 * In any case recovery wakes the thread that sleeps at the position.
 * thread_rec.msg_block is the block that travels with the record; recovery
 * frees it unless the record was committed.  A producer that lives is never
 * revoked: one that is stopped between claim and commit holds up the ring until
 * it goes on.
 *
 * Rings are type-stable: control record i has the same memory for as long as
 * the file lives, and a ring that gets another owner goes on at the position
 * where it was.  So a late producer does no harm: each record names its target,
 * and a consumer drops a record that is not for its ring's owner.
 *
 * Files: ring_open.c gives rings an owner, ring_produce.c claims and commits,
 * ring_consume.c reads and releases, ring_room.c waits for room, ring_recover.c
 * finishes what the dead had begun, ring_check.c is the checker.
 */
#ifndef FUSION_CORE_RING_H
#define FUSION_CORE_RING_H

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/view.h"

#define RING_CELL 64u
#define RING_CURSOR 128u /* bytes of a struct cursor, reactor.h */
#define RING_CELLS_MIN 64u
#define RING_CELLS_MAX 16384u

#define RING_ATTENDED 4u

/* Largest payload that a member's queue carries itself; more is a block. */
#define RING_INLINE 1024u

enum hdr_state {
	HDR_FREE = 0,  /* free for the record of that position */
	HDR_CLAIM = 1, /* a producer writes the record */
	HDR_DONE = 2,  /* the record is committed */
	HDR_SKIP = 3,  /* there is no record: pass over these cells */
};

#define HDR_SLEEP 0x4ull
#define HDR_POS_MASK 0x7ffffffffull /* 35 bits */
#define HDR_STATE(h) ((unsigned)(h)&3u)
#define HDR_CELLS_MAX 0xfffu
#define HDR_CELLS(h) ((uint32_t)((h) >> 3) & HDR_CELLS_MAX)
#define HDR_POS(h) (((h) >> 15) & HDR_POS_MASK)
#define HDR_PRODUCER(h) ((uint32_t)((h) >> 50))
#define HDR_MAKE(state, cells, who, pos)              \
	((uint64_t)(state) | (uint64_t)(cells) << 3 | \
	 ((uint64_t)(pos)&HDR_POS_MASK) << 15 | (uint64_t)(who) << 50)
#define HDR_FREE_AT(pos) HDR_MAKE(HDR_FREE, 0, 0, pos)
/* How far position @a is behind @b, if that is less than half of all. */
#define POS_DIFF(b, a) (((b) - (a)) & HDR_POS_MASK)
#define POS_IS_BEFORE(a, b) ((a) != (b) && POS_DIFF(b, a) < (HDR_POS_MASK >> 1))

/* thread_rec.msg: kind = ring index, a[0] = position. */
enum msg_op {
	MSG_OP_CLAIM = 1,
	MSG_OP_CLAIMED = 2,
	MSG_OP_OPEN = 3, /* a[0] = owner, a[1] = offset of its word, a[2] = 1
			    this thread has given the ring that owner */
};

/* ring_ctl.owner of a reactor's ring is the reactor's id with this bit. */
#define RING_OF_REACTOR 0x80000000u
/* ring_ctl.owner of a ring that has no owner yet, or none any more: a thread
 * opens or closes it.  The thread's record, or RING_CLOSING: the thread has the
 * life lock. */
#define RING_HANDS 0xffff0000u
#define RING_CLOSING UINT32_MAX

/*
 * A ring's control record: a cache line each for what seldom changes, for
 * producers, and for the consumer.
 *
 * Invariants: cells, n_cursors and off never change once rings.hi covers the
 * record. owner is nonzero from ring_open() to ring_close_queue().  All cells
 * before head are free in the next lap or later.
 *
 * Dead owner: recovery of a member closes its queue, and destruction of a
 * reactor closes the reactor's ring.
 */
struct ring_ctl {
	uint32_t owner;	    /* atomic: member id, or reactor id with
			       RING_OF_REACTOR; RING_HANDS or above; 0 free */
	uint32_t cells;	    /* written once, before rings.hi, as are the next */
	uint32_t n_cursors; /* reactors' rings only, see reactor.h */
	uint32_t pad0;
	uint64_t off;	     /* of its memory: cursors, headers, cells */
	uint32_t closed;     /* atomic: no more records are accepted */
	uint32_t cursors_hi; /* atomic: cursors below it were ever used */
	union {
		/* Atomic: the call slots that the consumer attends to, index +
		 * 1, see call_here.h.  Like the words before, it is written by
		 * the consumer and read by callers. */
		uint32_t attended[RING_ATTENDED];
		/* Atomic, reactors' rings only: (index + 1) << 32 | id of a
		 * reactor that has or had this ring, and of its record; 0 not
		 * noted.  See reactor_note_ring(). */
		uint64_t reactor;
	};
	uint8_t pad1[16];

	uint64_t hint;	  /* atomic: where producers begin to search */
	uint64_t dropped; /* atomic: records given up for lack of room */
	uint32_t scan;	  /* atomic: a listener could not be told, the queue was
			     full: look at all reactors */
	uint8_t pad2[44];

	uint64_t head;		/* atomic: all cells before it are free again */
	uint64_t received;	/* consumer only */
	uint32_t space;		/* atomic, futex: +1 when there is room */
	uint32_t space_waiters; /* atomic */
	uint32_t sleeping;	/* atomic hint, for the lens */
	uint16_t visitors;	/* atomic: wait for room, see bell.h */
	uint8_t pad3[34];
};
static_assert(sizeof(struct ring_ctl) == RING_CTL_SIZE, "ABI: bump FORMAT");

/* A record begins with this; its payload follows. */
struct msg_head {
	uint32_t target; /* ring_ctl.owner for which the record is meant */
	uint32_t sender; /* member id, 0 the daemon for a visitor */
	uint16_t kind;	 /* enum msg_kind */
	uint16_t flags;	 /* MSG_BLOCK */
	uint32_t size;	 /* bytes of payload */
	uint64_t a, b;	 /* by kind */
};
static_assert(sizeof(struct msg_head) == 32, "ABI: bump FORMAT");

enum msg_kind {
	MSG_WAKE = 0,	 /* no payload: the consumer looks at everything */
	MSG_USER = 1,	 /* a = type */
	MSG_CALL = 2,	 /* see call.h */
	MSG_NEWS = 3,	 /* a = reactor's id, see reactor.h */
	MSG_REACTOR = 4, /* in a reactor's ring: a = channel */
};

/* The payload is one word: the address, as members see it, of the block that
 * has the bytes.  The word is a slot for malloc_to and free_from; 0 says that
 * somebody has taken the block. */
#define MSG_BLOCK 0x1u
/* msg_head.size if a program sent a whole block of its own. */
#define MSG_WHOLE_BLOCK UINT32_MAX

/* A ring as this process sees it, its positions checked once by ring_map(). */
struct ring {
	struct superblock *sb;
	struct ring_ctl *ctl;
	void *cursors;
	uint64_t *hdr; /* atomic, all of them */
	char *cell;
	uint32_t index, cells, mask, n_cursors;
};

static inline struct ring_ctl *ring_ctl(const struct view *v, uint32_t i)
{
	return (struct ring_ctl *)(v->base + v->geo.off_rings) + i;
}

static inline uint32_t ring_hi(const struct view *v)
{
	return view_hi(&v->sb->rings.hi, v->geo.n_rings);
}

static inline bool ring_is_reactors(uint32_t owner)
{
	return owner & RING_OF_REACTOR && owner < RING_HANDS;
}

/* Cursors that may be in use: those below cursors_hi. */
static inline uint32_t ring_cursors(const struct ring *r)
{
	return view_hi(&r->ctl->cursors_hi, r->n_cursors);
}

/* Cells of a record with @size bytes of payload. */
static inline uint32_t ring_cells(uint32_t size)
{
	return (uint32_t)((sizeof(struct msg_head) + (uint64_t)size +
			   RING_CELL - 1) /
			  RING_CELL);
}

static inline struct msg_head *ring_head_at(const struct ring *r, uint64_t pos)
{
	return (struct msg_head *)(r->cell + (pos & r->mask) * RING_CELL);
}

/* Bytes of memory of a ring: cursors, headers, cells. */
static inline uint64_t ring_memory_size(uint32_t cells, uint32_t n_cursors)
{
	return (uint64_t)n_cursors * RING_CURSOR +
	       (uint64_t)cells * (sizeof(uint64_t) + RING_CELL);
}

/*
 * Find ring @index, and check that its memory is where memory of rings is.
 *
 * 0 and *ret
 * -EINVAL  there is no such ring
 * -EIO     what the ring says of itself is impossible
 */
int ring_map(const struct view *v, uint32_t index, struct ring *ret);

/* Find where the next record will begin.  The answer may be outdated when it
 * comes; the search is bounded. */
uint64_t ring_tail(const struct ring *r);
/* Tell whether the cell is free at which the next record begins.  It says only
 * that it was so. */
bool ring_has_room(const struct ring *r);
/* Tell whether every header is of this lap or of the next, whatever others are
 * doing to the ring meanwhile. */
bool ring_is_sound(const struct ring *r);

#endif
