/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our heap, in the arena that $BENCH_ARENA names. */
#include <stdlib.h>

#include <fusion/arena.h>
#include <fusion/heap.h>

static struct fusion_arena *arena;

#define MALLOC(n) fusion_malloc(arena, n)
#define FREE(p) fusion_free(arena, p)
#define REALLOC(p, old, n) fusion_realloc(arena, p, n)
#define TRIM() fusion_heap_trim(arena)
#define PEERS_FORK 1

static void heap_create(void);
static void heap_enter(void);
static void heap_leave(void);

#include "heap_load.h"

static void heap_create(void)
{
}

static void heap_enter(void)
{
	struct fusion_arena_options options = {.size = sizeof(options)};
	const char *name = getenv("BENCH_ARENA");
	int r = fusion_arena_enter(name ? name : "bench-heap", &options,
				   &arena);

	if (r < 0)
		worker_fail("enter", r);
}

static void heap_leave(void)
{
	fusion_arena_exit(arena);
}

int main(int argc, char **argv)
{
	return heap_main(argc, argv);
}
