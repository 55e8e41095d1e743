/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crash-step: kill the victim after every instruction
 *
 * Level 1: a victim does one operation, stepped; after each instruction that
 * changed the arena's metadata the tester recovers a copy-on-write image of it
 * and asks the oracle.  Level 2 (--nested): the same for the recovery.
 * docs/crash.md has the rest.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fusion/arena.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/heap/tls.h"
#include "tests/crash/nested.h"
#include "tests/crash/ops.h"
#include "tests/crash/overlay.h"
#include "tests/crash/pair.h"
#include "tests/crash/pair_talk.h"
#include "tests/crash/plant.h"
#include "tests/crash/stepper.h"

#define REPORTS 3 /* failures described, of one operation */

struct options {
	const char *op; /* only those that begin so */
	uint64_t seed;
	unsigned nested; /* every so many states, 0 never */
	int bug;	 /* seeded, 0 none: it must be found */
	bool list;
	bool pairs;   /* a living peer works on the same lock */
	bool sleeper; /* the same, and it sleeps before anything is done */
};

struct result {
	uint64_t steps, states, nested_states;
	unsigned bad, in_flight;
};

static const char *program;
static struct options options = {.seed = 1};

/* --- The victim ------------------------------------------------------------
 */

static struct fusion_arena *come_on(struct stage *s, enum part part)
{
	switch (part) {
	case PART_NOBODY:
		return stage_map(s);
	case PART_UNDERTAKER:
		return stage_undertake(s);
	case PART_JOINING:
		return stage_enter(s, FUSION_ROLE_SLAVE, false);
	case PART_MASTER:
		return stage_enter(s, FUSION_ROLE_MASTER, true);
	default:
		return stage_enter(s, FUSION_ROLE_SLAVE, true);
	}
}

static void peer_leaves(struct cast *c)
{
	struct view *v = &c->arena->view;
	uint32_t peer = c->ledger->peer;

	c->ledger->peer = 0;
	c->ledger->peers.n = 0;
	life_lock(v, -1);
	if (life_depart(v, peer, false) < 0)
		die("the peer cannot leave");
	life_unlock(v);
}

static void be_victim(struct stage *s, const struct op *op)
{
	struct cast c = {.stage = s, .ledger = s->ledger};

	c.arena = come_on(s, op->part);
	if (op->part != PART_NOBODY && op->part != PART_UNDERTAKER &&
	    op->part != PART_NEWCOMER)
		c.rec = thread_rec_of(c.arena);
	if (op->part == PART_ALONE)
		peer_leaves(&c);
	if (op->prepare)
		op->prepare(&c);
	stepper_trace_me();
	op->run(&c);
	stepper_end();
	_exit(0);
}

/* --- The tester ------------------------------------------------------------
 */

struct trial {
	struct stage stage;
	const struct op *op;
	struct stepper victim;
	struct nested nested;
	struct result result;
};

static void describe(struct trial *t, const char *where,
		     const struct verdict *v)
{
	char at[160];

	if (t->result.bad++ >= REPORTS)
		return;
	stepper_where(t->victim.pc, at, sizeof(at));
	printf("# %s step %llu, after %s: %s: %s (%u faults)\n", t->op->name,
	       (unsigned long long)t->victim.steps, at, where, v->first,
	       v->bad);
	if (!strcmp(where, "recovery killed")) {
		stepper_where(t->nested.pc, at, sizeof(at));
		printf("#   recovery step %llu, after %s\n",
		       (unsigned long long)t->nested.step, at);
	}
	printf("#   again: %s --op %s --seed %llu%s", program, t->op->name,
	       (unsigned long long)options.seed,
	       options.nested ? " --nested 1" : "");
	if (options.bug)
		printf(" --bug %d", options.bug);
	puts("");
}

static void check(struct trial *t, enum finder finder, const char *who,
		  struct verdict *ret)
{
	struct stage *s = &t->stage;

	overlay_on(s, s->fd);
	oracle_ask(s, finder, t->op->extra, ret);
	overlay_off(s, s->fd);
	if (ret->bad)
		describe(t, who, ret);
}

