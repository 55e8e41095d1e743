/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crash-delay: a delay at every instruction
 *
 * What two processes do to each other depends on when.  A scene forces each
 * interleaving in which one of them is interrupted once, by the whole operation
 * of the other (delay.h).  Where the other has to wait for what the interrupted
 * one holds, that one is let go as soon as the other sleeps.
 *
 * What this shows is the second look, the comparison or the count that makes an
 * interleaving harmless: without it the scene fails, and the seeded bugs from
 * 80 on are that.  The fence that the look needs is not shown: x86 single steps
 * are whole and in order.  Fences are what the litmus files show, and the
 * drawings at the code argue.
 */
#include "tests/crash/delay.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/format.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/heap/tls.h"
#include "tests/crash/ledger.h"
#include "tests/crash/plant.h"
#include "tests/crash/stepper.h"
#include "tests/unit/image_witness.h"

#define BASE ((void *)0x550000000000ull)
#define PATIENCE_NS 20000000000ll /* then it hangs */
#define LOOK_NS 100000		  /* between two looks at who is on its way */
#define REPORTS 3		  /* failures described, of one scene */

struct options {
	const char *scene; /* only those that begin so */
	uint64_t at;	   /* only this instruction, + 1; 0 all */
	uint64_t seed;	   /* where a stride begins */
	int bug;
	bool every; /* no strides */
	bool list;
};

static struct options options;
static const char *program;

/* --- Processes ------------------------------------------------------------ */

void fault(struct play *play, const char *fmt, ...)
{
	va_list ap;

	if (*play->fault)
		return;
	va_start(ap, fmt);
	vsnprintf(play->fault, sizeof(play->fault), fmt, ap);
	va_end(ap);
}

static void enter(struct actor *a, int image)
{
	struct fusion_arena *arena = calloc(1, sizeof(*arena));
	struct member_info info = {
		.pid = getpid(),
		.start_time = process_start_time(getpid()),
		.role = 1,
		.comm = "actor",
	};
	int fd = description_of(image);
	struct view *v = &arena->view;
	uint32_t slot;

	close(image);
	if (!arena || fd < 0 || view_map(v, fd, BASE) < 0)
		die("cannot map the arena");
	arena->dirfd = -1;
	v->acts = &member_acts;
	pthread_mutex_init(&arena->dispatch_lock, NULL);
	if (life_lock(v, -1) < 0 || image_claim(v, &info, &slot) < 0)
		die("no member slot");
	arena->id = view_member(v, slot)->id;
	if (life_witness(v, slot, arena->id) < 0 || member_ready(v, slot) < 0)
		die("cannot enter");
	life_unlock(v);
	arena->tag = heap_tag(slot);
	slab_classes(v, arena->classes);
	if (address_add(arena) < 0)
		die("too many arenas");
	a->arena = arena;
	a->v = v;
	a->me = thread_rec_of(arena);
	a->play->id[a->role] = arena->id;
	a->play->slot[a->role] = slot;
}

static void say_done(struct cue *c, uint32_t n)
{
	store_release(&c->done, n);
	futex_wake(&c->done, INT_MAX);
}

static void act(struct play *play, enum role role, int image)
{
	struct actor a = {.play = play, .role = role};
	struct cue *c = &play->cue[role];
	uint32_t n = 0, told;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter(&a, image);
	for (;;) {
		say_done(c, ++n);
		/* Acquire: pairs with the release in tell(). */
		while ((told = load_acquire(&c->told)) == n)
			futex_wait(&c->told, told, -1);
		store_release(&c->begun, told);
		c->act(&a);
	}
}

static void tell(struct play *play, enum role role, act_fn fn)
{
	struct cue *c = &play->cue[role];

	c->act = fn;
	store_release(&c->told, c->told + 1);
	futex_wake(&c->told, INT_MAX);
}

static bool is_done(const struct cue *c)
{
	return load_acquire(&c->done) == load_relaxed(&c->told);
}

/* Only the tester can tell. */
static bool is_dead(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
		       0 &&
	       info.si_pid;
}

