/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heap's shared structs
 *
 * The heap is cut into spans of 64 KiB.  One word a span says what it is, one
 * BYTE a block says whether it is allocated: these two are the truth and every
 * operation commits with one store to one of them.  Everything else (scan
 * positions, bounds on free runs, where orphans may be) is a hint or an upper
 * bound: wrong it costs time, never safety.
 */
#ifndef FUSION_CORE_HEAP_LAYOUT_H
#define FUSION_CORE_HEAP_LAYOUT_H

#include "libfusion/core/file/layout.h"

#define SPAN_SHIFT 16
#define SPAN_SIZE (1u << SPAN_SHIFT)
#define SPAN_GROUP 64 /* spans that share one bound on their free runs */

/*
 * Span word
 *
 *   bits 0..29   SLAB, TXN: token of the owning thread, 0 an orphan
 *   bits 0..23   HEAD: spans in the run; CONT: distance back to its head;
 *                FREE: when it was freed, in units of 64 ms, or the word is 0
 *   bit  30      SLAB, HEAD: blocks live as long as their member
 *   bit  31      not a small slab of the arena's own: only such a one has a
 *                token in bits 0..31, so that free() needs one compare
 *   bits 32..39  SLAB, TXN: size class; HEAD: tag of the allocating member
 *   bits 40..43  kind
 *   bits 48..63  pool, 0 the arena's own
 */
enum span_kind {
	SPAN_FREE = 0, /* has memory, from an earlier use */
	SPAN_SLAB = 1, /* blocks of one class; a medium slab goes on as CONT */
	SPAN_TXN = 2,  /* being made or unmade by the thread of the token */
	SPAN_HEAD = 3, /* first of a run */
	SPAN_CONT = 4,
	SPAN_PUNCHED = 5, /* free and without memory: reserve before use */
};

#define SPAN_MEMBER (1ull << 30)
#define SPAN_SLOW (1ull << 31)
#define CLASS_NONE 0xffu /* in TXN: a single span that is being punched */
#define RUN_MAX ((1u << 24) - 1)

#define SPAN_WORD(kind, class, low) \
	((uint64_t)(kind) << 40 | (uint64_t)(class) << 32 | (uint64_t)(low))
#define SPAN_POOL(pool) ((uint64_t)(pool) << 48)
#define WORD_KIND(w) ((unsigned)((w) >> 40) & 0xf)
#define WORD_CLASS(w) ((unsigned)((w) >> 32) & 0xff)
#define WORD_TOKEN(w) ((uint32_t)(w)&TOKEN_MASK)
#define WORD_COUNT(w) ((uint32_t)(w)&0xffffff)
#define WORD_POOL(w) ((unsigned)((w) >> 48) & 0xffff)
/* What a slab or run is for: its pool, and whether it ends with its member. */
#define WORD_PURPOSE(w) ((w) & (SPAN_POOL(0xffff) | SPAN_MEMBER))

#define HEAP_CLASSES 48 /* 32 small ones, 16 medium ones */
#define SMALL_CLASSES 32
#define MEDIUM_SPANS 8

/* Map bytes.  0 is free; a member's tag is statistics, not identity. */
#define TAG_FREE 0u
#define TAG_MEMBERS 250u
/* free_from() has begun: recovery decides by the slot. */
#define TAG_DYING 254u

/* superblock.heap */
struct heap_super {
	struct core_lock span_lock;
	uint32_t span_hi;     /* atomic: words below are published */
	uint32_t reserved_hi; /* spans below have had memory reserved */
	uint64_t trim_ns;     /* atomic hint: CLOCK_MONOTONIC when there may be
			       * something to trim, 0 never */
	uint8_t pad0[40];

	struct core_lock pool_lock;
	uint32_t pools_hi; /* atomic: pool records below were ever used */
	uint8_t pad1[52];

	/* Atomic, by class: there may be slabs without an owner; and where in
	 * the words to look first. */
	uint64_t orphans;
	uint32_t orphan_at[HEAP_CLASSES];
	uint8_t pad2[HEAP_SUPER_SIZE - 136 - 4 * HEAP_CLASSES];
};
static_assert(sizeof(struct heap_super) == HEAP_SUPER_SIZE, "ABI");
static_assert(offsetof(struct heap_super, pool_lock) == 64, "ABI");
static_assert(offsetof(struct heap_super, orphans) == 128, "ABI");

/* Type-stable: a late store of rflag into a slab that is no more is
 * harmless.  17 cache lines: a power of two would share few L1 sets. */
struct slab_desc {
	uint8_t rflag;	 /* atomic: somebody else freed a block here */
	uint8_t hasfree; /* owner's hints from here ... */
	uint8_t pad0[2];
	uint32_t scan;	  /* next block to look at */
	uint32_t dropped; /* own frees that the magazine had no room for */
	uint32_t at;	  /* ... to here: where in the bin's list */
	uint32_t member;  /* SPAN_MEMBER: slot + 1 of the member */
	uint8_t pad1[44];
	uint8_t map[1024]; /* 0 free, else a tag: THE COMMIT */
};
static_assert(sizeof(struct slab_desc) == 1088, "ABI: bump FUSION_FORMAT");
static_assert(offsetof(struct slab_desc, map) == 64, "ABI");

/* thread_rec.heap[0]: what pend_slot and pend_ptr are about. */
enum pending {
	PENDING_MALLOC_TO = 1,
	PENDING_FREE_FROM = 2, /* a block of a slab */
	PENDING_FREE_RUN = 3,
};

enum pool_state { POOL_FREE = 0, POOL_USED = 1, POOL_DYING = 2 };

struct pool_rec {
	uint32_t state; /* atomic: enum pool_state; the commit */
	uint32_t gen;	/* +1 at each create: old magazines know by it */
	uint32_t id;
	uint32_t used;	  /* spans; guarded by span_lock */
	uint64_t limit;	  /* bytes, 0 none */
	uint64_t orphans; /* atomic, by class, as in heap_super */
	uint8_t pad[32];
	char name[ENTRY_NAME_MAX + 1];
};
static_assert(sizeof(struct pool_rec) == 128, "ABI: bump FUSION_FORMAT");

#endif
