/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Skirmishes and properties. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/property_recover.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_cond.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/locks/skirmish_queue.h"
#include "libfusion/core/locks/skirmish_recover.h"
#include "libfusion/heap/tls.h"
#include "tests/crash/ops.h"

#define WAIT_NS 3000000 /* long enough to become heir on the way */

/* Names in the order of their places. */
static const char *const names[] = {"lock-a", "lock-b", "lock-c"};
static struct skirmish *locks[3];
static struct property *thing;

static struct view *view(struct cast *c)
{
	return &c->arena->view;
}

static struct ledger_lock *of(struct cast *c, unsigned i)
{
	return ledger_lock(c->ledger, KIND_SKIRMISH, names[i]);
}

static struct ledger_lock *of_thing(struct cast *c)
{
	return ledger_lock(c->ledger, KIND_PROPERTY, "thing");
}

static void make(struct cast *c, unsigned i)
{
	ledger_claim(&of(c, i)->there, CLAIM_CHANGING);
	if (skirmish_create(view(c), c->rec, names[i], 0, c->arena->id,
			    &locks[i]) < 0)
		die("cannot make %s", names[i]);
	ledger_claim(&of(c, i)->there, CLAIM_PRESENT);
}

static void unmake(struct cast *c, unsigned i)
{
	ledger_claim(&of(c, i)->there, CLAIM_CHANGING);
	if (skirmish_destroy(view(c), c->rec, locks[i]) < 0)
		die("cannot destroy %s", names[i]);
	ledger_claim(&of(c, i)->there, CLAIM_ABSENT);
}

static void make_thing(struct cast *c)
{
	const struct property_windows w = {1000000, 1000000};

	ledger_claim(&of_thing(c)->there, CLAIM_CHANGING);
	if (property_create(view(c), c->rec, "thing", &w, c->arena->id,
			    &thing) < 0)
		die("cannot make a property");
	ledger_claim(&of_thing(c)->there, CLAIM_PRESENT);
}

static void unmake_thing(struct cast *c)
{
	ledger_claim(&of_thing(c)->there, CLAIM_CHANGING);
	if (property_destroy(view(c), c->rec, thing) < 0)
		die("cannot destroy the property");
	ledger_claim(&of_thing(c)->there, CLAIM_ABSENT);
}

struct thread_rec *cast_peer(struct cast *c)
{
	struct view *v = view(c);

	for (uint32_t i = 1; i < v->sb->threads_hi; i++)
		if (view_thread(v, i)->member == c->ledger->peer + 1)
			return view_thread(v, i);
	die("the peer has no thread");
}

/* --- What the victim does --------------------------------------------------
 */

static void expect(int r, int want, const char *what)
{
	if (r != want)
		die("%s: %d, not %d", what, r, want);
}

static void take(struct cast *c, unsigned i, int want)
{
	struct ledger_lock *k = of(c, i);

	ledger_claim(&k->held, CLAIM_CHANGING);
	expect(skirmish_lock(view(c), c->rec, locks[i], NULL), want, "lock");
	ledger_claim(&k->held, CLAIM_PRESENT);
}

static void give(struct cast *c, unsigned i)
{
	struct ledger_lock *k = of(c, i);

	/* The mark of a dead owner is as it was. */
	ledger_claim(&k->held, CLAIM_CHANGING);
	if (skirmish_unlock(view(c), c->rec, locks[i]) < 0)
		die("cannot unlock");
	ledger_claim(&k->held, CLAIM_ABSENT);
}

static void own(struct cast *c, enum property_request what)
{
	ledger_claim(&of_thing(c)->held, CLAIM_CHANGING);
	expect(property_take(view(c), c->rec, thing, what, NULL), 0, "take");
	ledger_claim(&of_thing(c)->held, CLAIM_PRESENT);
}

