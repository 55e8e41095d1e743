/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The heap, by its public calls. */
#include <stdint.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/heap/heap_private.h"
#include "libfusion/heap/refill.h"
#include "libfusion/heap/tls.h"
#include "tests/crash/ops.h"

/* Sizes whose classes nobody has used on the stage: a new slab each. */
#define NEW_SMALL 48   /* map at the start of the slab */
#define NEW_MIDDLE 700 /* map in the descriptor */
#define NEW_MEDIUM 40000
#define BIG 8192 /* 8 blocks a slab */
#define OLD 1000 /* a class with orphans */

static void *get(struct cast *c, size_t size)
{
	return ledger_keep(&c->ledger->live, fusion_malloc(c->arena, size));
}

static void let(struct cast *c, void *p)
{
	fusion_free(ledger_drop(&c->ledger->live, p));
}

static void make(struct cast *c, size_t size, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		c->p[c->n++] = get(c, size);
}

/* --- Prepared ------------------------------------------------------------- */

static void one_freed(struct cast *c)
{
	make(c, NEW_MIDDLE, 3);
	let(c, c->p[1]);
}

static void bump_run(struct cast *c)
{
	make(c, NEW_MIDDLE, 1);
}

static void few(struct cast *c)
{
	make(c, NEW_MIDDLE, 4);
}

/* Slabs of eight; all but the last is freed when the magazine is full. */
static void full_slabs(struct cast *c)
{
	make(c, BIG, 64);
	for (unsigned i = 0; i < 47; i++)
		let(c, c->p[i]);
}

static void two_runs(struct cast *c)
{
	make(c, 400000, 3);
}

static void hole_between_runs(struct cast *c)
{
	make(c, 400000, 3);
	let(c, c->p[1]);
}

static void run_at_the_end(struct cast *c)
{
	make(c, 6u << 20, 1);
}

static void punched(struct cast *c)
{
	make(c, 600000, 3);
	let(c, c->p[0]);
	let(c, c->p[1]);
	fusion_heap_trim(c->arena);
}

static void trimmable(struct cast *c)
{
	make(c, 600000, 3);
	let(c, c->p[0]);
	let(c, c->p[2]);
}

static void decayed(struct cast *c)
{
	struct view *v = &c->arena->view;

	trimmable(c);
	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++)
		if (WORD_KIND(*span_word(v, i)) == SPAN_FREE)
			*span_word(v, i) = SPAN_WORD(SPAN_FREE, 0, 1);
	heap_super(v)->trim_ns = 1;
}

static void at_the_limit(struct cast *c)
{
	c->arena->view.sb->limit = view_used(&c->arena->view) + 65536;
}

static void filled_slots(struct cast *c)
{
	static const size_t sizes[] = {NEW_MIDDLE, NEW_SMALL, 300000, 70000};

	for (unsigned i = 0; i < 4; i++)
		fusion_malloc_to(c->arena, sizes[i], &stage_slots(c->stage)[i]);
}

/* A block of another member's in a slot. */
static void foreign_slot(struct cast *c)
{
	stage_slots(c->stage)[5] =
		ledger_drop(&c->ledger->live, c->ledger->live.block[3]);
}

static void member_slab(struct cast *c)
{
	c->p[0] = fusion_malloc_member(c->arena, 300);
	c->p[1] = fusion_malloc_member(c->arena, 300);
	c->p[2] = fusion_malloc_member(c->arena, 500000);
}

/* A thread with slabs of all kinds, one of them empty. */
static void slabs_of_all_kinds(struct cast *c)
{
	make(c, NEW_SMALL, 3);
	make(c, NEW_MIDDLE, 3);
	make(c, NEW_MEDIUM, 2);
	make(c, BIG, 1);
	let(c, c->p[c->n - 1]);
	member_slab(c);
}

/* --- Stepped -------------------------------------------------------------- */

static void malloc_small(struct cast *c)
{
	get(c, NEW_SMALL);
	get(c, NEW_SMALL);
}

static void malloc_middle(struct cast *c)
{
	get(c, NEW_MIDDLE);
	get(c, NEW_MIDDLE);
}

static void malloc_medium(struct cast *c)
{
	get(c, NEW_MEDIUM);
}