static void await(struct play *play, enum role role)
{
	struct cue *c = &play->cue[role];
	int64_t end = clock_monotonic_ns() + PATIENCE_NS;
	uint32_t done;

	while ((done = load_acquire(&c->done)) != load_relaxed(&c->told)) {
		futex_wait(&c->done, done, 10000000);
		if (clock_monotonic_ns() > end)
			die("one does not come to an end: role %d", (int)role);
		if (is_dead(c->pid)) {
			fault(play, "role %d has died", (int)role);
			return;
		}
	}
}

void have(struct play *play, enum role role, act_fn fn)
{
	tell(play, role, fn);
	await(play, role);
}

/* --- One trial ------------------------------------------------------------ */

/* The instructions of the operation, in the order of an undisturbed one: to
 * come to one of them again is faster by a breakpoint than by steps. */
struct path {
	uint64_t *pc;
	uint64_t n, room;
};

struct trial {
	const struct scene *scene;
	struct play *play;
	struct path path;
	struct view view; /* the tester's, which is no member */
	struct stepper victim;
	bool waited; /* the rival, for the victim */
	bool missed; /* the victim took another way */
};

struct result {
	uint64_t length, trials, waited, missed;
	unsigned bad;
};

static const struct scene *on; /* in the victim: its scene */

static void be_victim(struct actor *a)
{
	stepper_trace_me();
	on->victim(a);
	stepper_end();
}

static void start(struct trial *t, enum role role, int image)
{
	struct cue *c = &t->play->cue[role];
	pid_t pid;

	c->told = 1; /* to enter */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		view_unmap(&t->view);
		act(t->play, role, image);
	}
	c->pid = pid;
	await(t->play, role);
}

static void set_up(struct trial *t)
{
	const struct arena_params params = {
		.name = "delay",
		.base = (uint64_t)(uintptr_t)BASE,
		.span = SPAN_MIN,
		.max_members = 16,
		.epoch = 1,
	};
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || format_arena(fd, &params) < 0 ||
	    view_map(&t->view, fd, BASE) < 0)
		die("cannot make an arena");
	memset(t->play, 0, sizeof(*t->play));
	on = t->scene;
	for (enum role i = 0; i < (t->scene->third ? N_ROLES : THIRD); i++)
		start(t, i, fd);
	for (unsigned i = 0; i < BEATS && t->scene->before[i].act; i++)
		have(t->play, t->scene->before[i].role,
		     t->scene->before[i].act);
}

static void tear_down(struct trial *t)
{
	int fd = t->view.fd;

	for (enum role i = 0; i < N_ROLES; i++) {
		if (!t->play->cue[i].pid)
			continue;
		kill(t->play->cue[i].pid, SIGKILL);
		waitpid(t->play->cue[i].pid, NULL, 0);
	}
	view_unmap(&t->view);
	close(fd);
}

static void nap(void)
{
	const struct timespec ts = {.tv_nsec = LOOK_NS};

	nanosleep(&ts, NULL);
}

static bool is_asleep(pid_t pid)
{
	char path[32], text[512], *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && state[1] && state[2] == 'S';
}

/* Asleep, and not until the third one has done what the rival has it do. */
static bool waits_for_victim(const struct play *play)
{
	const struct cue *c = &play->cue[RIVAL];

	return load_acquire(&c->begun) == load_relaxed(&c->told) &&
	       is_done(&play->cue[THIRD]) && is_asleep(c->pid);
}

/* Until the rival is done, or sleeps: then it waits for the victim. */
static void rival_goes(struct trial *t)
{
	const struct cue *c = &t->play->cue[RIVAL];
	int64_t end = clock_monotonic_ns() + PATIENCE_NS;

	tell(t->play, RIVAL, t->scene->rival);
	for (unsigned slept = 0; !is_done(c);) {
		nap();
		slept = waits_for_victim(t->play) ? slept + 1 : 0;
		t->waited = slept == 2;
		if (t->waited)
			return;
		if (clock_monotonic_ns() > end)
			die("the rival does not come to an end");
	}
}

