/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread makes a slab for a pool, and another destroys the pool. */
#include <errno.h>

#include <fusion/heap.h>

#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/span.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"

#define SIZE 100

/* In the play's numbers. */
enum { INDEX, SPANS };

static struct fusion_heap_pool *pool; /* of each process */

static void make_pool(struct actor *a)
{
	struct pool_place at;

	if (fusion_heap_pool_create(a->arena, "old", NULL, &pool) < 0 ||
	    pool_find(a->v, a->me, "old", &at) < 0)
		die("cannot make a pool");
	a->play->n[INDEX] = at.index;
}

static void allocate(struct actor *a)
{
	void *p = fusion_heap_pool_malloc(pool, SIZE);

	/* Its pool may be gone before it or since; else what it gets is in the
	 * old pool and went with that. */
	if (!p && errno != ENOENT && errno != EINVAL && errno != ENOMEM &&
	    errno != EDQUOT && errno != EIDRM)
		fault(a->play, "no block: %d", errno);
}

/* The next one has its number. */
static void replace(struct actor *a)
{
	struct pool_place at;

	if (pool_find(a->v, a->me, "old", &at) < 0 ||
	    pool_destroy(a->v, a->me, &at) < 0 ||
	    fusion_heap_pool_create(a->arena, "new", NULL, &pool) < 0 ||
	    pool_find(a->v, a->me, "new", &at) < 0)
		die("cannot make a new pool");
	if (at.index != a->play->n[INDEX])
		die("the new pool has another number");
}

/* And a slab of its own. */
static void replace_and_allocate(struct actor *a)
{
	replace(a);
	if (!fusion_heap_pool_malloc(pool, SIZE))
		die("no block in the new pool");
	a->play->n[SPANS] = 1;
}

/* What the pool is said to use is compared by the checker. */
static void nothing_is_inherited(const struct view *v, struct play *play)
{
	uint64_t n = 0;

	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++) {
		uint64_t w = load_relaxed(span_word(v, i));

		n += !span_is_free(w) && WORD_POOL(w) == play->n[INDEX];
	}
	if (n != play->n[SPANS])
		fault(play, "the new pool has %llu spans, not %llu",
		      (unsigned long long)n,
		      (unsigned long long)play->n[SPANS]);
}

/* clang-format off */
const struct scene heap_scenes[] = {
	{"slab-of-a-pool-that-goes",
	 {{VICTIM, make_pool}}, allocate, replace,
	 {{0}}, nothing_is_inherited, span_alloc, 5, false},
	{"slab-of-a-pool-that-is-replaced",
	 {{VICTIM, make_pool}}, allocate, replace_and_allocate,
	 {{0}}, nothing_is_inherited, span_alloc, 3, false},
};
/* clang-format on */
const unsigned n_heap_scenes = sizeof(heap_scenes) / sizeof(*heap_scenes);
