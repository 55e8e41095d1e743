/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heap's shared structs
 *
 * The heap is cut into spans of 64 KiB.  One word a span says what it is, one
 * BYTE a block says whether it is allocated: these two are the truth and every
 * operation commits with one store to one of them.  Everything else (scan
 * positions, groups that may have free spans, counts of orphans) is a hint.
 */
#ifndef FUSION_CORE_HEAP_LAYOUT_H
#define FUSION_CORE_HEAP_LAYOUT_H

#include "libfusion/core/layout.h"

#define SPAN_SHIFT 16
#define SPAN_SIZE (1u << SPAN_SHIFT)
#define SPAN_GROUP 64 /* spans that share one "may be free" hint */

/*
 * Span word
 *
 *   bits 0..29   SLAB, TXN: token of the owning thread, 0 an orphan
 *   bits 0..23   HEAD: spans in the run; CONT: distance back to its head
 *   bit  30      SLAB, HEAD: blocks live as long as their member
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

#define HEAP_CLASSES 48 /* 32 small ones, 16 medium ones */
#define MEDIUM_SPANS 8

/* Map bytes.  0 is free; a member's tag is statistics, not identity. */
#define TAG_MEMBERS 250u
#define TAG_DYING                                                   \
	254u /* free_from() has begun: recovery decides by the slot \
	      */

/* superblock.heap */
struct heap_super {
	struct core_lock span_lock;
	uint32_t span_hi;     /* atomic: words below are published */
	uint32_t reserved_hi; /* spans below have had memory reserved */
	uint32_t dirty;	      /* runs were freed since the last trim */
	uint32_t pad0;
	uint64_t freed_ns; /* CLOCK_MONOTONIC of the last such free */
	uint8_t pad1[32];

	struct core_lock pool_lock;
	uint32_t pools_hi; /* atomic: pool records below were ever used */
	uint8_t pad2[52];

	uint32_t orphans[HEAP_CLASSES]; /* hints: slabs without an owner */
	uint8_t pad3[HEAP_SUPER_SIZE - 128 - 4 * HEAP_CLASSES];
};
static_assert(sizeof(struct heap_super) == HEAP_SUPER_SIZE, "ABI");
static_assert(offsetof(struct heap_super, pool_lock) == 64, "ABI");

/* Type-stable: a late store of rflag into a slab that is no more is
 * harmless.  17 cache lines: a power of two would share few L1 sets. */
struct slab_desc {
	uint8_t rflag;	 /* atomic: somebody else freed a block here */
	uint8_t hasfree; /* owner's hints from here ... */
	uint8_t pad0[2];
	uint32_t scan;
	uint32_t dropped;
	uint32_t member; /* ... to here; SPAN_MEMBER: slot + 1 of the member */
	uint8_t pad1[48];
	uint8_t map[1024]; /* 0 free, else a tag: THE COMMIT */
};
static_assert(sizeof(struct slab_desc) == 1088, "ABI: bump FUSION_FORMAT");

/* thread_rec.heap[0]: what pend_slot and pend_ptr are about. */
enum pending { PENDING_MALLOC_TO = 1, PENDING_FREE_FROM = 2 };

enum pool_state { POOL_FREE = 0, POOL_USED = 1, POOL_DYING = 2 };

struct pool_rec {
	uint32_t state; /* atomic: enum pool_state; the commit */
	uint32_t gen;	/* +1 at each create: old magazines know by it */
	uint32_t id;
	uint32_t used;	/* spans; guarded by span_lock */
	uint64_t limit; /* bytes, 0 none */
	uint8_t pad[40];
	char name[OBJECT_NAME_MAX + 1];
};
static_assert(sizeof(struct pool_rec) == 128, "ABI: bump FUSION_FORMAT");

#endif