static void malloc_old(struct cast *c)
{
	for (unsigned i = 0; i < 5; i++)
		get(c, OLD);
}

static void malloc_run(struct cast *c)
{
	get(c, 200000);
}

static void malloc_huge(struct cast *c)
{
	get(c, 5u << 20);
}

static void malloc_too_much(struct cast *c)
{
	if (fusion_malloc(c->arena, 8u << 20))
		die("the limit does not hold");
	get(c, NEW_MEDIUM);
}

static void free_one(struct cast *c)
{
	let(c, c->p[1]);
	get(c, NEW_MIDDLE);
}

static void free_many(struct cast *c)
{
	for (unsigned i = 0; i < 4; i++)
		let(c, c->p[i]);
}

/* The magazine overflows, slabs become empty and are given back. */
static void free_slabs(struct cast *c)
{
	for (unsigned i = 47; i < 64; i++)
		let(c, c->p[i]);
}

/* Of the past: in slabs of the peer and in orphans, small, medium and runs. */
static void free_foreign(struct cast *c)
{
	struct ledger_list *live = &c->ledger->live;

	for (unsigned i = 0; i < 20; i++)
		let(c, live->block[(i * 7 + 1) % live->n]);
}

static void free_run(struct cast *c)
{
	let(c, c->p[1]);
	let(c, c->p[0]);
}

static void free_wrong(struct cast *c)
{
	char *p = c->p[0];
	/* The compiler is not to warn of what is wrong here. */
	void *volatile inside = p + 16, *volatile outside = c;

	if (fusion_free(c->p[1]) == 0 || fusion_free(inside) == 0 ||
	    fusion_free(outside) == 0)
		die("a wrong free was taken");
}

static void resize(struct cast *c, unsigned i, size_t size)
{
	void *p = ledger_drop(&c->ledger->live, c->p[i]);

	c->p[i] = ledger_keep(&c->ledger->live,
			      fusion_realloc(c->arena, p, size));
}

static void realloc_classes(struct cast *c)
{
	resize(c, 0, NEW_MIDDLE - 50);
	resize(c, 0, 2000);
	resize(c, 0, 20);
}

static void realloc_grow(struct cast *c)
{
	resize(c, 0, 600000);
}

static void realloc_grow_at_the_end(struct cast *c)
{
	resize(c, 0, (6u << 20) + 200000);
}

static void realloc_shrink(struct cast *c)
{
	resize(c, 1, 200000);
	resize(c, 1, 1000);
}

static void realloc_move(struct cast *c)
{
	resize(c, 0, 900000);
}

static void aligned(struct cast *c)
{
	struct ledger_list *live = &c->ledger->live;

	ledger_keep(live, fusion_aligned_alloc(c->arena, 256, 100));
	ledger_keep(live, fusion_aligned_alloc(c->arena, 4096, 5000));
	ledger_keep(live, fusion_aligned_alloc(c->arena, 65536, 300));
	ledger_keep(live, fusion_aligned_alloc(c->arena, 1u << 20, 70000));
}

static void other_calls(struct cast *c)
{
	struct ledger_list *live = &c->ledger->live;

	ledger_keep(live, fusion_calloc(c->arena, 20, 35));
	ledger_keep(live, fusion_strdup(c->arena, "a string"));
	ledger_keep(live, fusion_realloc(c->arena, NULL, 90));
	fusion_usable_size(live->block[0]);
}

static void malloc_to(struct cast *c)
{
	static const size_t sizes[] = {NEW_SMALL, NEW_MIDDLE, NEW_MIDDLE,
				       OLD,	  NEW_MEDIUM, 300000};

	for (unsigned i = 0; i < 6; i++)
		if (fusion_malloc_to(c->arena, sizes[i],
				     &stage_slots(c->stage)[i]) < 0)
			die("malloc_to");
}

static void free_from(struct cast *c)
{
	for (unsigned i = 0; i < 6; i++)
		if (fusion_free_from(&stage_slots(c->stage)[i]) < 0)
			die("free_from");
}