static void check_pair(struct trial *t)
{
	struct stage *s = &t->stage;
	struct verdict v;

	for (unsigned way = 0; way < TALK_WAYS; way++) {
		overlay_on(s, s->fd);
		pair_ask(s, way, &v);
		overlay_off(s, s->fd);
		if (v.bad)
			describe(t, "a peer", &v);
	}
}

static void check_state(struct trial *t)
{
	const struct ledger *l = t->stage.ledger;
	struct verdict v, other;

	t->result.states++;
	check(t, FINDER_DAEMON, "daemon recovers", &v);
	t->result.in_flight += v.in_flight > 0;
	if (options.pairs)
		check_pair(t);
	/* In a doomed arena a survivor does not survive. */
	if (l->peer && l->master != FUSION_MASTER_DEATH_KILL + 1)
		check(t, FINDER_SURVIVOR, "survivor recovers", &other);
	if (v.bad || !options.nested || t->result.states % options.nested)
		return;
	nested_check(&t->nested, &t->stage, t->op->extra, &v, &other);
	if (other.bad)
		describe(t, "recovery killed", &other);
}

static void step_through(struct trial *t)
{
	uint64_t last = overlay_hash(&t->stage), hash;

	check_state(t);
	/* A planted bug needs to be found once. */
	while (!(options.bug && t->result.bad) && stepper_step(&t->victim)) {
		hash = overlay_hash(&t->stage);
		if (hash == last)
			continue;
		last = hash;
		check_state(t);
	}
	t->result.steps = t->victim.steps;
	if (t->victim.done || t->result.bad)
		return;
	t->result.bad++;
	printf("# %s: the victim died: signal %d, status %d\n", t->op->name,
	       t->victim.killed_by, t->victim.exited - 1);
}

static struct result try_op(const struct op *op)
{
	struct trial t = {.op = op};
	pid_t pid;

	stage_open(&t.stage, options.seed);
	nested_open(&t.nested, &t.stage);
	fflush(stdout);
	pid = fork();
	if (!pid)
		be_victim(&t.stage, op);
	stepper_attach(&t.victim, pid);
	step_through(&t);
	stepper_kill(&t.victim);
	t.result.nested_states = t.nested.states;
	nested_close(&t.nested, &t.stage);
	stage_close(&t.stage);
	return t.result;
}

/* Up to the @target-th change with somebody asleep, then dead or through.
 * false: this was all of it. */
static bool try_sleeper(struct trial *t, unsigned target)
{
	struct stage *s = &t->stage;
	struct verdict v;
	struct deed *d;
	uint64_t last, hash;
	bool killed;
	pid_t pid;

	stage_open(s, options.seed);
	fflush(stdout);
	pid = fork();
	if (!pid)
		be_victim(s, t->op);
	stepper_attach(&t->victim, pid);
	d = pair_begin(s);
	last = overlay_hash(s);
	for (unsigned n = 0; d && n < target && stepper_step(&t->victim);) {
		hash = overlay_hash(s);
		n += hash != last;
		last = hash;
	}
	killed = !t->victim.done;
	stepper_kill(&t->victim);
	if (d) {
		t->result.states++;
		t->result.steps += t->victim.steps;
		pair_end(d, killed, &v);
		if (v.bad)
			describe(t, "a sleeping peer", &v);
	}
	stage_close(s);
	return d && killed && !(options.bug && t->result.bad);
}

static struct result try_sleepers(const struct op *op)
{
	struct trial t = {.op = op};

	for (unsigned target = 0; try_sleeper(&t, target); target++)
		;
	return t.result;
}

/* --- The program ------------------------------------------------------------
 */

static void crashed(int sig)
{
	static const char text[] =
		"Bail out! recovery or a checker crashed in the tester\n";

	(void)sig;
	if (options.bug)
		_exit(0);
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(98);
	_exit(97);
}

