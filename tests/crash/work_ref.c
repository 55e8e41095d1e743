/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * References to be killed at
 *
 * Local counts, thrown ones too, need no book: when everybody is dead they are
 * none.  Global ones are booked by who makes them; a death between count and
 * book leaves one that is in doubt.  Falls are exact where only one worker
 * counts: its own reference falls once each time it was up, whoever ends it.
 */
#include <errno.h>
#include <stdio.h>

#include <fusion/fusion.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "tests/crash/work_private.h"

/* A store that those who come after a death shall find in this order. */
#define STORE(place, value)                                         \
	do {                                                        \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);            \
		__atomic_store_n(place, (value), __ATOMIC_RELAXED); \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);            \
	} while (0)

int work_prepare_refs(struct fusion_arena *a, struct places *t)
{
	char name[32];
	int r = 0;

	for (unsigned i = 0; !r && i < COUNTED; i++) {
		snprintf(name, sizeof(name), "count%u", i);
		r = fusion_ref_create(a, name, NULL, &t->counted[i].ref);
	}
	for (unsigned w = 0; !r && w < WORKERS; w++) {
		snprintf(name, sizeof(name), "own%u", w);
		r = fusion_ref_create(a, name, NULL, &t->own[w].ref);
	}
	/* Some of them are a family, with another lock than the rest. */
	return r ? r : fusion_ref_inherit(t->counted[1].ref, t->counted[0].ref);
}

static int look(struct fusion_ref *ref, struct fusion_ref_stat *ret)
{
	return fusion_ref_stat(ref, ret, sizeof(*ret));
}

static void must_look(struct worker *k, struct fusion_ref *ref,
		      struct fusion_ref_stat *ret)
{
	must(k, look(ref, ret), "stat");
}

/* @r of something that others may stand in the way of. */
static bool may(struct worker *k, int r, const char *what)
{
	if (r < 0 && r != -ENODATA && r != -EPERM && r != -EBUSY &&
	    r != -ESRCH && r != -ETIMEDOUT)
		fail_error(k, what, r);
	return r == 0;
}

static struct counted *some(struct worker *k)
{
	return &k->table->counted[rng_below(k->rng, COUNTED - 1)];
}

/* This one is nearly always at 0, so that it can be locked there. */
static struct counted *light(struct worker *k)
{
	return &k->table->counted[COUNTED - 1];
}

/* --- Local counts: what is up when its member dies falls ------------------
 */

void do_count(struct worker *k)
{
	struct counted *c = some(k);
	unsigned n = 1 + rng_below(k->rng, 4);

	while (n--) {
		if (rng_below(k->rng, 2))
			may(k, fusion_ref_up(c->ref), "up");
		else
			may(k, fusion_ref_down(c->ref), "down");
	}
}

void do_count_light(struct worker *k)
{
	struct fusion_ref *ref = light(k)->ref;

	if (may(k, fusion_ref_up(ref), "up"))
		must(k, fusion_ref_down(ref), "down");
}

/* To whom may be dead, or another by now. */
void do_throw(struct worker *k)
{
	struct counted *c = some(k);
	unsigned to = rng_below(k->rng, WORKERS);

	if (rng_below(k->rng, 2))
		may(k,
		    fusion_ref_throw(c->ref, __atomic_load_n(&k->table->who[to],
							     __ATOMIC_RELAXED)),
		    "throw");
	else
		may(k, fusion_ref_catch(c->ref), "catch");
}

