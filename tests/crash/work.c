/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/work_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK 0x5eed5eed5eed5eedull

void fail(const struct worker *k, const char *what, const void *p)
{
	printf("# worker %u: %s (%p)\n", k->w, what, p);
	fflush(stdout);
	abort();
}

void fail_error(const struct worker *k, const char *what, int r)
{
	printf("# worker %u: %s: %s\n", k->w, what, strerror(-r));
	fflush(stdout);
	abort();
}

void must(struct worker *k, int r, const char *what)
{
	if (r < 0)
		fail_error(k, what, r);
}

struct places *work_prepare(struct fusion_arena *a)
{
	struct places *t = fusion_calloc(a, 1, sizeof(*t));

	if (!t || work_prepare_locks(a, t) < 0 || work_prepare_refs(a, t) < 0 ||
	    work_prepare_objects(a, t) < 0 || work_prepare_reactors(a, t) < 0)
		return NULL;
	return fusion_arena_set_root(a, t) == 0 ? t : NULL;
}

void work_field_name(char name[32], unsigned w, unsigned i)
{
	snprintf(name, 32, "worker%u.%u", w, i);
}

void work_pool_name(char name[32], unsigned w)
{
	snprintf(name, 32, "pool%u", w);
}

/* --- Blocks ----------------------------------------------------------------
 */

static size_t some_size(struct rng *rng)
{
	uint32_t kind = rng_below(rng, 100);

	if (kind < 70)
		return 16 + rng_below(rng, 600);
	if (kind < 92)
		return 600 + rng_below(rng, 8000);
	if (kind < 97)
		return 8192 + rng_below(rng, 100000);
	return 100000 + rng_below(rng, 700000);
}

/* First and last word say whose they are: a block that is given out twice, or
 * overlaps another, shows. */
static void mark(uint64_t *p)
{
	uint64_t *last = p + fusion_usable_size(p) / 8 - 1;

	*p = (uint64_t)(uintptr_t)p ^ MARK;
	*last = *p;
}

static void check_mark(const struct worker *k, const uint64_t *p)
{
	size_t size = fusion_usable_size(p);

	if (!size)
		fail(k, "a block that is in the table is free", p);
	if (*p != ((uint64_t)(uintptr_t)p ^ MARK) || p[size / 8 - 1] != *p)
		fail(k, "a block was given out twice", p);
}

static void **some_plain(struct worker *k)
{
	return &k->table->plain[rng_below(k->rng, WORKERS)]
			       [rng_below(k->rng, ROW)];
}

/* Taken out of the table, a block is ours alone. */
static void *swap(void **slot, void *p)
{
	return __atomic_exchange_n(slot, p, __ATOMIC_ACQ_REL);
}

static void let(struct worker *k, void *p)
{
	void *volatile at = p; /* what is freed is not to be named any more */

	if (!p)
		return;
	check_mark(k, p);
	if (fusion_free(p) < 0)
		fail(k, "a block cannot be freed", at);
}

void do_malloc(struct worker *k)
{
	void *p = fusion_malloc(k->arena, some_size(k->rng));

	if (!p)
		return;
	mark(p);
	let(k, swap(some_plain(k), p));
}

static void do_free(struct worker *k)
{
	let(k, swap(some_plain(k), NULL));
}

static void do_realloc(struct worker *k)
{
	void *p = swap(some_plain(k), NULL), *q;

	if (!p)
		return;
	check_mark(k, p);
	q = fusion_realloc(k->arena, p, some_size(k->rng));
	if (!q)
		q = p;
	mark(q);
	let(k, swap(some_plain(k), q));
}

static void do_aligned(struct worker *k)
{
	void *p = fusion_aligned_alloc(k->arena, 16u << rng_below(k->rng, 14),
				       some_size(k->rng));

	if (!p)
		return;
	mark(p);
	let(k, swap(some_plain(k), p));
}

/* Only its own row: two cannot free from one slot at a time. */
static void do_exact(struct worker *k)
{
	void **slot = &k->table->exact[k->w][rng_below(k->rng, ROW)];
	int r;

	if (*slot)
		r = fusion_free_from(slot);
	else
		r = fusion_malloc_to(k->arena, some_size(k->rng), slot);
	if (r < 0 && r != -ENOMEM)
		fail(k, strerror(-r), *slot);
	if (*slot)
		memset(*slot, 0xee, 16);
}

static void do_member(struct worker *k)
{
	void *p = fusion_malloc_member(k->arena, some_size(k->rng));

	if (p && rng_below(k->rng, 2))
		fusion_free(p);
}

