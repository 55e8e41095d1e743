/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/audit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "tests/crash/ledger.h"

__attribute__((format(printf, 2, 3))) static void fault(struct audit *au,
							const char *fmt, ...)
{
	va_list ap;

	if (au->faults++ > 20)
		return;
	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void report(void *ctx, const char *what)
{
	fault(ctx, "checker: %s", what);
}

/* --- What is known ----------------------------------------------------------
 */

struct known {
	void *block[2 * WORKERS * ROW + 1];
	unsigned n;
};

static int by_address(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return x < y ? -1 : x > y;
}

static void know_row(struct audit *au, struct fusion_arena *a, struct known *k,
		     void **row, const char *what)
{
	for (unsigned i = 0; i < ROW; i++) {
		if (!row[i])
			continue;
		if (!heap_is_allocated(&a->view, row[i]))
			fault(au, "a block %s is lost: %p", what, row[i]);
		k->block[k->n++] = row[i];
	}
}

static void know(struct audit *au, struct fusion_arena *a, struct known *k)
{
	struct places *t = fusion_arena_root(a);

	k->n = 0;
	k->block[k->n++] = t;
	for (unsigned w = 0; w < WORKERS; w++) {
		know_row(au, a, k, t->exact[w], "of malloc_to()");
		know_row(au, a, k, t->plain[w], "of malloc()");
	}
	qsort(k->block, k->n, sizeof(*k->block), by_address);
	for (unsigned i = 1; i < k->n; i++)
		if (k->block[i] == k->block[i - 1])
			fault(au, "a block is there twice: %p", k->block[i]);
}

/* --- What is there ----------------------------------------------------------
 */

static void meet(struct audit *au, const struct known *k, void *p)
{
	void *volatile at = p; /* what is freed is not to be named any more */

	if (bsearch(&p, k->block, k->n, sizeof(p), by_address))
		return;
	au->leaks++;
	if (fusion_free(p) < 0)
		fault(au, "a leaked block cannot be freed: %p", at);
}

static void meet_slab(struct audit *au, struct fusion_arena *a,
		      const struct known *k, uint32_t span, unsigned class)
{
	const struct class_info *c = &a->classes[class];
	const uint8_t *map = slab_map(&a->view, c, span);

	for (uint32_t i = 0; i < c->n_blocks; i++)
		if (map[i])
			meet(au, k, slab_block(&a->view, c, span, i));
}

static void meet_all(struct audit *au, struct fusion_arena *a,
		     const struct known *k)
{
	const struct view *v = &a->view;

	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++) {
		uint64_t w = *span_word(v, i);

		if (WORD_KIND(w) == SPAN_HEAD)
			meet(au, k, span_at(v, i));
		else if (WORD_KIND(w) == SPAN_SLAB)
			meet_slab(au, a, k, i, WORD_CLASS(w));
	}
}

static void drop_pools(struct audit *au, struct fusion_arena *a)
{
	struct fusion_heap_pool *pool;
	char name[32];

	for (unsigned w = 0; w < WORKERS; w++) {
		work_pool_name(name, w);
		if (fusion_heap_pool_lookup(a, name, &pool) == 0 &&
		    fusion_heap_pool_destroy(pool) < 0)
			fault(au, "%s cannot be destroyed", name);
	}
}

static void drop_fields(struct audit *au, struct fusion_arena *a)
{
	struct places *t = fusion_arena_root(a);
	char name[32];
	void *p;

	for (unsigned w = 0; w < WORKERS; w++) {
		for (unsigned i = 0; i < ROW; i++) {
			work_field_name(name, w, i);
			if (fusion_field_lookup(a, name, 0, NULL, &p) < 0)
				continue;
			if (p != &t->exact[w][i])
				fault(au, "field %s points elsewhere", name);
			if (fusion_field_remove(a, name) < 0)
				fault(au, "field %s cannot be removed", name);
		}
	}
	if (a->view.sb->tables[KIND_FIELD].n)
		fault(au, "%u fields that nobody has added",
		      a->view.sb->tables[KIND_FIELD].n);
}

static void check(struct audit *au, struct fusion_arena *a)
{
	struct view *v = &a->view;
	uint32_t joining, alive, leaving;

	if (life_lock(v, -1) < 0)
		die("no life lock");
	member_count(v, v->slot, &joining, &alive, &leaving);
	if (joining + alive + leaving)
		fault(au, "%u members are still inside",
		      joining + alive + leaving);
	arena_check(v, report, au);
	life_unlock(v);
}

void audit(struct audit *au, struct fusion_arena *a, unsigned kills)
{
	uint64_t before = au->leaks;
	const char *wrong;
	struct known k;

	check(au, a);
	wrong = audit_locks(a, fusion_arena_root(a));
	if (wrong)
		fault(au, "%s", wrong);
	wrong = audit_objects(a, fusion_arena_root(a), kills);
	if (wrong)
		fault(au, "%s", wrong);
	wrong = audit_reactors(a, fusion_arena_root(a), kills);
	if (wrong)
		fault(au, "%s", wrong);
	wrong = audit_refs(a, fusion_arena_root(a));
	if (wrong)
		fault(au, "%s", wrong);
	drop_fields(au, a);
	drop_pools(au, a);
	know(au, a, &k);
	meet_all(au, a, &k);
	if (au->leaks - before > kills * LEAK_MAX)
		fault(au, "%u kills have left %llu blocks", kills,
		      (unsigned long long)(au->leaks - before));
	check(au, a);
}

/* Each span is free now, or in a slab that the caller has made itself. */
void audit_end(struct audit *au, struct fusion_arena *a)
{
	struct known none = {.n = 0};
	struct view *v = &a->view;
	struct heap_usage u;
	uint64_t mine = 0;

	audit(au, a, 0);
	meet_all(&(struct audit){0}, a, &none);
	fusion_arena_set_root(a, NULL);
	fusion_heap_trim(a);
	heap_usage(v, &u);
	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++) {
		uint64_t w = *span_word(v, i);

		if (WORD_KIND(w) == SPAN_SLAB && WORD_TOKEN(w))
			mine += slab_class_spans(WORD_CLASS(w));
	}
	if (u.blocks || u.spans_run || u.spans_txn || u.spans_slab != mine ||
	    u.spans_free + u.spans_punched + mine !=
		    span_hi(v) - v->geo.first_span)
		fault(au, "%llu spans are lost",
		      (unsigned long long)(span_hi(v) - v->geo.first_span -
					   u.spans_free - u.spans_punched -
					   mine));
	check(au, a);
}
