/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a thread has of an arena: its record there, and its part of the heap
 *
 * A tcache is private memory.  It holds hints only: every block in a magazine
 * or a bump run is free in its slab's map, lies in a slab of this thread, and
 * is in no other.  It dies with the process and nobody misses it.
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

/* What the fast paths need is in the first line.  Aligned, its size is 3 * 256:
 * free() finds the bin of a class by two quick steps instead of a product. */
struct bin {
	_Alignas(CACHE_LINE) uint32_t top; /* blocks in the magazine */
	/* A slab known to be ready and scanned from its start: of more blocks
	 * that it drops only the number is kept.  0 none. */
	uint32_t dropping;
	char *run_p, *run_end; /* next block of the bump run, end of it */
	uint8_t *run_m;	       /* and its map byte */
	uint8_t *map_base; /* as in struct class_info, map_add at my address */
	uint32_t map_mul, magic, data_off, size, n_blocks;
	uint32_t class;
	struct slab_desc *dropping_desc;
	/* My slabs of the class.  The first n_ready have hasfree set. */
	uint32_t n_slabs, n_ready, cap;
	uint32_t probe; /* which to ask next for the frees of others */
	uint32_t *slabs;
	struct block_ref magazine[LIMIT_MAGAZINE];
};
static_assert(LIMIT_MAGAZINE != 40 || sizeof(struct bin) == 3 * 256, "speed");

/* The bins for spans of one purpose (WORD_PURPOSE()). */
struct bins {
	struct bins *next;
	uint64_t purpose;
	uint32_t gen; /* of the pool */
	struct bin bin[HEAP_CLASSES];
};

struct ref_row;

/* The row that the thread used for a reference: by the short way. */
struct row_hint {
	uintptr_t key; /* ROW_KEY() of the reference, 0 none */
	struct ref_row *row;
};

#define ROW_HINTS 32
#define ROW_KEY(ref) ((uintptr_t)(ref) + 1) /* not 0, also for NULL */

struct tcache {
	struct fusion_arena *arena; /* NULL once the process has left */
	char *base;
	uint64_t span; /* bytes of the arena */
	uint64_t *words;
	struct slab_desc *descs;
	uint64_t span_hi; /* a while ago; there is memory for the words below */
	uint32_t token;
	uint8_t tag;
	struct thread_rec *rec;
	/* Where handles of skirmishes are; as far as there was memory for them
	 * a while ago (skirmish.c). */
	char *skirmishes;
	uint64_t skirmishes_size;
	/* The same of references, and by their index my member's row of each,
	 * index + 1, as far as it is known (ref.c). */
	char *refs;
	uint64_t refs_size;
	uint32_t *ref_rows;
	uint32_t member; /* id */
	/* Slot + 1 of the last call, if there was no room for its answer, and
	 * how long it pays to look for one (call_execute.c). */
	uint32_t answer;
	struct spinner call_spinner;
	struct row_hint row_hints[ROW_HINTS];
	struct bins main;
	struct bins *others; /* pools', member-lifetime */
	struct tcache *next_of_thread;
	struct tcache *next, **prev; /* of all; guarded by caches_lock */
};

/* The cache the thread used last; never NULL.  When blocks are tracked it is
 * one of no arena, so that all calls go the long way. */
extern __thread struct tcache *tls_current
	__attribute__((tls_model("initial-exec")));

/* The calling thread's cache of @arena, made when there is none; NULL and
 * errno: ENOMEM, EMFILE, EINVAL. */
struct tcache *tls_cache_slow(struct fusion_arena *arena);

static inline struct tcache *tls_cache(struct fusion_arena *arena)
{
	struct tcache *c = tls_current;

	/* A cache of an arena that was left has none, as a wrong caller. */
	if (__builtin_expect(c->arena == arena && arena, 1))
		return c;
	return tls_cache_slow(arena);
}

/* The calling thread's record; NULL and errno. */
struct thread_rec *thread_rec_of(struct fusion_arena *arena);

/* The process is about to leave: no thread has anything of @arena any more.
 * Before the slot is given up, as the slabs are the next member's after it. */
void tls_arena_leave(struct fusion_arena *arena);
/* In the child of a fork: forget all, touch nothing shared. */
void tls_after_fork_child(void);

#endif
