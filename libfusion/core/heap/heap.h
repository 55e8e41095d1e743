/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the rest of core wants of the heap; the heap itself is span.c, slab.c,
 * run.c, pool.c (core) and libfusion/heap/heap.c (paths of the calling thread).
 */
#ifndef FUSION_CORE_HEAP_H
#define FUSION_CORE_HEAP_H

#include "libfusion/core/file/view.h"

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

struct pool_info {
	uint32_t id;
	char name[ENTRY_NAME_MAX + 1];
	uint64_t limit, used; /* bytes */
};

#endif