static void cede(struct cast *c)
{
	ledger_claim(&of_thing(c)->held, CLAIM_CHANGING);
	if (property_cede(view(c), c->rec, thing) < 0)
		die("cannot cede");
	ledger_claim(&of_thing(c)->held, CLAIM_ABSENT);
}

/* --- Prepared --------------------------------------------------------------
 */

static void one(struct cast *c)
{
	make(c, 0);
}

static void three(struct cast *c)
{
	for (unsigned i = 0; i < 3; i++)
		make(c, i);
}

static void one_to_free(struct cast *c)
{
	make(c, 0);
	unmake(c, 0);
}

static void held(struct cast *c)
{
	make(c, 0);
	take(c, 0, 0);
}

static void deep(struct cast *c)
{
	held(c);
	skirmish_lock(view(c), c->rec, locks[0], NULL);
	skirmish_lock(view(c), c->rec, locks[0], NULL);
}

static void peers(struct cast *c)
{
	make(c, 0);
	expect(skirmish_try(view(c), cast_peer(c), locks[0]), 0, "try");
	of(c, 0)->peers = CLAIM_PRESENT;
}

/* The peer will be handed what the victim gives back. */
static void peer_is_heir(struct cast *c)
{
	held(c);
	expect(skirmish_queue(view(c), cast_peer(c), locks[0]), -EBUSY,
	       "queue");
}

/* The victim has been handed what the peer gave back, and does not know. */
static void handed_over(struct cast *c)
{
	peers(c);
	expect(skirmish_queue(view(c), c->rec, locks[0]), -EBUSY, "queue");
	skirmish_unlock(view(c), cast_peer(c), locks[0]);
	of(c, 0)->peers = CLAIM_ABSENT;
	of(c, 0)->held = CLAIM_PRESENT;
}

static void die_holding(struct cast *c)
{
	uint32_t victim = c->ledger->victim;
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct fusion_arena *a = stage_enter(c->stage, 2, true);
		struct thread_rec *me = thread_rec_of(a);

		for (unsigned i = 0; i < 3; i++)
			if (skirmish_lock(&a->view, me, locks[i], NULL))
				die("cannot lock");
		if (property_take(&a->view, me, thing, PROPERTY_PURCHASE, NULL))
			die("cannot purchase");
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("the other has failed: %x", status);
	c->ledger->victim = victim;
}

/* Found by whoever sweeps: held until then. */
static void corpse(struct cast *c)
{
	three(c);
	make_thing(c);
	die_holding(c);
	for (unsigned i = 0; i < 3; i++)
		of(c, i)->marked = CLAIM_PRESENT;
}

static void marked(struct cast *c)
{
	corpse(c);
	if (life_sweep(view(c)) != 1)
		die("the corpse is not found");
}

static void a_thing(struct cast *c)
{
	make_thing(c);
}

static void thing_to_free(struct cast *c)
{
	make_thing(c);
	unmake_thing(c);
}

static void peers_thing(struct cast *c)
{
	make_thing(c);
	expect(property_try(view(c), cast_peer(c), thing, PROPERTY_PURCHASE), 0,
	       "try");
	of_thing(c)->peers = CLAIM_PRESENT;
}

static void own_thing(struct cast *c)
{
	make_thing(c);
	own(c, PROPERTY_LEASE);
}

static void all_held(struct cast *c)
{
	three(c);
	make_thing(c);
	for (unsigned i = 0; i < 3; i++)
		take(c, i, 0);
	own(c, PROPERTY_PURCHASE);
}

/* --- Stepped ---------------------------------------------------------------
 */

static void run_make(struct cast *c)
{
	make(c, 0);
}

static void run_unmake(struct cast *c)
{
	unmake(c, 0);
}

static void run_unmake_held(struct cast *c)
{
	ledger_claim(&of(c, 0)->held, CLAIM_CHANGING);
	unmake(c, 0);
	skirmish_unlock(view(c), c->rec, locks[0]);
}

static void run_take(struct cast *c)
{
	take(c, 0, 0);
	give(c, 0);
}

