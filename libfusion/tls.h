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

#include "libfusion/arena_private.h"
#include "libfusion/core/limits.h"

struct block_ref {
	char *p;
	uint8_t *map;
};

struct bin {
	uint32_t top;	/* blocks in the magazine */
	uint32_t left;	/* blocks in the bump run */
	char *run_p;	/* next block of the run */
	uint8_t *run_m; /* and its map byte */
	uint32_t size;	/* of a block */
	uint32_t n_slabs, cur, cap;
	uint32_t *slabs;
	struct block_ref magazine[LIMIT_MAGAZINE];
};

/* The bins for one kind of spans. */
struct bins {
	struct bins *next;
	uint64_t word; /* SPAN_POOL() and SPAN_MEMBER of its spans */
	uint32_t gen;  /* of the pool */
	struct bin bin[HEAP_CLASSES];
};

struct tcache {
	struct fusion_arena *arena; /* NULL once the process has left */
	uint32_t token;
	uint8_t tag;
	uint32_t span_hi; /* a while ago; there is memory for the words below */
	struct thread_rec *rec;
	struct bins main;
	struct bins *others; /* pools', member-lifetime */
	struct tcache *next_of_thread;
	struct tcache *next_of_arena, **prev_of_arena;
};

extern __thread struct tcache *tls_current
	__attribute__((tls_model("initial-exec")));

/* The calling thread's cache of @arena, made when there is none; NULL and
 * errno. */
struct tcache *tls_cache_slow(struct fusion_arena *arena);

static inline struct tcache *tls_cache(struct fusion_arena *arena)
{
	struct tcache *c = tls_current;

	if (__builtin_expect(c && c->arena == arena, 1))
		return c;
	return tls_cache_slow(arena);
}

/* The calling thread's record; NULL and errno. */
struct thread_rec *thread_rec_of(struct fusion_arena *arena);

/* The process leaves: no thread has anything of @arena any more. */
void tls_arena_leave(struct fusion_arena *arena);
/* In the child of a fork: forget all, touch nothing shared. */
void tls_after_fork_child(void);

/* heap.c: give the slabs of a cache back and free its private memory. */
void heap_cache_init(struct tcache *c);
void heap_cache_drop(struct tcache *c);	   /* private memory only */
void heap_cache_release(struct tcache *c); /* slabs to others, then drop */

#endif
