/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects and pools, by the calls that programs use; but the pool is made and
 * its duty done without the threads of the library.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/objects/object_pool.h"
#include "libfusion/core/objects/object_reap.h"
#include "libfusion/core/refs/ref_pass.h"
#include "libfusion/heap/tls.h"
#include "libfusion/objects/object_duty.h"
#include "libfusion/objects/object_private.h"
#include "tests/crash/object_next.h"
#include "tests/crash/ops.h"

static struct ledger_objects *ledger_of(const struct cast *c)
{
	return &c->ledger->objects;
}

static struct view *view(const struct cast *c)
{
	return &c->arena->view;
}

static struct ledger_board *board(const struct cast *c)
{
	return ledger_of(c)->board;
}

static void must(int r, const char *what)
{
	if (r < 0)
		die("%s: %s", what, strerror(-r));
}

#define IS(n) ((struct ledger_range){(n), (n)})
#define BETWEEN(a, b) ((struct ledger_range){(a), (b)})

/* From here on: what a death may leave. */
static void will(struct cast *c, unsigned i, struct ledger_range global)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	ledger_of(c)->list[i].global = global;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void will_have(struct cast *c, unsigned i, struct ledger_range items)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	ledger_of(c)->list[i].items = items;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static struct fusion_object_pool *pool_handle(const struct ledger_objects *l)
{
	const struct object_pool *p = l->pool;

	return entry_handle(p, p->e.id);
}

static struct fusion_object *object(const struct cast *c, unsigned i)
{
	return ledger_of(c)->list[i].handle;
}

/* --- Prepared --------------------------------------------------------------
 */

static void have_board(struct cast *c)
{
	struct ledger_objects *l = ledger_of(c);

	l->refs = view(c)->sb->tables[KIND_REF].n;
	l->reactors = view(c)->sb->tables[KIND_REACTOR].n;
	l->board = fusion_calloc(c->arena, 1, sizeof(*l->board));
	if (!l->board)
		die("no memory for the board");
	ledger_keep(&c->ledger->live, l->board);
	/* The first pool is the first record. */
	l->pool = object_pool_at(view(c), 0);
}

static void make_pool(struct cast *c)
{
	struct object_pool_params params = {sizeof(struct ledger_thing), 0};
	struct object_pool *p;

	ledger_claim(&ledger_of(c)->there, CLAIM_CHANGING);
	must(object_pool_create(view(c), c->rec, "things", &params,
				c->arena->id, &p),
	     "pool");
	ledger_claim(&ledger_of(c)->there, CLAIM_PRESENT);
}

static void pool(struct cast *c)
{
	have_board(c);
	make_pool(c);
}

