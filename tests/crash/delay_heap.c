/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread uses, opens or destroys a pool while another destroys it or opens it
 * too. */
#include <errno.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/span.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"

#define SIZE 100

/* In the play's numbers. */
enum { INDEX, SPANS, OLD_ID, FOUND_ID, OPENED };

static struct fusion_heap_pool *pool; /* of each process */

static void make_pool(struct actor *a)
{
	struct pool_place at;

	if (fusion_heap_pool_create(a->arena, "old", NULL, &pool) < 0 ||
	    pool_find(a->v, a->me, "old", &at) < 0)
		die("cannot make a pool");
	a->play->n[INDEX] = at.index;
	a->play->n[OLD_ID] = at.id;
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

/* --- One pool, and not another ---------------------------------------------
 */

static void open_pool(struct actor *a)
{
	if (fusion_heap_pool_open(a->arena, "one", NULL, &pool) < 0)
		die("cannot open a pool");
	a->play->n[OPENED + a->role] = fusion_heap_pool_id(pool);
}

static void one_is_opened(const struct view *v, struct play *play)
{
	(void)v;
	if (play->n[OPENED + VICTIM] != play->n[OPENED + RIVAL])
		fault(play, "pools %llu and %llu have one name",
		      (unsigned long long)play->n[OPENED + VICTIM],
		      (unsigned long long)play->n[OPENED + RIVAL]);
}

static void destroy(struct actor *a)
{
	int r = fusion_heap_pool_destroy(pool);

	if (r < 0 && r != -EIDRM)
		fault(a->play, "the pool is not destroyed: %d", r);
}

/* The new one may have the record of the old one, whoever destroys that. */
static void destroy_and_make(struct actor *a)
{
	struct pool_place at;
	int r = pool_find(a->v, a->me, "old", &at);

	if (r == 0)
		r = pool_destroy(a->v, a->me, &at);
	if ((r < 0 && r != -ENOENT && r != -EIDRM) ||
	    fusion_heap_pool_create(a->arena, "new", NULL, &pool) < 0)
		die("cannot make a new pool");
}

static void new_one_stays(const struct view *v, struct play *play)
{
	struct pool_info info;
	unsigned n = 0;
	int r;

	for (uint32_t i = 0; (r = pool_copy(v, i, &info)) != -ERANGE; i++)
		n += r == 0 && !strcmp(info.name, "new");
	if (n != 1)
		fault(play, "there are %u new pools", n);
}

static void look_up(struct actor *a)
{
	int r = fusion_heap_pool_lookup(a->arena, "old", &pool);

	if (r < 0 && r != -ENOENT)
		fault(a->play, "the pool is not looked up: %d", r);
	a->play->n[FOUND_ID] = r < 0 ? 0 : fusion_heap_pool_id(pool);
}

static void old_one_is_found(const struct view *v, struct play *play)
{
	(void)v;
	if (play->n[FOUND_ID] && play->n[FOUND_ID] != play->n[OLD_ID])
		fault(play, "pool %llu was found, and it is another one",
		      (unsigned long long)play->n[FOUND_ID]);
}

/* clang-format off */
const struct scene heap_scenes[] = {
	{"slab-of-a-pool-that-goes",
	 {{VICTIM, make_pool}}, allocate, replace,
	 {{0}}, nothing_is_inherited, span_alloc, 5, false},
	{"slab-of-a-pool-that-is-replaced",
	 {{VICTIM, make_pool}}, allocate, replace_and_allocate,
	 {{0}}, nothing_is_inherited, span_alloc, 3, false},
	{"pool-opened-by-two",
	 {{0}}, open_pool, open_pool,
	 {{0}}, one_is_opened, pool_open, 1, false},
	{"pool-destroyed-as-another-comes",
	 {{VICTIM, make_pool}}, destroy, destroy_and_make,
	 {{0}}, new_one_stays, fusion_heap_pool_destroy, 5, false},
	{"pool-looked-up-as-another-comes",
	 {{RIVAL, make_pool}}, look_up, destroy_and_make,
	 {{0}}, old_one_is_found, fusion_heap_pool_lookup, 1, false},
};
/* clang-format on */
const unsigned n_heap_scenes = sizeof(heap_scenes) / sizeof(*heap_scenes);