/* Nobody counts while it is locked, and one has it. */
void do_zero(struct worker *k)
{
	struct counted *c = rng_below(k->rng, 4) ? light(k) : some(k);
	struct fusion_ref_stat s;
	uint32_t other;
	int r = rng_below(k->rng, 2) ? fusion_ref_zero_trylock(c->ref)
				     : fusion_ref_zero_lock(c->ref, 100000, 0);

	if (!may(k, r, "zero_lock"))
		return;
	other = __atomic_exchange_n(&c->member, fusion_arena_id(k->arena),
				    __ATOMIC_RELAXED);
	if (other && other != fusion_arena_id(k->arena) &&
	    member_find(&k->arena->view, other))
		fail(k, "two have one reference at zero", c);
	for (unsigned i = 0; i < 3; i++) {
		must_look(k, c->ref, &s);
		if (s.total != s.inherited)
			fail(k, "a reference counts that is locked at 0", c);
		do_malloc(k);
	}
	if (__atomic_exchange_n(&c->member, 0, __ATOMIC_RELAXED) !=
	    fusion_arena_id(k->arena))
		fail(k, "somebody took the lock at zero", c);
	must(k, fusion_ref_unlock(c->ref), "unlock at zero");
}

/* --- Global counts: booked ------------------------------------------------
 */

void do_global(struct worker *k)
{
	unsigned i = rng_below(k->rng, COUNTED - 1);
	struct counted *c = &k->table->counted[i];
	struct flight *f = &k->table->flight[k->w];
	bool up = rng_below(k->rng, 2);

	STORE(&f->up, up);
	STORE(&f->ref, i + 1);
	if (may(k,
		up ? fusion_ref_up_global(c->ref)
		   : fusion_ref_down_global(c->ref),
		"global"))
		STORE(&c->booked[k->w], c->booked[k->w] + (up ? 1 : -1));
	STORE(&f->ref, 0);
}

/* Its maker is dead: nobody knows whether it was made. */
static void doubt(struct places *t, unsigned w)
{
	struct flight *f = &t->flight[w];

	if (!f->ref)
		return;
	__atomic_fetch_add(&t->counted[f->ref - 1].doubt[f->up], 1,
			   __ATOMIC_RELAXED);
	STORE(&f->ref, 0);
}

/* --- One's own: falls are exact -------------------------------------------
 */

enum { OWN_DOWN, OWN_RISING, OWN_UP, OWN_FALLING };

/* Who had it is gone, with all that it counted. */
static const char *inquest(struct own *o)
{
	struct fusion_ref_stat s;
	uint64_t n;

	if (look(o->ref, &s) < 0)
		return "somebody's reference is lost";
	n = s.falls - o->falls;
	if (s.total || s.members || s.pending)
		return "what the dead have counted counts still";
	if (n > 1)
		return "a fall was counted twice";
	if (!n && (o->state == OWN_UP || o->state == OWN_FALLING))
		return "a fall was not counted";
	STORE(&o->falls, s.falls);
	STORE(&o->state, OWN_DOWN);
	return NULL;
}

static void rise(struct worker *k, struct own *o)
{
	struct fusion_ref_stat s;

	must_look(k, o->ref, &s);
	if (s.total || s.falls != o->falls)
		fail(k, "who counted here?", o);
	STORE(&o->state, OWN_RISING);
	must(k, fusion_ref_up(o->ref), "up");
	STORE(&o->state, OWN_UP);
}

static void fall(struct worker *k, struct own *o)
{
	struct fusion_ref_stat s;

	STORE(&o->state, OWN_FALLING);
	must(k, fusion_ref_down(o->ref), "down");
	must_look(k, o->ref, &s);
	if (s.total || s.falls != o->falls + 1)
		fail(k, "not one fall", o);
	/* Killed before the next: as if it had not been down yet. */
	STORE(&o->state, OWN_DOWN);
	STORE(&o->falls, s.falls);
}

void do_own(struct worker *k)
{
	struct own *o = &k->table->own[k->w];

	if (o->state == OWN_DOWN) {
		rise(k, o);
		return;
	}
	switch (rng_below(k->rng, 3)) {
	case 0:
		fall(k, o);
		break;
	case 1:
		must(k, fusion_ref_up(o->ref), "up");
		must(k, fusion_ref_down(o->ref), "down");
		break;
	default:
		must(k, fusion_ref_throw(o->ref, k->arena->id), "throw");
		must(k, fusion_ref_catch(o->ref), "catch");
	}
}

