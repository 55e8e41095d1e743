/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heap's shared structs
 *
 * The heap is cut into spans of 64 KiB.  One word for each span says what the
 * span is; one byte for each block says whether the block is allocated.
 * Invariant: these two are the truth, and every operation commits with one
 * store to one of them.  Everything else is a hint or an upper bound: scan
 * positions, bounds on free runs, where orphans may be.  A wrong hint costs
 * time, never safety.
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
 *                FREE: when it was freed, in units of 2^26 ns, or the word is 0
 *   bit  30      SLAB, HEAD: blocks live as long as their member
 *   bit  31      0 in a small slab of the arena's own pool, and in a word that
 *                is 0; 1 in all others.  So free() only has to compare bits
 *                0..31 with its token.
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
/* The purpose of a slab or run: its pool, and whether it ends with its member.
 */
#define WORD_PURPOSE(w) ((w) & (SPAN_POOL(0xffff) | SPAN_MEMBER))

#define HEAP_CLASSES 48 /* 32 small ones, 16 medium ones */
#define SMALL_CLASSES 32
#define MEDIUM_SPANS 8

/* Map bytes: 0 is free, else a tag, by which usage is counted for each member.
 */
#define TAG_FREE 0u
#define TAG_MEMBERS 250u
/* In a block that free_from() has begun to free: recovery reads the slot. */
#define TAG_DYING 254u

/* superblock.heap */
struct heap_super {
	struct core_lock span_lock;
	uint32_t span_hi;     /* atomic: words below are published */
	uint32_t reserved_hi; /* spans below have had memory reserved */
	uint64_t trim_ns;     /* atomic hint: CLOCK_MONOTONIC when spans may be
			       * old enough to trim, 0 never */
	uint8_t pad0[40];

	struct core_lock pool_lock;
	uint32_t pools_hi; /* atomic: pool records below were ever used */
	uint8_t pad1[52];

	/* Atomic, a bit for each class: there may be slabs without an owner;
	 * and the span where a search for them begins. */
	uint64_t orphans;
	uint32_t orphan_at[HEAP_CLASSES];
	uint8_t pad2[HEAP_SUPER_SIZE - 136 - 4 * HEAP_CLASSES];
};
static_assert(sizeof(struct heap_super) == HEAP_SUPER_SIZE, "ABI");
static_assert(offsetof(struct heap_super, pool_lock) == 64, "ABI");
static_assert(offsetof(struct heap_super, orphans) == 128, "ABI");

/* Type-stable: a late store of rflag for a slab that is gone does no harm.
 * 17 cache lines, since descriptors at a power of two would share L1 sets. */
struct slab_desc {
	uint8_t rflag;	 /* atomic: another thread freed a block here */
	uint8_t hasfree; /* owner's hints from here ... */
	uint8_t pad0[2];
	uint32_t scan;	  /* block where a search begins */
	uint32_t dropped; /* own frees that the magazine had no room for */
	uint32_t at;	  /* ... to here: where in the bin's list */
	uint32_t member;  /* SPAN_MEMBER: slot + 1 of the member */
	uint8_t pad1[44];
	uint8_t map[1024]; /* atomic: 0 free, else a tag: the commit */
};
static_assert(sizeof(struct slab_desc) == 1088, "ABI: bump FUSION_FORMAT");
static_assert(offsetof(struct slab_desc, map) == 64, "ABI");

/* thread_rec.heap[0]: the operation of pend_slot and pend_ptr. */
enum pending {
	PENDING_MALLOC_TO = 1,
	PENDING_FREE_FROM = 2, /* a block of a slab */
	PENDING_FREE_RUN = 3,
};

enum pool_state { POOL_FREE = 0, POOL_USED = 1, POOL_DYING = 2 };

struct pool_rec {
	uint32_t state; /* atomic: enum pool_state; the commit */
	uint32_t gen;	/* +1 at each creation: tells old magazines apart */
	uint32_t id;
	uint32_t used;	  /* spans; guarded by span_lock */
	uint64_t limit;	  /* bytes, 0 none */
	uint64_t orphans; /* atomic, by class, as in heap_super */
	uint8_t pad[32];
	char name[ENTRY_NAME_MAX + 1];
};
static_assert(sizeof(struct pool_rec) == 128, "ABI: bump FUSION_FORMAT");

#endif