/* --- Pools, fields, threads ------------------------------------------------
 */

static void do_pool(struct worker *k)
{
	struct fusion_heap_pool_options options = FUSION_HEAP_POOL_OPTIONS_INIT;
	char name[32];

	work_pool_name(name, k->w);
	options.limit = 1u << 20;
	if (!k->pool &&
	    fusion_heap_pool_open(k->arena, name, &options, &k->pool) < 0) {
		k->pool = NULL;
		return;
	}
	for (unsigned n = rng_below(k->rng, 6); n; n--)
		if (!fusion_heap_pool_malloc(k->pool, some_size(k->rng)))
			break;
	if (rng_below(k->rng, 3))
		return;
	if (fusion_heap_pool_destroy(k->pool) < 0)
		fail(k, "a pool cannot be destroyed", k->pool);
	k->pool = NULL;
}

static void do_field(struct worker *k)
{
	unsigned i = rng_below(k->rng, ROW);
	void *at = &k->table->exact[k->w][i];
	char name[32];
	int r;

	work_field_name(name, k->w, i);
	r = fusion_field_create(
		k->arena, name,
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = 8,
			.type = "slot",
			.data = at},
		NULL);
	if (r == -EEXIST)
		r = fusion_field_remove(k->arena, name);
	if (r < 0 && r != -ENOMEM)
		fail(k, strerror(-r), at);
}

static void do_look(struct worker *k)
{
	unsigned w = rng_below(k->rng, WORKERS), i = rng_below(k->rng, ROW);
	char name[32];
	void *p;

	work_field_name(name, w, i);
	if (fusion_field_lookup(k->arena, name, 0, NULL, &p) == 0 &&
	    p != &k->table->exact[w][i])
		fail(k, "a field points elsewhere", p);
}

static void *thread(void *arg)
{
	struct worker *k = arg;

	for (unsigned i = 0; i < 10; i++) {
		do_malloc(k);
		do_free(k);
		do_exact(k);
	}
	return NULL;
}

static void do_thread(struct worker *k)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread, k) == 0)
		pthread_join(t, NULL);
}

static void do_trim(struct worker *k)
{
	fusion_heap_trim(k->arena);
}

/* clang-format off */
static const struct {
	unsigned weight;
	void (*run)(struct worker *);
} deeds[] = {
	{ 30, do_malloc },  { 20, do_free },   { 10, do_realloc },
	{  3, do_aligned }, { 20, do_exact },  {  4, do_member },
	{  3, do_pool },    {  8, do_field },  {  6, do_look },
	{  1, do_thread },  {  1, do_trim },
	{ 20, do_lock },    {  8, do_locks },  { 12, do_property },
	{  4, do_make_lock }, { 4, do_their_lock },
	{ 12, do_count },   {  8, do_throw },  { 12, do_zero },
	{  8, do_global },  { 12, do_own },    {  4, do_make_ref },
	{  4, do_their_ref }, { 4, do_count_light },
	{  6, do_listen },  { 14, do_say },    {  3, do_make_reactor },
	{  6, do_their_reactor },
	{ 16, do_make_object }, { 16, do_use_object },
	{  4, do_catch_object }, { 8, do_unlink_object },
	{  4, do_get_object }, { 12, do_duty }, { 3, do_object_pool },
	{  4, do_hear_object }, { 16, do_hear },
};
#define FIRST_OF_REACTORS 24
#define FIRST_OF_OBJECTS 28
/* clang-format on */

static unsigned first_deed;

void work_only_objects(void)
{
	first_deed = FIRST_OF_OBJECTS;
}

void work_only_reactors(void)
{
	first_deed = FIRST_OF_REACTORS;
}

static uint32_t weigh(void)
{
	uint32_t sum = 0;

	for (unsigned i = first_deed; i < sizeof(deeds) / sizeof(*deeds); i++)
		sum += deeds[i].weight;
	return sum;
}

void work(struct fusion_arena *a, unsigned w, struct rng *rng, unsigned n)
{
	struct worker k = {
		.arena = a,
		.table = fusion_arena_root(a),
		.w = w,
		.rng = rng,
	};
	uint32_t all = weigh();

	work_begin_refs(&k);
	work_begin_objects(&k);
	work_begin_reactors(&k);
	while (n--) {
		uint32_t at = rng_below(rng, all);
		unsigned i = first_deed;

		while (at >= deeds[i].weight)
			at -= deeds[i++].weight;
		deeds[i].run(&k);
	}
	work_end_reactors(&k);
	fusion_heap_pool_release(k.pool);
}