static void run_nested(struct cast *c)
{
	take(c, 0, 0);
	expect(skirmish_lock(view(c), c->rec, locks[0], NULL), 0, "again");
	expect(skirmish_unlock(view(c), c->rec, locks[0]), 0, "one level");
	give(c, 0);
}

static void run_multi(struct cast *c)
{
	for (unsigned i = 0; i < 3; i++)
		take(c, i, 0);
	/* Not in the order in which they were taken. */
	give(c, 1);
	give(c, 0);
	give(c, 2);
}

static void run_busy(struct cast *c)
{
	expect(skirmish_try(view(c), c->rec, locks[0]), -EBUSY, "try");
}

static void run_timed_out(struct cast *c)
{
	struct wait wait = {.deadline_ns = clock_monotonic_ns() + WAIT_NS};

	expect(skirmish_lock(view(c), c->rec, locks[0], &wait), -ETIMEDOUT,
	       "timed");
}

static void run_queue(struct cast *c)
{
	expect(skirmish_queue(view(c), c->rec, locks[0]), -EBUSY, "queue");
	skirmish_unqueue(view(c), c->rec, locks[0]);
}

static void run_hand_over(struct cast *c)
{
	ledger_claim(&of(c, 0)->peers, CLAIM_CHANGING);
	give(c, 0);
	ledger_claim(&of(c, 0)->peers, CLAIM_PRESENT);
}

static void run_inherit(struct cast *c)
{
	expect(skirmish_queue(view(c), c->rec, locks[0]), 0, "inherit");
	give(c, 0);
}

static void run_decline(struct cast *c)
{
	ledger_claim(&of(c, 0)->held, CLAIM_CHANGING);
	skirmish_unqueue(view(c), c->rec, locks[0]);
	ledger_claim(&of(c, 0)->held, CLAIM_ABSENT);
}

static void run_wait(struct cast *c)
{
	struct wait wait = {.deadline_ns = clock_monotonic_ns() + WAIT_NS};

	ledger_claim(&of(c, 0)->held, CLAIM_CHANGING);
	expect(skirmish_wait(view(c), c->rec, locks[0], &wait), -ETIMEDOUT,
	       "wait");
	ledger_claim(&of(c, 0)->held, CLAIM_PRESENT);
	if (skirmish_depth(c->rec, locks[0]) != 3)
		die("not as deep as before");
}

static void run_notify(struct cast *c)
{
	expect(skirmish_notify(view(c), c->rec, locks[0], true), 0, "notify");
	give(c, 0);
}

static void run_consistent(struct cast *c)
{
	take(c, 0, -EOWNERDEAD);
	/* A thread that dies with the lock leaves a mark, mended or not. */
	expect(skirmish_consistent(c->rec, locks[0]), 0, "consistent");
	ledger_claim(&of(c, 0)->marked, CLAIM_ABSENT);
	expect(skirmish_consistent(c->rec, locks[0]), -EALREADY, "again");
	give(c, 0);
	take(c, 0, 0);
	give(c, 0);
}

/* Not mended: every next owner is told. */
static void run_unmended(struct cast *c)
{
	take(c, 0, -EOWNERDEAD);
	give(c, 0);
	take(c, 0, -EOWNERDEAD);
	give(c, 0);
}

static void run_sweep(struct cast *c)
{
	if (life_sweep(view(c)) != 1)
		die("the corpse is not found");
}

/* As a thread that ends. */
static void run_end(struct cast *c)
{
	for (unsigned i = 0; i < 3; i++)
		ledger_claim(&of(c, i)->held, CLAIM_CHANGING);
	ledger_claim(&of_thing(c)->held, CLAIM_CHANGING);
	property_recover(view(c), c->rec, c->rec);
	skirmish_recover(view(c), c->rec, c->rec);
	for (unsigned i = 0; i < 3; i++) {
		ledger_claim(&of(c, i)->marked, CLAIM_PRESENT);
		ledger_claim(&of(c, i)->held, CLAIM_ABSENT);
	}
}

