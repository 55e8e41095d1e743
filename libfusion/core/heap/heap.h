/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the rest of core wants of the heap; the heap itself is span.c, slab.c,
 * run.c, pool.c (core) and libfusion/heap/heap.c (paths of the calling thread).
 */
#ifndef FUSION_CORE_HEAP_H
#define FUSION_CORE_HEAP_H

#include "libfusion/core/file/view.h"

/* Recovery, in the order of recover.h; each idempotent.  0 or -EIO. */
int heap_recover_intent(struct view *v, struct thread_rec *t);
int heap_recover_pending(struct view *v, struct thread_rec *t);
int heap_recover_pool(struct view *v, struct thread_rec *t);
/* Slabs and TXN words of the threads with these tokens: orphaned or freed, in
 * one pass over the span words. */
int heap_recover_tokens(struct view *v, const uint32_t *tokens, unsigned n);
/* Member-lifetime blocks of the member in @slot. */
int heap_recover_member(struct view *v, uint32_t slot);

unsigned heap_check(struct view *v, void (*report)(void *, const char *),
		    void *ctx);

/* --- Usage, for memory/ : read-only, bounded, for the lens. -------------- */

#define USAGE_CLASSES 64

struct heap_usage {
	uint64_t spans_hi, spans_free, spans_slab, spans_run, spans_txn;
	uint64_t spans_punched, spans_orphan;
	uint64_t blocks, bytes; /* allocated, all kinds */
	uint64_t runs, run_bytes;
	unsigned n_classes;
	struct {
		uint32_t size;
		uint64_t slabs, blocks, capacity;
	} classes[USAGE_CLASSES];
	uint64_t tag_blocks[256],
		tag_bytes[256]; /* by map tag, see heap_tag() */
};

int heap_usage(const struct view *v, struct heap_usage *ret);
/* The map tag under which blocks of member slot @slot are counted. */
uint8_t heap_tag(uint32_t slot);

struct pool_info {
	uint32_t id;
	char name[ENTRY_NAME_MAX + 1];
	uint64_t limit, used; /* bytes */
};

/* Pools for the lens: index 0.. ; -ENOENT hole, -ERANGE end. */
int pool_copy(const struct view *v, uint32_t i, struct pool_info *ret);

#endif