static bool begin(struct trial *t)
{
	tell(t->play, VICTIM, be_victim);
	stepper_attach(&t->victim, t->play->cue[VICTIM].pid);
	return !t->scene->from ||
	       stepper_run_to(&t->victim, (uint64_t)(uintptr_t)t->scene->from,
			      1);
}

static void note(struct path *p, uint64_t pc)
{
	if (p->n == p->room) {
		p->room = p->room * 2 + 1024;
		p->pc = realloc(p->pc, p->room * sizeof(*p->pc));
	}
	if (!p->pc)
		die("no memory for a path");
	p->pc[p->n++] = pc;
}

static void find_path(struct trial *t)
{
	set_up(t);
	if (!begin(t))
		die("%s: the victim does not come there", t->scene->name);
	do
		note(&t->path, t->victim.pc);
	while (stepper_step(&t->victim));
	/* Stopping itself. */
	t->path.n--;
	tear_down(t);
}

/* In front of instruction @at.  False: the operation is over before it, which
 * takes another way now. */
static bool go_to(struct trial *t, uint64_t at)
{
	const struct path *p = &t->path;
	uint64_t times = 0;

	for (uint64_t i = 1; i <= at; i++)
		times += p->pc[i] == p->pc[at];
	return stepper_run_to(&t->victim, p->pc[at], times);
}

static void victim_goes_on(struct trial *t)
{
	int64_t end = clock_monotonic_ns() + PATIENCE_NS;

	stepper_let_go(&t->victim);
	while (!stepper_is_over(&t->victim)) {
		nap();
		if (clock_monotonic_ns() > end)
			die("%s: the victim does not come to an end",
			    t->scene->name);
	}
}

static void report_fault(void *ctx, const char *what)
{
	fault(ctx, "checker: %s", what);
}

static void judge(struct trial *t)
{
	for (unsigned i = 0; i < BEATS && t->scene->after[i].act; i++)
		have(t->play, t->scene->after[i].role, t->scene->after[i].act);
	if (t->scene->judge)
		t->scene->judge(&t->view, t->play);
	arena_check(&t->view, report_fault, t->play);
}

/* False: the victim took another way. */
static bool delay_victim(struct trial *t, uint64_t at)
{
	bool is_there = begin(t) && go_to(t, at);

	rival_goes(t);
	if (is_there)
		victim_goes_on(t);
	if (!t->victim.done) {
		fault(t->play, "the victim died: signal %d, status %d",
		      t->victim.killed_by, t->victim.exited - 1);
		return is_there;
	}
	stepper_detach(&t->victim);
	await(t->play, VICTIM);
	return is_there;
}

static bool kill_victim(struct trial *t, uint64_t at)
{
	bool is_there = begin(t);

	rival_goes(t);
	is_there = is_there && go_to(t, at);
	stepper_kill(&t->victim);
	t->play->cue[VICTIM].pid = 0;
	return is_there;
}

static void try(struct trial *t, uint64_t at)
{
	set_up(t);
	t->waited = false;
	t->missed = t->scene->third == VICTIM_DIES ? !kill_victim(t, at)
						   : !delay_victim(t, at);
	if (!*t->play->fault) {
		await(t->play, RIVAL);
		judge(t);
	}
	tear_down(t);
}

static void describe(const struct trial *t, uint64_t at)
{
	char where[160];

	stepper_where(t->path.pc[at], where, sizeof(where));
	printf("# %s delayed at instruction %llu, %s%s: %s\n", t->scene->name,
	       (unsigned long long)at, where,
	       t->waited ? ", which the rival waits for" : "", t->play->fault);
	printf("#   again: %s --scene %s --at %llu", program, t->scene->name,
	       (unsigned long long)at);
	if (options.bug)
		printf(" --bug %d", options.bug);
	puts("");
}

