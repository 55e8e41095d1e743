/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members: their coming and going, and what is done for the dead. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/arena.h>
#include <fusion/heap.h>

#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/field.h"
#include "libfusion/heap/tls.h"
#include "tests/crash/ops.h"

/* Somebody comes, does @work and dies of it. */
static void die_after(struct cast *c, uint32_t role,
		      void (*work)(struct stage *, struct fusion_arena *))
{
	uint32_t victim = c->ledger->victim;
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct fusion_arena *a = stage_enter(c->stage, role, true);

		work(c->stage, a);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("the other has failed: %x", status);
	c->ledger->victim = victim;
}

static void work_a_life(struct stage *s, struct fusion_arena *a)
{
	struct rng rng = {7};

	stage_live(s, a, &rng, 60);
	for (unsigned i = 0; i < 4; i++)
		if (!fusion_malloc_member(a, 100 + 200000 * (i & 1)))
			die("member-lifetime");
}

static void work_and_hold_locks(struct stage *s, struct fusion_arena *a)
{
	struct view *v = &a->view;

	work_a_life(s, a);
	core_lock(v, thread_rec_of(a), &v->sb->tables[KIND_FIELD].lock);
	core_lock(v, thread_rec_of(a), &v->sb->event_lock);
}

/* --- Prepared ------------------------------------------------------------- */

static void a_corpse(struct cast *c)
{
	die_after(c, FUSION_ROLE_SLAVE, work_a_life);
}

static void a_master_corpse(struct cast *c)
{
	c->arena->view.sb->on_master_death = MASTER_DEATH_PROMOTE;
	die_after(c, FUSION_ROLE_MASTER, work_a_life);
}

static void a_corpse_with_locks(struct cast *c)
{
	die_after(c, FUSION_ROLE_SLAVE, work_and_hold_locks);
}

static void policy(struct cast *c, uint32_t policy)
{
	c->arena->view.sb->on_master_death = policy;
	c->ledger->master = policy + 1;
}

static void notify(struct cast *c)
{
	policy(c, MASTER_DEATH_NOTIFY);
}

static void kill_all(struct cast *c)
{
	policy(c, MASTER_DEATH_KILL);
}

static void promote(struct cast *c)
{
	policy(c, MASTER_DEATH_PROMOTE);
}

static void slabs(struct cast *c)
{
	for (unsigned i = 0; i < 3; i++)
		ledger_keep(&c->ledger->live, fusion_malloc(c->arena, 700));
	if (!fusion_malloc_member(c->arena, 300))
		die("member-lifetime");
}

static void exit_begun(struct cast *c)
{
	life_lock(&c->arena->view, -1);
	life_exit_begin(&c->arena->view, c->arena->view.slot);
	life_unlock(&c->arena->view);
}

/* --- Stepped -------------------------------------------------------------- */

static void claim(struct cast *c, uint32_t role)
{
	struct view *v = &c->arena->view;
	struct member_info info = {
		.pid = NO_PID, .role = role, .comm = "other"};
	uint32_t slot;

	life_lock(v, -1);
	if (member_claim(v, &info, &slot) < 0)
		die("no member slot");
	life_unlock(v);
}

static void run_claim(struct cast *c)
{
	claim(c, FUSION_ROLE_SLAVE);
}

static void run_claim_twice(struct cast *c)
{
	claim(c, FUSION_ROLE_SLAVE);
	claim(c, FUSION_ROLE_SLAVE);
	claim(c, FUSION_ROLE_MASTER);
}

static void run_ready(struct cast *c)
{
	life_lock(&c->arena->view, -1);
	member_ready(&c->arena->view, c->arena->view.slot);
	life_unlock(&c->arena->view);
}

static void run_exit(struct cast *c)
{
	struct view *v = &c->arena->view;

	exit_begun(c);
	life_lock(v, -1);
	life_depart(v, v->slot, false);
	life_unlock(v);
}

static void run_work(struct cast *c)
{
	ledger_keep(&c->ledger->live, fusion_malloc(c->arena, 700));
}

static void run_undertake(struct cast *c)
{
	if (life_undertake(&c->arena->view) < 0)
		die("cannot undertake");
}

static void run_sweep(struct cast *c)
{
	life_sweep(&c->arena->view);
}

/* The lock is a dead one's: who waits for it looks for its owner. */
static void run_suspect(struct cast *c)
{
	struct field_rec f;

	field_get(&c->arena->view, c->rec, "none", &f);
}

/* clang-format off */
const struct op life_ops[] = {
	{ "member-claim",	 PART_UNDERTAKER, NULL,	 run_claim, 0 },
	{ "member-claim-three",	 PART_UNDERTAKER, NULL,	 run_claim_twice, 0 },
	{ "member-ready",	 PART_JOINING, NULL,	 run_ready, 0 },
	{ "member-stay",	 PART_MEMBER, exit_begun, run_ready, 0 },
	{ "member-exit",	 PART_MEMBER, slabs,	 run_exit, 0 },
	{ "member-exit-last",	 PART_ALONE, slabs,	 run_exit, 0 },
	{ "member-exit-corpse",	 PART_ALONE, a_corpse,	 run_exit, 0 },
	{ "master-notify",	 PART_MASTER, notify,	 run_work, 1 },
	{ "master-kill",	 PART_MASTER, kill_all,	 run_work, 1 },
	{ "master-promote",	 PART_MASTER, promote,	 run_work, 1 },
	{ "undertake",		 PART_NOBODY, NULL,	 run_undertake, 0 },
	{ "undertake-corpse",	 PART_NOBODY, a_corpse,	 run_undertake, 0 },
	{ "sweep-daemon",	 PART_UNDERTAKER, a_corpse, run_sweep, 0 },
	{ "sweep-daemon-locks",	 PART_UNDERTAKER, a_corpse_with_locks, run_sweep, 0 },
	{ "sweep-survivor",	 PART_MEMBER, a_corpse,	 run_sweep, 0 },
	{ "sweep-survivor-locks", PART_MEMBER, a_corpse_with_locks, run_sweep, 0 },
	{ "sweep-master",	 PART_MEMBER, a_master_corpse, run_sweep, 0 },
	{ "lock-suspect",	 PART_MEMBER, a_corpse_with_locks, run_suspect, 0 },
};
/* clang-format on */

const unsigned n_life_ops = N_OPS(life_ops);