static void create(struct cast *c)
{
	struct ledger_objects *l = ledger_of(c);
	struct ledger_object *o = &l->list[l->n];
	struct fusion_object *handle;

	/* Not known yet, and counted by the victim only. */
	must(fusion_object_create(pool_handle(l), &handle), "create");
	((struct ledger_thing *)fusion_object_data(handle))->number = l->n;
	o->handle = handle;
	o->there = CLAIM_PRESENT;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	l->n++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void activate(struct cast *c)
{
	struct ledger_object *o = &ledger_of(c)->list[ledger_of(c)->n - 1];

	ledger_claim(&o->active, CLAIM_CHANGING);
	must(fusion_object_activate(o->handle), "activate");
	ledger_claim(&o->active, CLAIM_PRESENT);
}

static void one_init(struct cast *c)
{
	pool(c);
	create(c);
}

static void one(struct cast *c)
{
	one_init(c);
	activate(c);
}

static void two(struct cast *c)
{
	one(c);
	create(c);
	activate(c);
}

/* The peer counts it, too. */
static void peers_count(struct cast *c, unsigned i)
{
	struct ref *r = object_ref(view(c), handle_entry(object(c, i)));

	must(ref_up(view(c), cast_peer(c), r, NULL), "peer's up");
	ledger_of(c)->list[i].counted = 1;
}

static void shared(struct cast *c)
{
	one(c);
	peers_count(c, 0);
}

static void shared_init(struct cast *c)
{
	one_init(c);
	peers_count(c, 0);
}

static void link_at(struct cast *c, unsigned i, unsigned place)
{
	struct ledger_range was = ledger_of(c)->list[i].global;

	will(c, i, BETWEEN(was.least, was.most + 1));
	must(fusion_object_link(&board(c)->place[place], object(c, i)), "link");
	will(c, i, IS(was.most + 1));
}

static void linked(struct cast *c)
{
	one(c);
	link_at(c, 0, 0);
}

static void twice_linked(struct cast *c)
{
	linked(c);
	link_at(c, 0, 1);
}

/* A place names it still. */
static void linked_and_gone(struct cast *c)
{
	struct ledger_object *o;

	one_init(c);
	o = &ledger_of(c)->list[0];
	link_at(c, 0, 0);
	must(fusion_object_destroy(o->handle), "destroy");
	o->there = CLAIM_ABSENT;
	will(c, 0, IS(0));
}

static void set(struct cast *c, const char *key, int64_t value)
{
	must(fusion_object_set_integer(object(c, 0), key, value), "set");
}

static void furnished(struct cast *c)
{
	shared(c);
	set(c, "first", 1);
	must(fusion_object_set_string(object(c, 0), "second", "two"), "set");
	set(c, "third", 3);
	will_have(c, 0, IS(3));
}

/* All that an object can have. */
static void whole(struct cast *c)
{
	struct fusion_reactor *re;

	one(c);
	set(c, "first", 1);
	must(fusion_object_add_owner(object(c, 0), 7), "owner");
	must(fusion_object_reactor(object(c, 0), &re), "reactor");
	will_have(c, 0, IS(2));
}

static void destructor(struct fusion_object *o, bool zombie, void *ctx)
{
	struct cast *c = ctx;

	object_ends(o, zombie, board(c));
}

static void have_duty(struct cast *c)
{
	must(duty_add(c->arena, ledger_of(c)->pool, destructor, c), "duty");
}

static void on_duty(struct cast *c)
{
	whole(c);
	have_duty(c);
}

static void on_duty_init(struct cast *c)
{
	one_init(c);
	have_duty(c);
}

/* The first names the second in its destructor's place. */
static void on_duty_chain(struct cast *c)
{
	two(c);
	link_at(c, 1, 2);
	must(fusion_object_unref(object(c, 1)), "unref");
	have_duty(c);
}

static void leftovers(struct cast *c)
{
	furnished(c);
	create(c);
	activate(c);
	link_at(c, 1, 0);
	create(c);
	have_duty(c);
}

/* Another member has died when it had claimed, or had begun the destructor. */
static void die_claiming(struct cast *c, bool begun)
{
	uint32_t victim = c->ledger->victim;
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct fusion_arena *a = stage_enter(c->stage, 2, true);
		struct thread_rec *me = thread_rec_of(a);
		struct object *o = handle_entry(ledger_of(c)->list[0].handle);

		must(object_claim(&a->view, me, o, o->e.id, who_am_i(a)),
		     "claim");
		if (begun) {
			store_release(&o->state, (uint32_t)OBJECT_DEINIT);
			board(c)->ended[0]++;
		}
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("the other has failed: %x", status);
	c->ledger->victim = victim;
}

static void half_ended(struct cast *c)
{
	on_duty(c);
	must(fusion_object_unref(object(c, 0)), "unref");
	die_claiming(c, true);
	life_sweep(view(c));
	ledger_of(c)->list[0].ended = CLAIM_PRESENT;
	will_have(c, 0, BETWEEN(0, 2));
}

static void claimed(struct cast *c)
{
	on_duty(c);
	must(fusion_object_unref(object(c, 0)), "unref");
	die_claiming(c, false);
	life_sweep(view(c));
}

/* The corpse is found by whoever sweeps. */
static void corpse(struct cast *c)
{
	whole(c);
	must(fusion_object_unref(object(c, 0)), "unref");
	die_claiming(c, false);
}

static void willing(struct cast *c)
{
	one(c);
	have_duty(c);
}

static void thrown(struct cast *c)
{
	struct ref *r;

	one(c);
	r = object_ref(view(c), handle_entry(object(c, 0)));
	must(ref_up(view(c), cast_peer(c), r, NULL), "peer's up");
	must(ref_throw(view(c), cast_peer(c), r, c->arena->id), "throw");
}

/* --- Stepped ---------------------------------------------------------------
 */

static void run_create_active(struct cast *c)
{
	create(c);
	activate(c);
}

static void run_create_again(struct cast *c)
{
	create(c);
	must(fusion_object_unref(object(c, ledger_of(c)->n - 1)), "unref");
}

static void run_destroy_init(struct cast *c)
{
	ledger_claim(&ledger_of(c)->list[0].there, CLAIM_CHANGING);
	must(fusion_object_destroy(object(c, 0)), "destroy");
	ledger_claim(&ledger_of(c)->list[0].there, CLAIM_ABSENT);
}

static void run_fall(struct cast *c)
{
	must(fusion_object_unref(object(c, 0)), "unref");
}

static void run_revive(struct cast *c)
{
	must(fusion_object_unref(object(c, 0)), "unref");
	must(fusion_object_ref(object(c, 0)), "ref");
	if (duty_run(c->arena))
		die("it was revived");
}

/* From the first reference to the last block. */
static void run_end(struct cast *c)
{
	struct ledger_object *o = &ledger_of(c)->list[0];
	bool active = o->active == CLAIM_PRESENT;

	will_have(c, 0, BETWEEN(0, o->items.most));
	if (active && o->ended == CLAIM_ABSENT)
		ledger_claim(&o->ended, CLAIM_CHANGING);
	ledger_claim(&o->there, CLAIM_CHANGING);
	if (fusion_object_unref(object(c, 0)) == -ESTALE)
		die("it is locked");
	if (duty_run(c->arena) != 1)
		die("it has not ended");
	ledger_claim(&o->there, CLAIM_ABSENT);
	if (active)
		ledger_claim(&o->ended, CLAIM_PRESENT);
}

/* The count is 0 already. */
static void run_look(struct cast *c)
{
	struct ledger_object *o = &ledger_of(c)->list[0];

	will_have(c, 0, BETWEEN(0, o->items.most));
	if (o->ended == CLAIM_ABSENT)
		ledger_claim(&o->ended, CLAIM_CHANGING);
	ledger_claim(&o->there, CLAIM_CHANGING);
	if (duty_run(c->arena) != 1)
		die("it has not ended");
	ledger_claim(&o->there, CLAIM_ABSENT);
	ledger_claim(&o->ended, CLAIM_PRESENT);
}

static void chain_ends(struct fusion_object *o, bool zombie, void *ctx)
{
	struct cast *c = ctx;

	destructor(o, zombie, c);
	if (o == object(c, 0)) {
		will(c, 1, BETWEEN(0, 1));
		must(fusion_object_unlink(&board(c)->place[2]), "unlink");
		will(c, 1, IS(0));
	}
}

static void run_chain(struct cast *c)
{
	struct ledger_objects *l = ledger_of(c);

	must(duty_add(c->arena, l->pool, chain_ends, c), "duty");
	for (unsigned i = 0; i < 2; i++) {
		ledger_claim(&l->list[i].ended, CLAIM_CHANGING);
		ledger_claim(&l->list[i].there, CLAIM_CHANGING);
	}
	will(c, 1, BETWEEN(0, 1));
	must(fusion_object_unref(object(c, 0)), "unref");
	if (duty_run(c->arena) != 2)
		die("they have not ended");
	for (unsigned i = 0; i < 2; i++) {
		ledger_claim(&l->list[i].there, CLAIM_ABSENT);
		ledger_claim(&l->list[i].ended, CLAIM_PRESENT);
	}
}

static void run_link(struct cast *c)
{
	link_at(c, 0, 0);
}

static void run_link_data(struct cast *c)
{
	void *place = &board(c)->place[3];

	will(c, 0, BETWEEN(0, 1));
	must(fusion_object_link_data(place, fusion_object_data(object(c, 0))),
	     "link");
	must(fusion_object_unlink_data(place), "unlink");
	will(c, 0, IS(0));
}

static void run_unlink(struct cast *c)
{
	struct ledger_range was = ledger_of(c)->list[0].global;

	will(c, 0, BETWEEN(was.least - 1, was.most));
	must(fusion_object_unlink(&board(c)->place[0]), "unlink");
	will(c, 0, IS(was.most - 1));
}

static void run_unlink_gone(struct cast *c)
{
	must(fusion_object_unlink(&board(c)->place[0]), "unlink");
}

static void run_globalize(struct cast *c)
{
	will(c, 0, BETWEEN(0, 1));
	must(fusion_object_globalize(object(c, 0)), "globalize");
	will(c, 0, IS(1));
}

static void run_catch(struct cast *c)
{
	must(fusion_object_catch(object(c, 0)), "catch");
	must(fusion_object_unref(object(c, 0)), "unref");
}

static void run_set(struct cast *c)
{
	uint32_t n = (uint32_t)ledger_of(c)->list[0].items.most;

	will_have(c, 0, BETWEEN(n, n + 1));
	set(c, "new", 5);
	will_have(c, 0, IS(n + 1));
}

static void run_replace(struct cast *c)
{
	must(fusion_object_set_string(object(c, 0), "third", "drei"), "set");
	set(c, "second", 2);
}

static void run_remove(struct cast *c)
{
	will_have(c, 0, BETWEEN(2, 3));
	must(fusion_object_remove_property(object(c, 0), "second"), "remove");
	will_have(c, 0, BETWEEN(1, 2));
	must(fusion_object_remove_property(object(c, 0), "third"), "remove");
	will_have(c, 0, IS(1));
}

static void run_owner(struct cast *c)
{
	will_have(c, 0, BETWEEN(0, 1));
	must(fusion_object_add_owner(object(c, 0), 7), "owner");
	must(fusion_object_add_owner(object(c, 0), 7), "owner");
	will_have(c, 0, IS(1));
}

static void run_reactor(struct cast *c)
{
	struct fusion_reactor *re;

	must(fusion_object_reactor(object(c, 0), &re), "reactor");
}

static void run_get(struct cast *c)
{
	struct fusion_object *o;

	must(fusion_object_get(pool_handle(ledger_of(c)),
			       fusion_object_id(object(c, 0)), &o),
	     "get");
	must(fusion_object_unref(o), "unref");
}

static void run_duty(struct cast *c)
{
	have_duty(c);
	must(duty_unregister(c->arena, ledger_of(c)->pool), "unregister");
}

static void run_pool_destroy(struct cast *c)
{
	struct ledger_objects *l = ledger_of(c);

	for (uint32_t i = 0; i < l->n; i++) {
		struct ledger_object *o = &l->list[i];

		if (o->active == CLAIM_PRESENT)
			ledger_claim(&o->ended, CLAIM_CHANGING);
		ledger_claim(&o->there, CLAIM_CHANGING);
		will(c, i, BETWEEN(0, o->global.most));
		will_have(c, i, BETWEEN(0, o->items.most));
	}
	ledger_claim(&l->there, CLAIM_CHANGING);
	must(fusion_object_pool_destroy(pool_handle(l)), "pool_destroy");
	ledger_claim(&l->there, CLAIM_ABSENT);
	for (uint32_t i = 0; i < l->n; i++) {
		struct ledger_object *o = &l->list[i];

		ledger_claim(&o->there, CLAIM_ABSENT);
		if (o->active == CLAIM_PRESENT)
			ledger_claim(&o->ended, CLAIM_PRESENT);
	}
}

static void run_sweep(struct cast *c)
{
	if (life_sweep(view(c)) != 1)
		die("the corpse is not found");
}

/* clang-format off */
const struct op object_ops[] = {
	{ "object-pool-create",	  PART_MEMBER, have_board,	make_pool, 0 },
	{ "object-pool-destroy",  PART_MEMBER, leftovers,	run_pool_destroy, 0 },
	{ "object-create",	  PART_MEMBER, pool,		run_create_active, 0 },
	{ "object-create-reuse",  PART_MEMBER, one,		run_create_again, 0 },
	{ "object-destroy-init",  PART_MEMBER, one_init,	run_destroy_init, 0 },
	{ "object-destroy-counted", PART_MEMBER, shared_init,	run_destroy_init, 0 },
	{ "object-fall",	  PART_MEMBER, whole,		run_fall, 0 },
	{ "object-revive",	  PART_MEMBER, willing,		run_revive, 0 },
	{ "object-end",		  PART_MEMBER, on_duty,		run_end, 0 },
	{ "object-end-init",	  PART_MEMBER, on_duty_init,	run_end, 0 },
	{ "object-end-chain",	  PART_MEMBER, on_duty_chain,	run_chain, 0 },
	{ "object-end-begun",	  PART_MEMBER, half_ended,	run_look, 0 },
	{ "object-end-claimed",	  PART_MEMBER, claimed,		run_look, 0 },
	{ "object-link",	  PART_MEMBER, one,		run_link, 0 },
	{ "object-link-again",	  PART_MEMBER, shared,		run_link, 0 },
	{ "object-link-data",	  PART_MEMBER, one,		run_link_data, 0 },
	{ "object-unlink",	  PART_MEMBER, linked,		run_unlink, 0 },
	{ "object-unlink-one",	  PART_MEMBER, twice_linked,	run_unlink, 0 },
	{ "object-unlink-gone",	  PART_MEMBER, linked_and_gone,	run_unlink_gone, 0 },
	{ "object-globalize",	  PART_MEMBER, one,		run_globalize, 0 },
	{ "object-catch",	  PART_MEMBER, thrown,		run_catch, 0 },
	{ "object-set-first",	  PART_MEMBER, shared,		run_set, 0 },
	{ "object-set-fourth",	  PART_MEMBER, furnished,	run_set, 0 },
	{ "object-set-anew",	  PART_MEMBER, furnished,	run_replace, 0 },
	{ "object-remove",	  PART_MEMBER, furnished,	run_remove, 0 },
	{ "object-owner",	  PART_MEMBER, shared,		run_owner, 0 },
	{ "object-reactor",	  PART_MEMBER, shared,		run_reactor, 0 },
	{ "object-get",		  PART_MEMBER, shared,		run_get, 0 },
	{ "object-duty",	  PART_MEMBER, shared,		run_duty, 0 },
	{ "objects-sweep",	  PART_MEMBER, corpse,		run_sweep, 0 },
};
/* clang-format on */

const unsigned n_object_ops = N_OPS(object_ops);
