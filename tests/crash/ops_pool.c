/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools. */
#include <fusion/heap.h>

#include "tests/crash/ops.h"

static void create(struct cast *c, size_t limit)
{
	struct fusion_heap_pool_options options = FUSION_HEAP_POOL_OPTIONS_INIT;

	options.limit = limit;
	ledger_claim(&c->ledger->pool, CLAIM_CHANGING);
	if (fusion_heap_pool_create(c->arena, "pool", &options, &c->pool) < 0)
		die("cannot create the pool");
	ledger_claim(&c->ledger->pool, CLAIM_PRESENT);
}

static void fill(struct cast *c)
{
	static const size_t sizes[] = {32, 700, 700, 40000, 300000, 200000};

	for (unsigned i = 0; i < 6; i++)
		ledger_keep(&c->ledger->pooled,
			    fusion_heap_pool_malloc(c->pool, sizes[i]));
}

static void an_empty_one(struct cast *c)
{
	create(c, 0);
}

static void a_small_one(struct cast *c)
{
	create(c, 65536);
	fusion_heap_pool_release(c->pool);
	fusion_heap_pool_lookup(c->arena, "pool", &c->pool);
}

static void a_full_one(struct cast *c)
{
	create(c, 0);
	fill(c);
}

/* Its record is used again, with another generation. */
static void one_that_was(struct cast *c)
{
	a_full_one(c);
	ledger_claim(&c->ledger->pool, CLAIM_CHANGING);
	fusion_heap_pool_destroy(c->pool);
	c->ledger->pooled.n = 0;
	ledger_claim(&c->ledger->pool, CLAIM_ABSENT);
}

static void run_create(struct cast *c)
{
	create(c, 1u << 20);
}

/* It is there already, or it is not. */
static void run_open(struct cast *c)
{
	ledger_claim(&c->ledger->pool, CLAIM_CHANGING);
	if (fusion_heap_pool_open(c->arena, "pool", NULL, &c->pool) < 0)
		die("cannot open the pool");
	ledger_claim(&c->ledger->pool, CLAIM_PRESENT);
}

static void run_refuse(struct cast *c)
{
	ledger_keep(&c->ledger->pooled, fusion_heap_pool_malloc(c->pool, 700));
	if (fusion_heap_pool_malloc(c->pool, 32))
		die("a pool's limit does not hold");
}

static void run_free(struct cast *c)
{
	struct ledger_list *pooled = &c->ledger->pooled;

	while (pooled->n)
		fusion_free(ledger_drop(pooled, pooled->block[0]));
}

static void run_destroy(struct cast *c)
{
	ledger_claim(&c->ledger->pool, CLAIM_CHANGING);
	if (fusion_heap_pool_destroy(c->pool) < 0)
		die("cannot destroy the pool");
	c->ledger->pooled.n = 0;
	ledger_claim(&c->ledger->pool, CLAIM_ABSENT);
}

/* clang-format off */
const struct op pool_ops[] = {
	{ "pool-create",       PART_MEMBER, NULL,	  run_create, 0 },
	{ "pool-create-again", PART_MEMBER, one_that_was, run_create, 0 },
	{ "pool-open",	       PART_MEMBER, one_that_was, run_open, 0 },
	{ "pool-open-again",   PART_MEMBER, an_empty_one, run_open, 0 },
	{ "pool-malloc",       PART_MEMBER, an_empty_one, fill, 1 },
	{ "pool-limit",	       PART_MEMBER, a_small_one,  run_refuse, 1 },
	{ "pool-free",	       PART_MEMBER, a_full_one,	  run_free, 1 },
	{ "pool-destroy",      PART_MEMBER, a_full_one,	  run_destroy, 0 },
};
/* clang-format on */

const unsigned n_pool_ops = N_OPS(pool_ops);
