/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Races of entering and exiting, against a real mount
 *
 * Workers are forked once and meet at a barrier; each round is a race among all
 * of them.  They count in memory of their own what happened, and the
 * parent compares.
 */
#include "tests/stress/mount.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <fusion/fusion.h>

#define ROUNDS 1000
#define CROWD 50
#define MAGIC 0x667573696f6e2121ull

static struct shared {
	pthread_barrier_t barrier;
	unsigned initialized, joined, shut_down, left; /* all of them atomic */
	unsigned errors;
	int first_error;
	unsigned stop;
	unsigned inside, worst; /* most inits at once; must never pass 1 */
} * shared;

/* What initialize() puts into the arena. */
struct content {
	uint64_t magic;
	unsigned members; /* atomic */
};

static void count(unsigned *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

static void failed(int r)
{
	count(&shared->errors);
	if (!shared->first_error)
		shared->first_error = r;
}

static int initialize(struct fusion_arena *arena, void *ctx)
{
	struct content *c = fusion_calloc(arena, 1, sizeof(*c));

	(void)ctx;
	/* A fresh arena: nothing of its last life is there. */
	if (!c || fusion_arena_root(arena))
		return -EEXIST;
	c->magic = MAGIC;
	c->members = 1;
	count(&shared->initialized);
	if (__atomic_add_fetch(&shared->inside, 1, __ATOMIC_ACQ_REL) > 1)
		count(&shared->worst);
	return fusion_arena_set_root(arena, c);
}

static int join(struct fusion_arena *arena, void *ctx)
{
	struct content *c = fusion_arena_root(arena);

	(void)ctx;
	if (!c || c->magic != MAGIC)
		return -ENODATA;
	count(&c->members);
	count(&shared->joined);
	return 0;
}

static int shut_down(struct fusion_arena *arena, void *ctx)
{
	struct content *c = fusion_arena_root(arena);

	(void)ctx;
	if (c->magic != MAGIC || c->members != 1)
		failed(-EILSEQ);
	c->magic = 0;
	count(&shared->shut_down);
	__atomic_fetch_sub(&shared->inside, 1, __ATOMIC_ACQ_REL);
	return 0;
}

static int leave(struct fusion_arena *arena, void *ctx)
{
	struct content *c = fusion_arena_root(arena);

	(void)ctx;
	__atomic_fetch_sub(&c->members, 1, __ATOMIC_RELAXED);
	count(&shared->left);
	return 0;
}

static struct fusion_arena *enter(const char *name)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = initialize,
		.join = join,
		.shutdown = shut_down,
		.leave = leave,
		.span = 16 << 20,
	};
	struct fusion_arena *arena;
	int r = fusion_arena_enter(name, &options, &arena);

	if (r >= 0)
		return arena;
	failed(r);
	return NULL;
}

static void leave_arena(struct fusion_arena *arena)
{
	int r = arena ? fusion_arena_exit(arena) : 0;

	if (r < 0)
		failed(r);
}

static void meet(void)
{
	pthread_barrier_wait(&shared->barrier);
}

/* Fork @n workers and wait for them; each meets the others at the barrier. */
static void run_workers(unsigned n, void (*work)(unsigned who))
{
	pthread_barrierattr_t attr;
	int status;

	*shared = (struct shared){0};
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	assert_int_equal(pthread_barrier_init(&shared->barrier, &attr, n), 0);
	for (unsigned i = 0; i < n; i++) {
		if (fork())
			continue;
		/* Should one fail, the others must not wait for ever. */
		alarm(300);
		work(i);
		_exit(0);
	}
	for (unsigned i = 0; i < n; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	if (shared->errors)
		print_message("# first error: %s\n",
			      strerror(-shared->first_error));
	assert_int_equal(shared->errors, 0);
	assert_int_equal(shared->worst, 0);
}

/* Wait until the arena, made by entering, has vanished with its last member. */
static void assert_vanishes(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", mount_dir, name);
	for (int i = 0; i < 20000 && access(path, F_OK) == 0; i++)
		usleep(1000);
	assert_int_equal(access(path, F_OK), -1);
}

static void enter_in_a_crowd(unsigned who)
{
	unsigned before = 0;

	(void)who;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct fusion_arena *arena;

		meet();
		arena = enter("crowd");
		meet(); /* all are inside */
		if (shared->initialized != i + 1)
			failed(-ERANGE);
		leave_arena(arena);
		meet(); /* all are outside */
		before = shared->shut_down;
		if (before != i + 1)
			failed(-EDOM);
	}
}

