/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work under locks: what a skirmish guards is changed by two stores, what a
 * property guards says who is at it
 *
 * A death between the two stores is told (-EOWNERDEAD) and mended; anything
 * else that is found half done was done by two at once.
 */
#include <errno.h>
#include <stdio.h>

#include <fusion/fusion.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "tests/crash/work_private.h"

#define SHORT_NS 200000 /* as long as a worker waits where it need not */

int work_prepare_locks(struct fusion_arena *a, struct places *t)
{
	const struct fusion_property_options o = {
		.size = sizeof(o),
		.lease_window_ns = SHORT_NS,
		.purchase_window_ns = SHORT_NS,
	};
	char name[32];
	int r = 0;

	for (unsigned i = 0; !r && i < GUARDED; i++) {
		snprintf(name, sizeof(name), "guard%u", i);
		r = fusion_skirmish_create(a, name, NULL, &t->guarded[i].lock);
		if (!r)
			r = fusion_property_create(a, name, &o,
						   &t->leased[i].property);
	}
	return r;
}

/* --- Skirmishes ------------------------------------------------------------
 */

/* It is ours: is all as its last owner left it? */
static void begin(struct worker *k, struct guarded *g, bool died)
{
	uint32_t nobody = 0;

	if (died)
		__atomic_store_n(&g->inside, 0, __ATOMIC_RELAXED);
	if (!__atomic_compare_exchange_n(&g->inside, &nobody, k->w + 1, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		fail(k, "two have one lock", g);
	if (g->count != g->twin && !died)
		fail(k, "nobody died, and what a lock guards is half done", g);
	g->twin = g->count;
}

static void change(struct guarded *g)
{
	__atomic_store_n(&g->count, g->count + 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&g->twin, g->twin + 1, __ATOMIC_RELAXED);
}

static void end(struct guarded *g)
{
	__atomic_store_n(&g->inside, 0, __ATOMIC_RELAXED);
}

static int take(struct worker *k, struct fusion_skirmish *s)
{
	switch (rng_below(k->rng, 4)) {
	case 0:
		return fusion_skirmish_swoop(s);
	case 1:
		return fusion_skirmish_prevail_timed(s, SHORT_NS, 0);
	default:
		return fusion_skirmish_prevail(s);
	}
}

static void sleep_and_wake(struct worker *k, struct guarded *g)
{
	int r;

	end(g);
	r = fusion_skirmish_wait(g->lock, SHORT_NS, 0);
	if (r < 0 && r != -ETIMEDOUT && r != -EOWNERDEAD)
		fail_error(k, "wait", r);
	begin(k, g, r == -EOWNERDEAD);
}

void do_lock(struct worker *k)
{
	struct guarded *g = &k->table->guarded[rng_below(k->rng, GUARDED)];
	unsigned deeper = rng_below(k->rng, 3);
	int r = take(k, g->lock);

	if (r == -EBUSY || r == -ETIMEDOUT)
		return;
	if (r < 0 && r != -EOWNERDEAD)
		fail_error(k, "prevail", r);
	begin(k, g, r == -EOWNERDEAD);
	if (r == -EOWNERDEAD && rng_below(k->rng, 2))
		must(k, fusion_skirmish_consistent(g->lock), "consistent");
	for (unsigned i = 0; i < deeper; i++)
		must(k, fusion_skirmish_prevail(g->lock), "deeper");
	change(g);
	if (rng_below(k->rng, 4) == 0)
		sleep_and_wake(k, g);
	if (rng_below(k->rng, 2))
		must(k, fusion_skirmish_notify(g->lock, rng_below(k->rng, 2)),
		     "notify");
	if (rng_below(k->rng, 4) == 0)
		do_malloc(k);
	change(g);
	end(g);
	for (unsigned i = 0; i <= deeper; i++)
		must(k, fusion_skirmish_dismiss(g->lock), "dismiss");
}

void do_locks(struct worker *k)
{
	struct fusion_skirmish *list[GUARDED];
	unsigned n = 2 + rng_below(k->rng, GUARDED - 1);
	unsigned first = rng_below(k->rng, GUARDED);
	struct guarded *g = k->table->guarded;
	int r;

	for (unsigned i = 0; i < n; i++)
		list[i] = g[(first + i) % GUARDED].lock;
	r = fusion_skirmish_prevail_multi(list, n);
	if (r < 0 && r != -EOWNERDEAD)
		fail_error(k, "prevail_multi", r);
	for (unsigned i = 0; i < n; i++) {
		struct guarded *one = &g[(first + i) % GUARDED];
		bool died = r == -EOWNERDEAD &&
			    fusion_skirmish_consistent(one->lock) == 0;

		begin(k, one, died);
		change(one);
	}
	for (unsigned i = 0; i < n; i++)
		end(&g[(first + i) % GUARDED]);
	must(k, fusion_skirmish_dismiss_multi(list, n), "dismiss_multi");
}

/* --- Properties ------------------------------------------------------------
 */

void do_property(struct worker *k)
{
	struct leased *l = &k->table->leased[rng_below(k->rng, GUARDED)];
	bool buy = rng_below(k->rng, 2);
	uint32_t other;
	int r = buy ? fusion_property_purchase_timed(l->property, SHORT_NS, 0)
		    : fusion_property_lease_timed(l->property, SHORT_NS, 0);

	if (r == -EBUSY || r == -ETIMEDOUT)
		return;
	must(k, r, "lease or purchase");
	/* Its last owner may have died; but then it is dead. */
	other = __atomic_exchange_n(&l->member, fusion_arena_id(k->arena),
				    __ATOMIC_RELAXED);
	if (other && other != fusion_arena_id(k->arena) &&
	    member_find(&k->arena->view, other))
		fail(k, "two own one property", l);
	if (rng_below(k->rng, 3) == 0)
		do_malloc(k);
	if (__atomic_exchange_n(&l->member, 0, __ATOMIC_RELAXED) !=
	    fusion_arena_id(k->arena))
		fail(k, "somebody took a property from its owner", l);
	must(k, fusion_property_cede(l->property), "cede");
}

/* --- Made and unmade -------------------------------------------------------
 */

static void name_lock(char name[32], unsigned w, unsigned i)
{
	snprintf(name, 32, "lock%u.%u", w, i);
}

void do_make_lock(struct worker *k)
{
	struct fusion_skirmish *s;
	char name[32];
	int r;

	name_lock(name, k->w, rng_below(k->rng, LOCKS));
	r = fusion_skirmish_create(k->arena, name, NULL, &s);
	if (r == -EEXIST) {
		must(k, fusion_skirmish_lookup(k->arena, name, &s), "lookup");
		r = fusion_skirmish_destroy(s);
	}
	if (r < 0 && r != -ENOMEM)
		fail_error(k, "create or destroy", r);
}

/* Another's, which may be destroyed at any moment. */
void do_their_lock(struct worker *k)
{
	struct fusion_skirmish *s;
	char name[32];
	int r;

	name_lock(name, rng_below(k->rng, WORKERS), rng_below(k->rng, LOCKS));
	if (fusion_skirmish_lookup(k->arena, name, &s) < 0)
		return;
	r = fusion_skirmish_prevail(s);
	if (r == 0 || r == -EOWNERDEAD)
		r = fusion_skirmish_dismiss(s);
	if (r < 0 && r != -EIDRM)
		fail_error(k, "another's lock", r);
}

/* --- The audit: everybody is dead ------------------------------------------
 */

static const char *audit_guarded(struct guarded *g)
{
	int r = fusion_skirmish_swoop(g->lock);

	if (r < 0 && r != -EOWNERDEAD)
		return "a lock is stuck";
	if (g->count != g->twin && r == 0)
		return "what a lock guards is half done, and nobody told";
	g->twin = g->count;
	g->inside = 0;
	return fusion_skirmish_dismiss(g->lock) < 0 ? "a lock is kept" : NULL;
}

static const char *audit_leased(struct leased *l)
{
	if (fusion_property_lease_timed(l->property, 0, 0) < 0)
		return "a property is stuck";
	l->member = 0;
	return fusion_property_cede(l->property) < 0 ? "a property is kept"
						     : NULL;
}

const char *audit_locks(struct fusion_arena *a, struct places *t)
{
	const char *what = NULL;
	struct fusion_skirmish *s;
	char name[32];

	for (unsigned i = 0; !what && i < GUARDED; i++) {
		what = audit_guarded(&t->guarded[i]);
		if (!what)
			what = audit_leased(&t->leased[i]);
	}
	for (unsigned w = 0; !what && w < WORKERS; w++) {
		for (unsigned i = 0; i < LOCKS; i++) {
			name_lock(name, w, i);
			if (fusion_skirmish_lookup(a, name, &s) == 0 &&
			    fusion_skirmish_destroy(s) < 0)
				what = "a lock cannot be destroyed";
		}
	}
	if (!what && (a->view.sb->tables[KIND_SKIRMISH].n != GUARDED ||
		      a->view.sb->tables[KIND_PROPERTY].n != GUARDED))
		what = "locks that nobody has made";
	return what;
}