static void run_make_thing(struct cast *c)
{
	make_thing(c);
}

static void run_unmake_thing(struct cast *c)
{
	unmake_thing(c);
}

static void run_lease(struct cast *c)
{
	own(c, PROPERTY_LEASE);
	expect(property_take(view(c), c->rec, thing, PROPERTY_LEASE, NULL), 0,
	       "again");
	expect(property_cede(view(c), c->rec, thing), 0, "one level");
	cede(c);
}

static void run_purchase(struct cast *c)
{
	own(c, PROPERTY_PURCHASE);
	cede(c);
}

static void run_unmake_own(struct cast *c)
{
	ledger_claim(&of_thing(c)->held, CLAIM_CHANGING);
	unmake_thing(c);
	ledger_claim(&of_thing(c)->held, CLAIM_ABSENT);
}

static void run_lease_busy(struct cast *c)
{
	expect(property_take(view(c), c->rec, thing, PROPERTY_LEASE, NULL),
	       -EBUSY, "busy");
}

static void run_cede(struct cast *c)
{
	cede(c);
}

/* clang-format off */
const struct op lock_ops[] = {
	{ "skirmish-create",	   PART_MEMBER, NULL,	       run_make, 0 },
	{ "skirmish-create-reuse", PART_MEMBER, one_to_free,   run_make, 0 },
	{ "skirmish-destroy",	   PART_MEMBER, one,	       run_unmake, 0 },
	{ "skirmish-destroy-held", PART_MEMBER, held,	       run_unmake_held, 0 },
	{ "prevail-dismiss",	   PART_MEMBER, one,	       run_take, 0 },
	{ "prevail-nested",	   PART_MEMBER, one,	       run_nested, 0 },
	{ "prevail-multi",	   PART_MEMBER, three,	       run_multi, 0 },
	{ "prevail-timed-out",	   PART_MEMBER, peers,	       run_timed_out, 0 },
	{ "swoop-busy",		   PART_MEMBER, peers,	       run_busy, 0 },
	{ "skirmish-queue",	   PART_MEMBER, peers,	       run_queue, 0 },
	{ "dismiss-to-heir",	   PART_MEMBER, peer_is_heir,  run_hand_over, 0 },
	{ "skirmish-inherit",	   PART_MEMBER, handed_over,   run_inherit, 0 },
	{ "skirmish-decline",	   PART_MEMBER, handed_over,   run_decline, 0 },
	{ "skirmish-wait",	   PART_MEMBER, deep,	       run_wait, 0 },
	{ "skirmish-notify",	   PART_MEMBER, held,	       run_notify, 0 },
	{ "skirmish-consistent",   PART_MEMBER, marked,	       run_consistent, 0 },
	{ "skirmish-unmended",	   PART_MEMBER, marked,	       run_unmended, 0 },
	{ "locks-sweep",	   PART_MEMBER, corpse,	       run_sweep, 0 },
	{ "locks-thread-ends",	   PART_MEMBER, all_held,      run_end, 0 },
	{ "property-create",	   PART_MEMBER, NULL,	       run_make_thing, 0 },
	{ "property-create-reuse", PART_MEMBER, thing_to_free, run_make_thing, 0 },
	{ "property-destroy",	   PART_MEMBER, a_thing,       run_unmake_thing, 0 },
	{ "property-destroy-own",  PART_MEMBER, own_thing,     run_unmake_own, 0 },
	{ "lease-cede",		   PART_MEMBER, a_thing,       run_lease, 0 },
	{ "lease-busy",		   PART_MEMBER, peers_thing,   run_lease_busy, 0 },
	{ "purchase-cede",	   PART_MEMBER, a_thing,       run_purchase, 0 },
	{ "property-cede",	   PART_MEMBER, own_thing,     run_cede, 0 },
};
/* clang-format on */

const unsigned n_lock_ops = N_OPS(lock_ops);
