/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash-torture: kill -9 at random; see torture.h and docs/crash.md. */
#include "tests/crash/torture.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libfusion/core/life/life.h"
#include "tests/crash/ledger.h"

#define SINGLES 6 /* kills in a round before all are killed */
#define LIFE 300  /* operations between entering and leaving */

static const struct scene *const scenes[] = {
	&scene_direct,
	&scene_survivors,
	&scene_mount,
	&scene_restart,
};

static void be_worker(struct torture *t, unsigned w, uint64_t seed)
{
	struct rng rng = {seed};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct fusion_arena *a = t->scene->enter(t);

		if (!a)
			pause();
		work(a, w, &rng, LIFE);
		if (!t->scene->one_died)
			life_sweep(&a->view);
		if (rng_below(&rng, 2))
			t->scene->leave(a);
		else
			work(a, w, &rng, 1u << 30);
		if (t->scene->once)
			_exit(0);
	}
}

static void start(struct torture *t, unsigned w)
{
	uint64_t seed = rng_next(&t->rng);

	fflush(stdout);
	t->worker[w] = fork();
	if (t->worker[w] < 0)
		die("fork");
	if (!t->worker[w])
		be_worker(t, w, seed);
}

/* It may have been faster and left; but nothing else may have ended it. */
static void reap(struct torture *t, unsigned w)
{
	int status;

	if (waitpid(t->worker[w], &status, 0) != t->worker[w])
		die("waitpid");
	t->worker[w] = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		t->kills++;
	} else if (status) {
		printf("# worker %u ended with status %x\n", w, status);
		t->audit.faults++;
	}
}

static void nap(struct torture *t)
{
	struct timespec ts = {.tv_nsec = rng_below(&t->rng, 3000000)};

	nanosleep(&ts, NULL);
}

/* Its successor will go on with its slots, so it must not come before the dead
 * one is recovered, whatever the others do meanwhile. */
static void kill_one(struct torture *t)
{
	unsigned w = rng_below(&t->rng, WORKERS);
	pid_t pid = t->worker[w];

	if (!pid)
		return;
	nap(t);
	kill(pid, SIGKILL);
	reap(t, w);
	if (!t->scene->one_died)
		return;
	t->scene->one_died(t, pid);
	start(t, w);
}

static void kill_all(struct torture *t)
{
	nap(t);
	for (unsigned w = 0; w < WORKERS; w++)
		if (t->worker[w])
			kill(t->worker[w], SIGKILL);
	for (unsigned w = 0; w < WORKERS; w++)
		if (t->worker[w])
			reap(t, w);
	t->scene->all_died(t);
}

static void play_round(struct torture *t)
{
	unsigned before = t->kills;

	for (unsigned w = 0; w < WORKERS; w++)
		start(t, w);
	for (unsigned i = 0; i < SINGLES; i++) {
		if (t->scene->disturb && i == SINGLES / 2)
			t->scene->disturb(t);
		kill_one(t);
	}
	kill_all(t);
	audit(&t->audit, t->arena, t->kills - before);
	if (t->scene->repair)
		t->scene->repair(t);
	t->round++;
}

static int torture(const struct scene *scene, unsigned kills, uint64_t seed)
{
	struct torture t = {.scene = scene, .rng = {seed}};

	t.arena = scene->open(&t);
	if (!work_prepare(t.arena))
		die("no table");
	while (t.kills < kills && !t.audit.faults)
		play_round(&t);
	if (!t.audit.faults)
		audit_end(&t.audit, t.arena);
	scene->close(&t);
	printf("%sok 1 - %s: %u kills, %u of the daemon, %u rounds, "
	       "%llu blocks in flight, %u faults\n1..1\n# seed %llu\n",
	       t.audit.faults ? "not " : "", scene->name, t.kills,
	       t.other_kills, t.round, (unsigned long long)t.audit.leaks,
	       t.audit.faults, (unsigned long long)seed);
	return t.audit.faults != 0;
}

static void usage(const char *program, int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [--kills N] [--seed N] "
		"[--only-objects | --only-reactors] "
		"direct|survivors|mount|restart\n",
		program);
	exit(status);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"kills", required_argument, NULL, 'k'},
		{"seed", required_argument, NULL, 's'},
		{"only-objects", no_argument, NULL, 'o'},
		{"only-reactors", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	unsigned kills = 1000;
	uint64_t seed = 1;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'k')
			kills = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (c == 'o')
			work_only_objects();
		else if (c == 'r')
			work_only_reactors();
		else
			usage(argv[0], c == 'h' ? 0 : 2);
	}
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		if (optind < argc && !strcmp(argv[optind], scenes[i]->name))
			return torture(scenes[i], kills, seed);
	usage(argv[0], 2);
}