void work_begin_refs(struct worker *k)
{
	const char *wrong = NULL;

	if (k->table->who[k->w] == k->arena->id)
		return;
	doubt(k->table, k->w);
	wrong = inquest(&k->table->own[k->w]);
	if (wrong)
		fail(k, wrong, &k->table->own[k->w]);
	STORE(&k->table->who[k->w], k->arena->id);
}

/* --- Made and unmade -------------------------------------------------------
 */

static void name_ref(char name[32], unsigned w, unsigned i)
{
	snprintf(name, 32, "ref%u.%u", w, i);
}

void do_make_ref(struct worker *k)
{
	struct fusion_ref *ref;
	char name[32];
	int r;

	name_ref(name, k->w, rng_below(k->rng, REFS));
	r = fusion_ref_create(k->arena, name, NULL, &ref);
	if (r == -EEXIST) {
		must(k, fusion_ref_lookup(k->arena, name, &ref), "lookup");
		r = fusion_ref_destroy(ref);
	}
	if (r < 0 && r != -ENOMEM)
		fail_error(k, "create or destroy", r);
}

/* Another's, which may be destroyed at any moment, or be the next one. */
void do_their_ref(struct worker *k)
{
	struct fusion_ref *ref;
	char name[32];
	int r;

	name_ref(name, rng_below(k->rng, WORKERS), rng_below(k->rng, REFS));
	if (fusion_ref_lookup(k->arena, name, &ref) < 0)
		return;
	r = fusion_ref_up(ref);
	if (r == 0 && rng_below(k->rng, 2))
		r = fusion_ref_down(ref);
	else if (r == 0)
		r = fusion_ref_up_global(ref);
	if (r < 0 && r != -EIDRM && r != -EPERM)
		fail_error(k, "another's reference", r);
}

/* --- The audit: everybody is dead ------------------------------------------
 */

static const char *audit_counted(struct counted *c)
{
	struct fusion_ref_stat s;
	int64_t booked = 0, n;

	if (look(c->ref, &s) < 0)
		return "a reference is lost";
	for (unsigned w = 0; w < WORKERS; w++) {
		booked += c->booked[w];
		c->booked[w] = 0;
	}
	n = (int64_t)s.global - booked;
	if (n < -(int64_t)c->doubt[false] || n > (int64_t)c->doubt[true])
		return "global counts are not those that were made";
	c->doubt[false] = c->doubt[true] = 0;
	if (s.total != s.global || s.members || s.pending || s.inherited)
		return "local counts of the dead";
	if (s.locker)
		return "a reference is locked at zero by the dead";
	c->member = 0;
	for (uint64_t i = 0; i < s.global; i++)
		if (fusion_ref_down_global(c->ref) < 0)
			return "a global count cannot be taken back";
	if (look(c->ref, &s) < 0 || s.total)
		return "a reference does not fall";
	return NULL;
}

const char *audit_refs(struct fusion_arena *a, struct places *t)
{
	const char *what = NULL;
	struct fusion_ref *ref;
	char name[32];

	for (unsigned w = 0; !what && w < WORKERS; w++) {
		doubt(t, w);
		what = inquest(&t->own[w]);
		t->who[w] = 0;
	}
	for (unsigned i = 0; !what && i < COUNTED; i++)
		what = audit_counted(&t->counted[i]);
	for (unsigned w = 0; !what && w < WORKERS; w++) {
		for (unsigned i = 0; i < REFS; i++) {
			name_ref(name, w, i);
			if (fusion_ref_lookup(a, name, &ref) == 0 &&
			    fusion_ref_destroy(ref) < 0)
				what = "a reference cannot be destroyed";
		}
	}
	if (!what && a->view.sb->tables[KIND_REF].n != COUNTED + WORKERS)
		what = "references that nobody has made";
	return what;
}
