/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects to be killed at
 *
 * Each active object has a ticket of its maker's, where its destructor is
 * counted: never twice, and once when all is over, but for those whose
 * destroyer was killed between DEINIT and its first store.  Global counts need
 * no book: there are as many as places name the object.
 *
 * The duty is done without the library's threads, so that the workers' seeds
 * say what they do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "libfusion/core/objects/object_pool.h"
#include "libfusion/core/refs/ref_lens.h"
#include "libfusion/heap/tls.h"
#include "libfusion/objects/object_duty.h"
#include "libfusion/objects/object_private.h"
#include "tests/crash/work_private.h"

/* As in work_ref.c. */
#define STORE(place, value)                                         \
	do {                                                        \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);            \
		__atomic_store_n(place, (value), __ATOMIC_RELAXED); \
		__atomic_signal_fence(__ATOMIC_SEQ_CST);            \
	} while (0)

enum { FREE, MAKING, INIT, ACTIVATING, ACTIVE };

/* The data of an object. */
struct thing {
	uint32_t w, i, serial;
};

static void ends(struct fusion_object *o, bool zombie, void *ctx)
{
	const struct thing *t = fusion_object_data(o);
	struct places *table = ctx;
	struct ticket *k;

	(void)zombie;
	if (!t || t->w >= WORKERS || t->i >= TICKETS)
		abort();
	k = &table->tickets[t->w][t->i];
	if (load_relaxed(&k->serial) != t->serial || add_release(&k->begun, 1))
		abort();
}

int work_prepare_objects(struct fusion_arena *a, struct places *t)
{
	struct object_pool_params params = {sizeof(struct thing), 0};
	struct thread_rec *me = thread_rec_of(a);
	struct object_pool *p;
	int r = me ? object_pool_create(&a->view, me, "objects", &params, 0, &p)
		   : -ENOMEM;

	if (r == 0)
		t->objects = entry_handle(p, p->e.id);
	return r;
}

static void register_at(struct worker *k, struct fusion_object_pool *pool)
{
	must(k, duty_add(k->arena, handle_entry(pool), ends, k->table),
	     "register");
}

void work_begin_objects(struct worker *k)
{
	register_at(k, k->table->objects);
}

/* @r of something that another may have ended, or is about to. */
static bool may(struct worker *k, int r, const char *what)
{
	if (r < 0 && r != -EIDRM && r != -ESTALE && r != -EINVAL &&
	    r != -EBUSY && r != -ENOMEM && r != -ENOSPC && r != -ESRCH &&
	    r != -ENODATA && r != -EPERM)
		fail_error(k, what, r);
	return r == 0;
}

static struct fusion_object **some_place(struct worker *k)
{
	return &k->table->place[rng_below(k->rng, WORKERS)]
			       [rng_below(k->rng, PLACES)];
}

static struct fusion_object *look_at(struct fusion_object **place)
{
	return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

struct fusion_object *some_object(struct worker *k)
{
	return look_at(some_place(k));
}

/* --- Made ------------------------------------------------------------------
 */

/* Of one that was never made, or has ended. */
static struct ticket *take_ticket(struct worker *k, uint32_t i)
{
	struct ticket *t = &k->table->tickets[k->w][i];

	if (t->state != FREE &&
	    !(t->state == ACTIVE && load_acquire(&t->begun)))
		return NULL;
	/* Killed after the first: one destructor more is missing, which is
	 * allowed.  The other way round, one that never was active would have
	 * had its destructor. */
	STORE(&t->begun, 0);
	STORE(&t->state, FREE);
	STORE(&t->serial, t->serial + 1);
	return t;
}

static void name_it(const struct worker *k, struct fusion_object *o,
		    struct ticket *t, uint32_t i)
{
	struct thing *thing = fusion_object_data(o);

