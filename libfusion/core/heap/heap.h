/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Heap: what readers of memory/ get
 *
 * The heap has two halves.  Here in core is what all members share: spans
 * (span.h), slabs (slab.h), pools (pool.h), blocks that move between slots
 * (block.h), recovery and checker.  libfusion/heap has the caches of one
 * thread.
 */
#ifndef FUSION_CORE_HEAP_H
#define FUSION_CORE_HEAP_H

#include "libfusion/core/file/view.h"

#define USAGE_CLASSES 64

/* What the heap holds, as heap_usage() counts it. */
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
	/* By map tag, see heap_tag(). */
	uint64_t tag_blocks[256], tag_bytes[256];
};

/* A pool, as pool_copy() copies it. */
struct pool_info {
	uint32_t id;
	char name[ENTRY_NAME_MAX + 1];
	uint64_t limit, used; /* bytes */
};

#endif