static void crowd_that_enters_at_once_has_one_master(void **state)
{
	(void)state;
	run_workers(CROWD, enter_in_a_crowd);
	assert_int_equal(shared->initialized, ROUNDS);
	assert_int_equal(shared->shut_down, ROUNDS);
	assert_int_equal(shared->joined, ROUNDS * (CROWD - 1));
	assert_int_equal(shared->left, ROUNDS * (CROWD - 1));
}

/* Each in turn is inside alone and leaves while the other comes. */
static void exit_as_the_other_enters(unsigned who)
{
	struct fusion_arena *arena = who ? NULL : enter("relay");
	unsigned seed = who;

	for (unsigned i = 0; i < ROUNDS; i++) {
		meet();
		if (arena) {
			/* Entering takes longer: give it a chance. */
			for (int n = rand_r(&seed) % 1000000; n > 0; n--)
				__asm__ volatile("" ::: "memory");
			leave_arena(arena);
			arena = NULL;
		} else {
			arena = enter("relay");
		}
	}
	leave_arena(arena);
}

static void last_exit_against_a_join_is_decided(void **state)
{
	(void)state;
	run_workers(2, exit_as_the_other_enters);
	/* Every content that was made was shut down, by whoever was last. */
	assert_int_equal(shared->initialized + shared->joined, ROUNDS + 1);
	assert_int_equal(shared->shut_down + shared->left, ROUNDS + 1);
	assert_int_equal(shared->initialized, shared->shut_down);
	print_message("# fresh %u, joined %u\n", shared->initialized,
		      shared->joined);
}

#define COMERS 6

static void come_and_go(unsigned who)
{
	for (unsigned i = 0; i < ROUNDS / COMERS; i++) {
		struct fusion_arena *arena = enter("station");

		if ((i + who) % 3 == 0)
			sched_yield();
		leave_arena(arena);
	}
}

static void comers_and_goers_find_it_whole(void **state)
{
	(void)state;
	run_workers(COMERS, come_and_go);
	assert_int_equal(shared->initialized, shared->shut_down);
	assert_int_equal(shared->joined, shared->left);
}

/* Some die inside, with or without having joined: the others go on, and in the
 * end nobody is in. */
static void come_and_die(unsigned who)
{
	for (unsigned i = 0; i < ROUNDS / 20; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			struct fusion_arena *arena = enter("hospital");

			if (i % 2 == who % 2)
				raise(SIGKILL);
			leave_arena(arena);
			_exit(0);
		}
		waitpid(pid, &status, 0);
	}
}

static void the_dying_leave_a_working_arena(void **state)
{
	(void)state;
	*shared = (struct shared){0};
	for (unsigned i = 0; i < 4; i++) {
		if (fork())
			continue;
		alarm(300);
		come_and_die(i);
		_exit(0);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	/* join() found broken content in none of them. */
	if (shared->errors && shared->first_error != -EILSEQ)
		print_message("# first error: %s\n",
			      strerror(-shared->first_error));
	assert_true(!shared->errors || shared->first_error == -EILSEQ);
	assert_vanishes("hospital");
}

static void enter_and_exit_for_ever(const char *name)
{
	alarm(300);
	for (;;)
		leave_arena(enter(name));
}

#define KILLS 300
#define VICTIMS 3

/* Killed at any instant of entering, being inside and leaving: whoever comes
 * next gets in, and in the end nothing is left. */
static void killed_at_any_instant_others_get_in(void **state)
{
	pid_t pid[VICTIMS] = {0};
	unsigned seed = 1;

	(void)state;
	*shared = (struct shared){0};
	for (int i = 0; i < KILLS; i++) {
		pid_t *victim = &pid[i % VICTIMS];

		if (*victim) {
			kill(*victim, SIGKILL);
			assert_int_equal(waitpid(*victim, NULL, 0), *victim);
		}
		*victim = fork();
		if (!*victim)
			enter_and_exit_for_ever("morgue");
		usleep((useconds_t)(rand_r(&seed) % 4000));
	}
	for (int i = 0; i < VICTIMS; i++) {
		kill(pid[i], SIGKILL);
		assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
	}
	/* The dead had not taken themselves out of the content's count. */
	assert_true(!shared->errors || shared->first_error == -EILSEQ);
	assert_true(shared->initialized > 0);
	leave_arena(enter("morgue"));
	assert_vanishes("morgue");
}

#define DAEMON_KILLS 30
#define STAYERS 4

static struct fusion_arena *enter_though_it_dies(const char *name)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = initialize,
		.join = join,
		.shutdown = shut_down,
		.leave = leave,
		.span = 16 << 20,
	};
	struct fusion_arena *arena;
	int r;

	do {
		r = fusion_arena_enter(name, &options, &arena);
		/* What is not mounted, or just dying. */
		if (r == -ENOTCONN || r == -ENODEV)
			usleep(1000);
	} while (r == -ENOTCONN || r == -ENODEV);
	if (r < 0)
		failed(r);
	return r < 0 ? NULL : arena;
}