/* They end with the victim: the ledger does not know them. */
static void malloc_member(struct cast *c)
{
	c->p[0] = fusion_malloc_member(c->arena, 300);
	c->p[1] = fusion_malloc_member(c->arena, 300000);
	c->p[2] = fusion_malloc_member(c->arena, NEW_MEDIUM);
}

static void free_member(struct cast *c)
{
	for (unsigned i = 0; i < 3; i++)
		fusion_free(c->p[i]);
}

static void trim(struct cast *c)
{
	fusion_heap_trim(c->arena);
}

/* As the destructor in tls.c does. */
static void end_thread(struct cast *c)
{
	struct tcache *t = tls_current;

	heap_cache_release(t);
	thread_release(&c->arena->view, t->rec);
}

/* clang-format off */
const struct op heap_ops[] = {
	{ "malloc-magazine",	PART_MEMBER, one_freed,		malloc_middle, 1 },
	{ "malloc-bump",	PART_MEMBER, bump_run,		malloc_middle, 1 },
	{ "malloc-new-slab",	PART_MEMBER, NULL,		malloc_middle, 1 },
	{ "malloc-new-small",	PART_MEMBER, NULL,		malloc_small, 1 },
	{ "malloc-new-medium",	PART_MEMBER, NULL,		malloc_medium, 1 },
	{ "malloc-adopt",	PART_MEMBER, NULL,		malloc_old, 1 },
	{ "malloc-first",	PART_NEWCOMER, NULL,		malloc_middle, 1 },
	{ "malloc-run",		PART_MEMBER, NULL,		malloc_run, 1 },
	{ "malloc-run-hole",	PART_MEMBER, hole_between_runs,	malloc_run, 1 },
	{ "malloc-run-grow",	PART_MEMBER, NULL,		malloc_huge, 1 },
	{ "malloc-run-punched",	PART_MEMBER, punched,		malloc_run, 1 },
	{ "malloc-slab-punched", PART_MEMBER, punched,		malloc_medium, 1 },
	{ "malloc-limit",	PART_MEMBER, at_the_limit,	malloc_too_much, 1 },
	{ "malloc-decay",	PART_MEMBER, decayed,		malloc_run, 1 },
	{ "free-own",		PART_MEMBER, few,		free_one, 1 },
	{ "free-own-overflow",	PART_MEMBER, few,		free_many, 1 },
	{ "free-own-slabs",	PART_MEMBER, full_slabs,	free_slabs, 1 },
	{ "free-foreign",	PART_MEMBER, NULL,		free_foreign, 1 },
	{ "free-run",		PART_MEMBER, two_runs,		free_run, 1 },
	{ "free-wrong",		PART_MEMBER, one_freed,		free_wrong, 0 },
	{ "realloc-class",	PART_MEMBER, few,		realloc_classes, 2 },
	{ "realloc-run-grow",	PART_MEMBER, hole_between_runs,	realloc_grow, 2 },
	{ "realloc-run-end",	PART_MEMBER, run_at_the_end,	realloc_grow_at_the_end, 2 },
	{ "realloc-run-shrink",	PART_MEMBER, two_runs,		realloc_shrink, 2 },
	{ "realloc-run-move",	PART_MEMBER, two_runs,		realloc_move, 2 },
	{ "aligned-alloc",	PART_MEMBER, NULL,		aligned, 1 },
	{ "calloc-strdup",	PART_MEMBER, NULL,		other_calls, 1 },
	{ "malloc-to",		PART_MEMBER, NULL,		malloc_to, 0 },
	{ "malloc-to-warm",	PART_MEMBER, slabs_of_all_kinds, malloc_to, 0 },
	{ "free-from",		PART_MEMBER, filled_slots,	free_from, 0 },
	{ "free-from-foreign",	PART_MEMBER, foreign_slot,	free_from, 0 },
	{ "member-malloc",	PART_MEMBER, NULL,		malloc_member, 0 },
	{ "member-free",	PART_MEMBER, member_slab,	free_member, 0 },
	{ "heap-trim",		PART_MEMBER, trimmable,		trim, 0 },
	{ "thread-exit",	PART_MEMBER, slabs_of_all_kinds, end_thread, 0 },
};
/* clang-format on */

const unsigned n_heap_ops = N_OPS(heap_ops);
