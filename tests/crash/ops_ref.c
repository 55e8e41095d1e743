/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * References.  What the ledger says of each is what there is when the victim
 * has died: its own counts are gone then, and that may be the fall.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_drop.h"
#include "libfusion/core/refs/ref_family.h"
#include "libfusion/core/refs/ref_pass.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/heap/tls.h"
#include "tests/crash/ops.h"

static const char *const names[] = {"ref-a", "ref-b"};
static struct ref *refs[2];

static struct view *view(struct cast *c)
{
	return &c->arena->view;
}

static struct ledger_ref *of(struct cast *c, unsigned i)
{
	return ledger_ref(c->ledger, names[i]);
}

/* From here on: totals and falls that a death may leave. */
static void will(struct cast *c, unsigned i, struct ledger_range total,
		 struct ledger_range falls)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	of(c, i)->total = total;
	of(c, i)->falls = falls;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#define IS(n) ((struct ledger_range){(n), (n)})
#define BETWEEN(a, b) ((struct ledger_range){(a), (b)})

static void must(int r, const char *what)
{
	if (r < 0)
		die("%s: %s", what, strerror(-r));
}

static void make(struct cast *c, unsigned i)
{
	ledger_claim(&of(c, i)->there, CLAIM_CHANGING);
	must(ref_create(view(c), c->rec, names[i], c->arena->id, &refs[i]),
	     "create");
	ledger_claim(&of(c, i)->there, CLAIM_PRESENT);
}

static void unmake(struct cast *c, unsigned i)
{
	ledger_claim(&of(c, i)->there, CLAIM_CHANGING);
	must(ref_destroy(view(c), c->rec, refs[i]), "destroy");
	ledger_claim(&of(c, i)->there, CLAIM_ABSENT);
}

static void up(struct cast *c, unsigned i)
{
	must(ref_up(view(c), c->rec, refs[i], NULL), "up");
}

static void down(struct cast *c, unsigned i)
{
	must(ref_down(view(c), c->rec, refs[i], NULL), "down");
}

/* --- Prepared --------------------------------------------------------------
 */

static void one(struct cast *c)
{
	make(c, 0);
}

static void one_to_free(struct cast *c)
{
	make(c, 0);
	unmake(c, 0);
}

static void counted(struct cast *c)
{
	make(c, 0);
	up(c, 0);
	will(c, 0, IS(0), IS(1));
}

/* The row is there, and at zero. */
static void used(struct cast *c)
{
	counted(c);
	down(c, 0);
}

static void shared(struct cast *c)
{
	counted(c);
	must(ref_up(view(c), cast_peer(c), refs[0], NULL), "peer's up");
	must(ref_up_global(view(c), c->rec, refs[0]), "up_global");
	will(c, 0, IS(2), IS(0));
}

static void thrown(struct cast *c)
{
	make(c, 0);
	must(ref_up(view(c), cast_peer(c), refs[0], NULL), "peer's up");
	must(ref_throw(view(c), cast_peer(c), refs[0], c->arena->id),
	     "peer's throw");
	will(c, 0, IS(0), IS(1));
}

static void two(struct cast *c)
{
	make(c, 0);
	make(c, 1);
}

static void family(struct cast *c)
{
	two(c);
	must(ref_inherit(view(c), c->rec, refs[1], refs[0]), "inherit");
}

static void two_shared(struct cast *c)
{
	two(c);
	must(ref_up(view(c), cast_peer(c), refs[0], NULL), "peer's up");
	will(c, 0, IS(1), IS(0));
}

static void family_shared(struct cast *c)
{
	two_shared(c);
	must(ref_inherit(view(c), c->rec, refs[1], refs[0]), "inherit");
	will(c, 1, IS(1), IS(0));
}

static void die_counting(struct cast *c)
{
	uint32_t victim = c->ledger->victim;
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct fusion_arena *a = stage_enter(c->stage, 2, true);
		struct thread_rec *me = thread_rec_of(a);

		for (unsigned i = 0; i < 2; i++)
			must(ref_up(&a->view, me, refs[i], NULL), "up");
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("the other has failed: %x", status);
	c->ledger->victim = victim;
}

