/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bins: the slabs of a thread, by size class
 *
 * The list of a bin is private.  The slab's descriptor has the slab's index in
 * the list, so that all but growing the list takes constant time.  The index is
 * in shared memory, where a member may overwrite it: it is a hint, and is
 * checked against the list.
 */
#include "libfusion/heap/bin.h"

#include <stdlib.h>
#include <string.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/pool.h"

void *cache_line_alloc(size_t size)
{
	void *p = aligned_alloc(CACHE_LINE, size);

	return p ? memset(p, 0, size) : NULL;
}

static void bins_init(struct fusion_arena *a, struct bins *bins,
		      uint64_t purpose)
{
	bins->purpose = purpose;
	for (unsigned i = 0; i < HEAP_CLASSES; i++) {
		const struct class_info *k = &a->classes[i];
		struct bin *b = &bins->bin[i];

		b->map_base = (uint8_t *)a->view.base + k->map_add;
		b->map_mul = k->map_mul;
		b->magic = k->magic;
		b->data_off = k->data_off;
		b->size = k->size;
		b->n_blocks = k->n_blocks;
		b->class = i;
	}
}

bool bins_stale(const struct tcache *c, const struct bins *b)
{
	const struct pool_rec *p =
		pool_at(&c->arena->view, WORD_POOL(b->purpose));

	/* We must see `gen` of the pool that is USED: acquire here, release in
	 * pool_create(). */
	return p && (load_acquire(&p->state) != POOL_USED ||
		     load_relaxed(&p->gen) != b->gen);
}

/* Forget the slabs of a pool that was destroyed: its spans are free, and
 * another pool may have its number. */
static void bins_forget(struct bins *b)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++) {
		b->bin[i].top = 0;
		b->bin[i].dropping = 0;
		b->bin[i].run_p = b->bin[i].run_end;
		b->bin[i].n_slabs = b->bin[i].n_ready = 0;
	}
}

struct bins *bins_get(struct tcache *c, uint64_t purpose, bool make)
{
	const struct pool_rec *p = pool_at(&c->arena->view, WORD_POOL(purpose));
	struct bins *b = c->others;

	while (b && b->purpose != purpose)
		b = b->next;
	if (b && bins_stale(c, b)) {
		bins_forget(b);
		b->gen = load_relaxed(&p->gen);
	}
	if (b || !make)
		return b;
	b = cache_line_alloc(sizeof(*b));
	if (!b)
		return NULL;
	bins_init(c->arena, b, purpose);
	b->gen = p ? load_relaxed(&p->gen) : 0;
	b->next = c->others;
	c->others = b;
	return b;
}

bool bin_room(struct bin *b)
{
	uint32_t cap = b->cap ? b->cap * 2 : 16;
	uint32_t *slabs;

	if (b->n_slabs < b->cap)
		return true;
	slabs = realloc(b->slabs, cap * sizeof(*slabs));
	if (!slabs)
		return false;
	b->slabs = slabs;
	b->cap = cap;
	return true;
}

static uint32_t bin_index_of(struct fusion_arena *a, const struct bin *b,
			     uint32_t span)
{
	uint32_t at = load_relaxed(&span_desc(&a->view, span)->at);

	if (at < b->n_slabs && b->slabs[at] == span)
		return at;
	for (at = 0; at < b->n_slabs && b->slabs[at] != span; at++)
		;
	return at;
}

static void bin_put(struct fusion_arena *a, struct bin *b, uint32_t at,
		    uint32_t span)
{
	b->slabs[at] = span;
	store_relaxed(&span_desc(&a->view, span)->at, at);
}

static void bin_swap(struct fusion_arena *a, struct bin *b, uint32_t i,
		     uint32_t j)
{
	uint32_t span = b->slabs[i];

	bin_put(a, b, i, b->slabs[j]);
	bin_put(a, b, j, span);
}

void bin_add(struct fusion_arena *a, struct bin *b, uint32_t span)
{
	bin_put(a, b, b->n_slabs++, span);
	span_desc(&a->view, span)->hasfree = 0;
	bin_ready(a, b, span);
}

void bin_ready(struct fusion_arena *a, struct bin *b, uint32_t span)
{
	uint32_t at = bin_index_of(a, b, span);

	span_desc(&a->view, span)->hasfree = 1;
	if (at < b->n_slabs && at >= b->n_ready)
		bin_swap(a, b, at, b->n_ready++);
}

void bin_spent(struct fusion_arena *a, struct bin *b, uint32_t span)
{
	uint32_t at = bin_index_of(a, b, span);

	span_desc(&a->view, span)->hasfree = 0;
	if (at < b->n_ready)
		bin_swap(a, b, at, --b->n_ready);
}

void bin_remove(struct fusion_arena *a, struct bin *b, uint32_t span)
{
	uint32_t at;

	b->dropping = 0;
	bin_spent(a, b, span);
	at = bin_index_of(a, b, span);
	if (at < b->n_slabs)
		bin_swap(a, b, at, --b->n_slabs);
}

void cache_init(struct tcache *c)
{
	struct view *v = &c->arena->view;

	c->base = v->base;
	c->span = v->geo.span;
	c->words = span_word(v, 0);
	c->descs = span_desc(v, 0);
	c->token = thread_token(c->rec);
	c->tag = c->arena->tag;
	c->span_hi = span_hi(v);
	bins_init(c->arena, &c->main, 0);
}

static void drop_lists(struct bins *bins)
{
	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		free(bins->bin[i].slabs);
}

void cache_drop(struct tcache *c)
{
	struct bins *b, *next;

	drop_lists(&c->main);
	memset(&c->main, 0, sizeof(c->main));
	for (b = c->others; b; b = next) {
		next = b->next;
		drop_lists(b);
		free(b);
	}
	c->others = NULL;
}