static void stay_while_it_dies(void)
{
	alarm(300);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		struct fusion_arena *arena = enter_though_it_dies("home");

		if (!arena)
			break;
		for (int i = 0; i < 100; i++)
			fusion_free(fusion_malloc(arena, 100));
		leave_arena(arena);
	}
	_exit(0);
}

/* Members come and go while the daemon is killed again and again and mounted
 * anew: every content that was made is shut down by its last member. */
static void daemon_killed_at_any_instant_members_go_on(void **state)
{
	unsigned seed = 2;
	int status;

	(void)state;
	*shared = (struct shared){0};
	for (int i = 0; i < STAYERS; i++)
		if (!fork())
			stay_while_it_dies();
	for (int i = 0; i < DAEMON_KILLS; i++) {
		usleep((useconds_t)(rand_r(&seed) % 20000));
		mount_kill();
		if (i % 2)
			usleep((useconds_t)(rand_r(&seed) % 20000));
		assert_int_equal(umount2(mount_dir, MNT_DETACH), 0);
		mount_up();
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < STAYERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	if (shared->errors)
		print_message("# %u errors, first: %s\n", shared->errors,
			      strerror(-shared->first_error));
	assert_int_equal(shared->errors, 0);
	assert_int_equal(shared->worst, 0);
	assert_int_equal(shared->initialized, shared->shut_down);
	assert_int_equal(shared->joined, shared->left);
	assert_vanishes("home");
}

#define FIRST_JOINS 100
#define ASKERS 8

/* So that whatever the daemon is asked has to wait for its turn. */
static void ask_for_ever(void)
{
	char path[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(300);
	snprintf(path, sizeof(path), "%s/.fusionfs/version", mount_dir);
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			close(fd);
		else
			usleep(100);
	}
}

/* A thread of the daemon asks the daemon itself when the first one wants to
 * join.  Killed meanwhile, the daemon must come to an end all the same: nobody
 * who has asked it for anything could end, either. */
static void daemon_killed_as_the_first_one_joins_is_gone(void **state)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options),
		.span = 16 << 20,
	};
	pid_t askers[ASKERS];
	unsigned seed = 3;

	(void)state;
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = fork();
		if (!askers[i])
			ask_for_ever();
	}
	for (int i = 0; i < FIRST_JOINS; i++) {
		struct fusion_arena *arena;
		pid_t pid = fork();

		if (!pid) {
			/* It may be killed before it is in. */
			_exit(fusion_arena_enter("first", &options, &arena) <
			      0);
		}
		usleep((useconds_t)(rand_r(&seed) % 8000));
		mount_kill();
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(umount2(mount_dir, MNT_DETACH), 0);
		mount_up();
	}
	for (int i = 0; i < ASKERS; i++) {
		kill(askers[i], SIGKILL);
		assert_int_equal(waitpid(askers[i], NULL, 0), askers[i]);
	}
	assert_vanishes("first");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowd_that_enters_at_once_has_one_master),
		cmocka_unit_test(last_exit_against_a_join_is_decided),
		cmocka_unit_test(comers_and_goers_find_it_whole),
		cmocka_unit_test(the_dying_leave_a_working_arena),
		cmocka_unit_test(killed_at_any_instant_others_get_in),
		cmocka_unit_test(daemon_killed_at_any_instant_members_go_on),
		cmocka_unit_test(daemon_killed_as_the_first_one_joins_is_gone),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 99;
	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) < 0)
		return 77; /* skipped */
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("race", tests, mount_create,
					   mount_destroy);
}