static struct result try_scene(const struct scene *scene)
{
	struct trial t = {
		.scene = scene,
		.play = mmap(NULL, sizeof(*t.play), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	unsigned stride = scene->stride && !options.every ? scene->stride : 1;
	uint64_t at = options.at ? options.at - 1 : options.seed % stride;
	struct result r = {0};

	if (t.play == MAP_FAILED)
		die("no memory");
	find_path(&t);
	r.length = t.path.n;
	/* A planted bug needs to be found once. */
	while (at < t.path.n && !(options.bug && r.bad)) {
		try(&t, at);
		r.trials++;
		r.waited += t.waited;
		r.missed += t.missed;
		if (*t.play->fault && r.bad++ < REPORTS)
			describe(&t, at);
		at = options.at ? t.path.n : at + stride;
	}
	free(t.path.pc);
	munmap(t.play, sizeof(*t.play));
	return r;
}

/* --- The program ---------------------------------------------------------- */

static void run_list(const struct scene *scenes, unsigned n, unsigned *number,
		     unsigned *bad)
{
	for (unsigned i = 0; i < n; i++) {
		int64_t since = clock_monotonic_ns();
		struct result r;

		if (options.bug && *bad)
			return;
		if (options.scene && strncmp(scenes[i].name, options.scene,
					     strlen(options.scene)))
			continue;
		if (options.list) {
			puts(scenes[i].name);
			continue;
		}
		r = try_scene(&scenes[i]);
		printf("%sok %u - %s: instructions %llu, delays %llu, missed "
		       "%llu, the rival waited %llu, bad %u, %lld ms\n",
		       r.bad && !options.bug ? "not " : "", ++*number,
		       scenes[i].name, (unsigned long long)r.length,
		       (unsigned long long)r.trials,
		       (unsigned long long)r.missed,
		       (unsigned long long)r.waited, r.bad,
		       (long long)(clock_monotonic_ns() - since) / 1000000);
		fflush(stdout);
		*bad += r.bad;
	}
}

static void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [--scene PREFIX] [--at N] [--every] [--seed N] "
		"[--bug N] [--list]\n"
		"  --scene PREFIX  only those whose names begin so\n"
		"  --at N          delay at instruction N only\n"
		"  --every         at each instruction, also of long ones\n"
		"  --seed N        where those begin, with a stride\n"
		"  --bug N         plant bug N of seed.h, which must be found\n"
		"  --list          name the scenes\n",
		program);
	exit(status);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"scene", required_argument, NULL, 'o'},
		{"at", required_argument, NULL, 'a'},
		{"every", no_argument, NULL, 'e'},
		{"seed", required_argument, NULL, 's'},
		{"bug", required_argument, NULL, 'b'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	program = argv[0];
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'o')
			options.scene = optarg;
		else if (c == 'a')
			options.at = strtoull(optarg, NULL, 0) + 1;
		else if (c == 'e')
			options.every = true;
		else if (c == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (c == 'b')
			options.bug = plant_bug(atoi(optarg));
		else if (c == 'l')
			options.list = true;
		else
			usage(c == 'h' ? 0 : 2);
	}
}

int main(int argc, char **argv)
{
	unsigned n = 0, bad = 0;

	parse(argc, argv);
	run_list(reactor_scenes, n_reactor_scenes, &n, &bad);
	run_list(listener_scenes, n_listener_scenes, &n, &bad);
	run_list(life_scenes, n_life_scenes, &n, &bad);
	run_list(table_scenes, n_table_scenes, &n, &bad);
	run_list(transfer_scenes, n_transfer_scenes, &n, &bad);
	run_list(heap_scenes, n_heap_scenes, &n, &bad);
	run_list(call_scenes, n_call_scenes, &n, &bad);
	run_list(object_scenes, n_object_scenes, &n, &bad);
	if (options.list)
		return 0;
	if (options.bug)
		printf("%sok %u - seeded bug %d is found\n", bad ? "" : "not ",
		       n + 1, options.bug);
	printf("1..%u\n", n + (options.bug != 0));
	return n && !bad == !options.bug ? 0 : 1;
}