	thing->w = k->w;
	thing->i = i;
	thing->serial = t->serial;
	STORE(&t->id, fusion_object_id(o));
}

void do_make_object(struct worker *k)
{
	uint32_t i = rng_below(k->rng, TICKETS);
	struct ticket *t = take_ticket(k, i);
	struct fusion_object *o;

	if (!t)
		return;
	STORE(&t->state, MAKING);
	if (!may(k, fusion_object_create(k->table->objects, &o), "create")) {
		STORE(&t->state, FREE);
		return;
	}
	name_it(k, o, t, i);
	STORE(&t->state, INIT);
	if (!rng_below(k->rng, 4)) {
		must(k, fusion_object_destroy(o), "destroy");
		STORE(&t->state, FREE);
		return;
	}
	STORE(&t->state, ACTIVATING);
	must(k, fusion_object_activate(o), "activate");
	STORE(&t->state, ACTIVE);
	may(k, fusion_object_link(some_place(k), o), "link");
	/* Else it ends with this worker. */
	if (rng_below(k->rng, 8))
		must(k, fusion_object_unref(o), "unref");
}

/* --- Used ------------------------------------------------------------------
 */

static void furnish(struct worker *k, struct fusion_object *o)
{
	struct fusion_reactor *re;
	char key[8];
	int64_t n;

	snprintf(key, sizeof(key), "key%u", rng_below(k->rng, 3));
	switch (rng_below(k->rng, 5)) {
	case 0:
		n = fusion_object_remove_property(o, key);
		if (n != -ENOENT)
			may(k, (int)n, "remove");
		break;
	case 1:
		may(k, fusion_object_set_string(o, key, "a value"), "string");
		break;
	case 2:
		may(k, fusion_object_add_owner(o, k->arena->id), "owner");
		break;
	case 3:
		may(k, fusion_object_reactor(o, &re), "reactor");
		may(k, fusion_object_dispatch(o, NULL, "x", 1), "dispatch");
		break;
	default:
		may(k, fusion_object_set_integer(o, key, 7), "integer");
		if (fusion_object_get_integer(o, key, &n) == 0 && n != 7)
			fail(k, "a property of no value", o);
	}
}

/* What a place names may be another one by the next step. */
void do_use_object(struct worker *k)
{
	struct fusion_object *o = look_at(some_place(k));
	unsigned to = rng_below(k->rng, WORKERS);

	if (!o || !may(k, fusion_object_ref(o), "ref"))
		return;
	for (unsigned n = rng_below(k->rng, 4); n; n--)
		furnish(k, o);
	switch (rng_below(k->rng, 8)) {
	case 0:
		may(k, fusion_object_link(some_place(k), o), "link");
		break;
	case 1:
		if (may(k,
			fusion_object_throw(o,
					    __atomic_load_n(&k->table->who[to],
							    __ATOMIC_RELAXED)),
			"throw"))
			return;
		break;
	default:
		break;
	}
	must(k, fusion_object_unref(o), "unref");
}

void do_catch_object(struct worker *k)
{
	struct fusion_object *o = look_at(some_place(k));

	if (o && may(k, fusion_object_catch(o), "catch"))
		must(k, fusion_object_unref(o), "unref");
}

void do_unlink_object(struct worker *k)
{
	must(k, fusion_object_unlink(some_place(k)), "unlink");
}

void do_get_object(struct worker *k)
{
	const struct ticket *t = &k->table->tickets[rng_below(k->rng, WORKERS)]
						   [rng_below(k->rng, TICKETS)];
	fusion_id_t id = load_relaxed(&t->id);
	struct fusion_object *o;
	int r;

	if (!id)
		return;
	r = fusion_object_get(k->table->objects, id, &o);
	if (r == -ENOENT || r == -ESTALE)
		return;
	must(k, r, "get");
	if (fusion_object_id(o) != id)
		fail(k, "another object was got", o);
	must(k, fusion_object_unref(o), "unref");
}

/* --- Ended -----------------------------------------------------------------
 */

void do_duty(struct worker *k)
{
	duty_run(k->arena);
	if (rng_below(k->rng, 8))
		return;
	must(k, duty_unregister(k->arena, handle_entry(k->table->objects)),
	     "unregister");
	register_at(k, k->table->objects);
}

static void name_pool(char name[32], unsigned w)
{
	snprintf(name, 32, "objects%u", w);
}

/* A pool of its own, whose objects have no tickets. */
void do_object_pool(struct worker *k)
{
	struct object_pool_params params = {16, 0};
	struct fusion_object_pool *pool;
	struct fusion_object *o;
	struct object_pool *p;
	char name[32];

	name_pool(name, k->w);
	if (fusion_object_pool_lookup(k->arena, name, &pool) < 0) {
		if (!may(k,
			 object_pool_create(&k->arena->view,
					    thread_rec_of(k->arena), name,
					    &params, k->arena->id, &p),
			 "pool"))
			return;
		pool = entry_handle(p, p->e.id);
	}
	if (!may(k, duty_add(k->arena, handle_entry(pool), NULL, NULL),
		 "register"))
		return;
	for (unsigned n = rng_below(k->rng, 5); n; n--)
		if (may(k, fusion_object_create(pool, &o), "create") &&
		    rng_below(k->rng, 2))
			must(k, fusion_object_activate(o), "activate");
	if (rng_below(k->rng, 2))
		must(k, fusion_object_pool_destroy(pool), "pool_destroy");
}

/* --- The audit: everybody is dead ------------------------------------------
 */

static uint32_t named_by(const struct places *t, const struct object *o)
{
	const void *handle = entry_handle(o, load_relaxed(&o->e.id));
	uint32_t n = 0;

	for (unsigned w = 0; w < WORKERS; w++)
		for (unsigned i = 0; i < PLACES; i++)
			n += t->place[w][i] == handle;
	return n;
}

/* With what an explanation needs. */
static const char *count_fault(const struct object *o, uint64_t counts,
			       uint32_t places)
{
	static char what[160];

	snprintf(what, sizeof(what),
		 "an object has more or less counts than places: id %u, state "
		 "%u, claim %llx, %llu counts, %u places",
		 load_relaxed(&o->e.id), load_relaxed(&o->state),
		 (unsigned long long)load_relaxed(&o->claim),
		 (unsigned long long)counts, places);
	return what;
}

static const char *audit_counts(struct fusion_arena *a, struct places *t)
{
	const struct view *v = &a->view;
	struct ref_sum sum;

	for (uint32_t i = 0; i < table_hi(v, KIND_OBJECT); i++) {
		const struct object *o = object_at(v, i);
		const struct ref *ref;

		if (load_acquire(&o->e.state) != ENTRY_USED ||
		    load_acquire(&o->state) == OBJECT_DEINIT ||
		    load_relaxed(&o->pool_id) !=
			    load_relaxed(&((struct object_pool *)handle_entry(
						   t->objects))
						  ->e.id))
			continue;
		ref = object_ref(v, o);
		if (!ref || ref_copy(v, ref_index(v, ref), NULL, &sum) < 0)
			return "an object without a reference";
		if (sum.global != named_by(t, o))
			return count_fault(o, sum.global, named_by(t, o));
		if (sum.total != sum.global)
			return "the dead count an object";
	}
	return NULL;
}

static const char *audit_tickets(struct places *t, unsigned kills)
{
	unsigned missing = 0;

	for (unsigned i = 0; i < WORKERS * TICKETS; i++) {
		struct ticket *k = &t->tickets[i / TICKETS][i % TICKETS];

		if (k->begun > 1)
			return "a destructor was begun twice";
		if (k->begun && k->state < ACTIVATING)
			return "what never was active has had its destructor";
		missing += k->state == ACTIVE && !k->begun;
		k->state = FREE;
		k->begun = 0;
		k->id = 0;
	}
	return missing > kills ? "destructors were not run" : NULL;
}

static const char *drop_pools(struct fusion_arena *a)
{
	struct fusion_object_pool *pool;
	char name[32];

	for (unsigned w = 0; w < WORKERS; w++) {
		name_pool(name, w);
		if (fusion_object_pool_lookup(a, name, &pool) < 0)
			continue;
		if (duty_add(a, handle_entry(pool), NULL, NULL) < 0 ||
		    fusion_object_pool_destroy(pool) < 0)
			return "a pool of objects cannot be destroyed";
	}
	return NULL;
}

const char *audit_objects(struct fusion_arena *a, struct places *t,
			  unsigned kills)
{
	const char *what = audit_counts(a, t);

	if (!what)
		what = drop_pools(a);
	if (!what && (duty_add(a, handle_entry(t->objects), ends, t) < 0 ||
		      fusion_object_pool_destroy(t->objects) < 0))
		what = "the pool of objects cannot be destroyed";
	if (!what)
		what = audit_tickets(t, kills);
	for (unsigned w = 0; w < WORKERS; w++)
		for (unsigned i = 0; i < PLACES; i++)
			t->place[w][i] = NULL;
	/* A bit may be left: it does no harm without an object. */
	if (!what && a->view.sb->tables[KIND_OBJECT].n)
		what = "objects that nobody has made";
	if (!what && a->view.sb->tables[KIND_OBJECT_POOL].n)
		what = "a pool of objects that nobody has made";
	if (!what && work_prepare_objects(a, t) < 0)
		what = "no new pool of objects";
	return what;
}