/* Found by whoever sweeps. */
static void corpse(struct cast *c)
{
	family(c);
	die_counting(c);
	will(c, 0, IS(0), IS(1));
	will(c, 1, IS(0), IS(1));
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

/* Of a family: what inherits from it loses that. */
static void run_unmake_parent(struct cast *c)
{
	will(c, 1, BETWEEN(0, 1), BETWEEN(0, 1));
	unmake(c, 0);
	will(c, 1, IS(0), IS(1));
}

/* Once up, it falls in any case. */
static void run_up_down(struct cast *c)
{
	uint64_t before = of(c, 0)->falls.most;

	will(c, 0, IS(0), BETWEEN(before, before + 1));
	up(c, 0);
	will(c, 0, IS(0), IS(before + 1));
	up(c, 0);
	down(c, 0);
	down(c, 0);
}

static void run_global(struct cast *c)
{
	will(c, 0, BETWEEN(0, 1), IS(0));
	must(ref_up_global(view(c), c->rec, refs[0]), "up_global");
	will(c, 0, BETWEEN(0, 1), BETWEEN(0, 1));
	must(ref_down_global(view(c), c->rec, refs[0]), "down_global");
	will(c, 0, IS(0), IS(1));
}

static void run_zero(struct cast *c)
{
	must(ref_zero_trylock(view(c), c->rec, refs[0]), "zero_trylock");
	if (ref_up_global(view(c), c->rec, refs[0]) != -EBUSY)
		die("up while it is locked at zero");
	must(ref_unlock(view(c), c->rec, refs[0]), "unlock");
}

static void run_watch(struct cast *c)
{
	uint64_t falls;

	must(ref_watch(view(c), c->rec, refs[0], &falls), "watch");
	down(c, 0);
	must(ref_unwatch(view(c), c->rec, refs[0]), "unwatch");
}

static void run_throw(struct cast *c)
{
	uint32_t peer = view_member(view(c), c->ledger->peer)->id;

	will(c, 0, BETWEEN(0, 1), BETWEEN(0, 1));
	must(ref_throw(view(c), c->rec, refs[0], peer), "throw");
	will(c, 0, IS(1), IS(0));
}

static void run_catch(struct cast *c)
{
	must(ref_catch(view(c), c->rec, refs[0]), "catch");
	down(c, 0);
}

static void run_throw_to_self(struct cast *c)
{
	must(ref_throw(view(c), c->rec, refs[0], c->arena->id), "throw");
	must(ref_catch(view(c), c->rec, refs[0]), "catch");
}

static void run_inherit(struct cast *c)
{
	will(c, 1, BETWEEN(0, 1), IS(0));
	must(ref_inherit(view(c), c->rec, refs[1], refs[0]), "inherit");
	will(c, 1, IS(1), IS(0));
}

static void run_family(struct cast *c)
{
	for (unsigned i = 0; i < 2; i++)
		will(c, i, IS(0), BETWEEN(0, 1));
	up(c, 0);
	for (unsigned i = 0; i < 2; i++)
		will(c, i, IS(0), IS(1));
	down(c, 0);
}

static void run_fork(struct cast *c)
{
	if (ref_fork_hold(view(c), c->rec) != 1)
		die("a fork does not hold what there is");
	must(ref_fork_drop(view(c), c->rec), "fork_drop");
}

static void run_sweep(struct cast *c)
{
	if (life_sweep(view(c)) != 1)
		die("the corpse is not found");
}

/* clang-format off */
const struct op ref_ops[] = {
	{ "ref-create",		 PART_MEMBER, NULL,	     run_make, 0 },
	{ "ref-create-reuse",	 PART_MEMBER, one_to_free,   run_make, 0 },
	{ "ref-destroy",	 PART_MEMBER, one,	     run_unmake, 0 },
	{ "ref-destroy-counted", PART_MEMBER, shared,	     run_unmake, 0 },
	{ "ref-destroy-parent",	 PART_MEMBER, family_shared, run_unmake_parent, 0 },
	{ "ref-up-first",	 PART_MEMBER, one,	     run_up_down, 0 },
	{ "ref-up-again",	 PART_MEMBER, used,	     run_up_down, 0 },
	{ "ref-global",		 PART_MEMBER, one,	     run_global, 0 },
	{ "ref-zero",		 PART_MEMBER, one,	     run_zero, 0 },
	{ "ref-watch",		 PART_MEMBER, counted,	     run_watch, 0 },
	{ "ref-throw",		 PART_MEMBER, counted,	     run_throw, 0 },
	{ "ref-throw-to-self",	 PART_MEMBER, counted,	     run_throw_to_self, 0 },
	{ "ref-catch",		 PART_MEMBER, thrown,	     run_catch, 0 },
	{ "ref-inherit",	 PART_MEMBER, two_shared,    run_inherit, 0 },
	{ "ref-family",		 PART_MEMBER, family,	     run_family, 0 },
	{ "ref-fork",		 PART_MEMBER, counted,	     run_fork, 0 },
	{ "refs-sweep",		 PART_MEMBER, corpse,	     run_sweep, 0 },
};
/* clang-format on */

const unsigned n_ref_ops = N_OPS(ref_ops);
