/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thread caches: a thread's record in an arena, and its part of the heap
 *
 * A tcache is private memory and has hints only, so its loss with the process
 * leaks nothing.
 *
 * Invariant: a block in a magazine or bump run is free in the map of its slab,
 * the slab belongs to this thread, and no other magazine or run has the block.
 */
#ifndef FUSION_TLS_H
#define FUSION_TLS_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/base/spin.h"
#include "libfusion/core/base/limits.h"

struct block_ref {
	char *p;
	uint8_t *map;
};

#define CACHE_LINE 64

/* The blocks and slabs of one size class.  The fast paths use the first cache
 * line.  The aligned size is 3 * 256: fusion_free() finds the bin of a class by
 * two quick steps instead of a product. */
struct bin {
	_Alignas(CACHE_LINE) uint32_t top; /* blocks in the magazine */
	/* A slab that is ready and will be scanned from its start, so that only
	 * the number of blocks dropped there has to be kept; 0: none. */
	uint32_t dropping;
	char *run_p, *run_end; /* next block of the bump run, end of it */
	uint8_t *run_m;	       /* map byte of run_p */
	uint8_t *map_base;     /* as in struct class_info, with map_add as an
				  address */
	uint32_t map_mul, magic, data_off, size, n_blocks;
	uint32_t class;
	struct slab_desc *dropping_desc;
	/* The thread's slabs of the class.  Invariant: the first n_ready of
	 * them have hasfree set, the others not. */
	uint32_t n_slabs, n_ready, cap;
	uint32_t probe; /* slab to check next for frees of other threads */
	uint32_t *slabs;
	struct block_ref magazine[LIMIT_MAGAZINE];
};
static_assert(LIMIT_MAGAZINE != 40 || sizeof(struct bin) == 3 * 256, "speed");

/* The bins for spans of one purpose (WORD_PURPOSE()). */
struct bins {
	struct bins *next;
	uint64_t purpose;
	uint32_t gen; /* generation of the pool */
	struct bin bin[HEAP_CLASSES];
};

struct ref_row;

/* A row that the thread used for a reference: a hint of the fast path. */
struct row_hint {
	uintptr_t key; /* ROW_KEY() of the reference; 0: none */
	struct ref_row *row;
};

#define ROW_HINTS 32
#define ROW_KEY(ref) ((uintptr_t)(ref) + 1) /* not 0, also for NULL */

/* Invariant: if `arena` is not NULL, this process is in it, and rec is the
 * thread's record there. */
struct tcache {
	struct fusion_arena *arena; /* NULL once the process has left */
	char *base;
	uint64_t span; /* bytes of address space of the arena */
	uint64_t *words;
	struct slab_desc *descs;
	uint64_t span_hi; /* an earlier value: the words below it have memory */
	uint32_t token;
	uint8_t tag;
	struct thread_rec *rec;
	/* The records of skirmishes, as many as had memory at an earlier time
	 * (skirmish.c). */
	char *skirmishes;
	uint64_t skirmishes_size;
	/* The records of references likewise, and an array that has, for each
	 * of them, the index + 1 of this member's row, if known (ref.c). */
	char *refs;
	uint64_t refs_size;
	uint32_t *ref_rows;
	uint32_t member; /* id of this member */
	/* How long to spin for an answer (call_execute.c). */
	struct spinner call_spinner;
	struct row_hint row_hints[ROW_HINTS];
	struct bins main;
	struct bins *others; /* bins of pools, and of blocks with a member's
				lifetime */
	struct tcache *next_of_thread;
	struct tcache *next,
		**prev; /* list of all caches; guarded by caches_lock */
};

/* The cache that the thread used last; never NULL.  While blocks are tracked
 * for AddressSanitizer or Valgrind it is the cache of no arena, so that all
 * calls take the slow path. */
extern __thread struct tcache *tls_current
	__attribute__((tls_model("initial-exec")));

/* Return the calling thread's cache of @arena, and make it if there is none.
 * NULL and errno on failure: ENOMEM, EMFILE, EINVAL. */
struct tcache *tls_cache_slow(struct fusion_arena *arena);

static inline struct tcache *tls_cache(struct fusion_arena *arena)
{
	struct tcache *c = tls_current;

	/* `arena` of a cache is NULL once the process has left: a caller with
	 * NULL must not match it. */
	if (__builtin_expect(c->arena == arena && arena, 1))
		return c;
	return tls_cache_slow(arena);
}

/* Return the calling thread's record; NULL and errno on failure. */
struct thread_rec *thread_rec_of(struct fusion_arena *arena);

/* Take the caches of all threads from @arena, which the process is leaving.
 * Comes before the member's slot is free: then its slabs can be adopted. */
void tls_arena_leave(struct fusion_arena *arena);
/* In the child of a fork: forget all caches, and write to no shared memory. */
void tls_after_fork_child(void);

#endif