static void run_list(const struct op *ops, unsigned n, unsigned *number,
		     struct result *total)
{
	for (unsigned i = 0; i < n; i++) {
		struct result r;

		if (options.bug && total->bad)
			return;
		if (options.op &&
		    strncmp(ops[i].name, options.op, strlen(options.op)))
			continue;
		if (options.list) {
			puts(ops[i].name);
			continue;
		}
		r = options.sleeper ? try_sleepers(&ops[i]) : try_op(&ops[i]);
		printf("%sok %u - %s: steps %llu, states %llu, in recovery "
		       "%llu, bad %u, in flight %u\n",
		       r.bad && !options.bug ? "not " : "", ++*number,
		       ops[i].name, (unsigned long long)r.steps,
		       (unsigned long long)r.states,
		       (unsigned long long)r.nested_states, r.bad, r.in_flight);
		fflush(stdout);
		total->steps += r.steps;
		total->states += r.states;
		total->nested_states += r.nested_states;
		total->bad += r.bad;
		total->in_flight += r.in_flight;
	}
}

static void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [--op PREFIX] [--seed N] [--nested N] "
		"[--bug N] [--pairs | --sleeper] [--list]\n"
		"  --op PREFIX   only the operations whose names begin so\n"
		"  --seed N      of the arena's past (1)\n"
		"  --nested N    kill the recovery too, in every Nth state\n"
		"  --bug N       plant bug N of seed.h, which must be found\n"
		"  --pairs       of what two use only; a living peer does\n"
		"  --sleeper     the same, and it sleeps from the beginning\n"
		"  --list        name the operations\n",
		program);
	exit(status);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"op", required_argument, NULL, 'o'},
		{"seed", required_argument, NULL, 's'},
		{"nested", required_argument, NULL, 'n'},
		{"bug", required_argument, NULL, 'b'},
		{"list", no_argument, NULL, 'l'},
		{"pairs", no_argument, NULL, 'p'},
		{"sleeper", no_argument, NULL, 'S'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	program = argv[0];
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'o')
			options.op = optarg;
		else if (c == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			options.nested = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 'b')
			options.bug = plant_bug(atoi(optarg));
		else if (c == 'l')
			options.list = true;
		else if (c == 'p')
			options.pairs = true;
		else if (c == 'S')
			options.sleeper = true;
		else
			usage(c == 'h' ? 0 : 2);
	}
}

int main(int argc, char **argv)
{
	struct result total = {0};
	unsigned n = 0;

	parse(argc, argv);
	signal(SIGSEGV, crashed);
	signal(SIGBUS, crashed);
	signal(SIGFPE, crashed);
	if (!options.pairs && !options.sleeper) {
		run_list(field_ops, n_field_ops, &n, &total);
		run_list(heap_ops, n_heap_ops, &n, &total);
		run_list(pool_ops, n_pool_ops, &n, &total);
		run_list(life_ops, n_life_ops, &n, &total);
		run_list(container_ops, n_container_ops, &n, &total);
		run_list(transfer_ops, n_transfer_ops, &n, &total);
		run_list(object_ops, n_object_ops, &n, &total);
	}
	run_list(message_ops, n_message_ops, &n, &total);
	run_list(call_ops, n_call_ops, &n, &total);
	run_list(reactor_ops, n_reactor_ops, &n, &total);
	run_list(lock_ops, n_lock_ops, &n, &total);
	if (!options.sleeper)
		run_list(ref_ops, n_ref_ops, &n, &total);
	if (options.list)
		return 0;
	if (options.bug)
		printf("%sok %u - seeded bug %d is found\n",
		       total.bad ? "" : "not ", n + 1, options.bug);
	printf("1..%u\n", n + (options.bug != 0));
	printf("# seed %llu: steps %llu, states %llu, in recovery %llu, "
	       "bad %u, in flight %u\n",
	       (unsigned long long)options.seed,
	       (unsigned long long)total.steps,
	       (unsigned long long)total.states,
	       (unsigned long long)total.nested_states, total.bad,
	       total.in_flight);
	return n && !total.bad == !options.bug ? 0 : 1;
}
