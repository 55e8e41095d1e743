/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shells and members after one skirmish, and death among them
 *
 * Each worker takes the lock, by flock or by call, says in memory of the test's
 * own that it is inside, and gives the lock back.  The parent kills whom it
 * likes, at any moment, and puts another in its place.  Nobody may find another
 * one inside, but one that was killed there; all who are not killed get on; in
 * the end nobody has it and nobody waits.
 */
#include "tests/stress/mount.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <fusion/fusion.h>

#define WORKERS 10 /* even ones are shells */
#define KILLS 600
#define ROUNDS 200 /* of each worker, when nobody is killed any more */

static struct shared {
	int32_t inside; /* atomic: pid of who is, 0 nobody */
	uint32_t errors;
	uint32_t rounds[WORKERS];
	uint32_t stop;
} * shared;

static char path[128];

static void failed(const char *what, int error)
{
	print_message("# %s: %s\n", what, strerror(error));
	__atomic_fetch_add(&shared->errors, 1, __ATOMIC_RELAXED);
}

static bool is_dead(int32_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* Who was killed inside was also waited for by now, or soon will be: its lock
 * falls a moment before its number does. */
static void be_inside(unsigned who)
{
	int32_t me = getpid(), other;

	other = __atomic_exchange_n(&shared->inside, me, __ATOMIC_ACQ_REL);
	for (int i = 0; other && !is_dead(other) && i < 20000; i++)
		usleep(1000);
	if (other && !is_dead(other))
		failed("two are inside", EBUSY);
	if (__atomic_load_n(&shared->inside, __ATOMIC_ACQUIRE) != me)
		failed("another one came inside", EBUSY);
	__atomic_store_n(&shared->inside, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&shared->rounds[who], 1, __ATOMIC_RELAXED);
}

static bool goes_on(unsigned who)
{
	return !__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&shared->rounds[who], __ATOMIC_RELAXED) < ROUNDS;
}

static void be_shell(unsigned who)
{
	int fd = -1;

	while (goes_on(who)) {
		if (fd < 0)
			fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX) < 0) {
			failed("flock", errno);
			_exit(1);
		}
		be_inside(who);
		/* Now by this, now by that. */
		if (shared->rounds[who] % 3) {
			flock(fd, LOCK_UN);
		} else {
			close(fd);
			fd = -1;
		}
	}
	_exit(0);
}

static void be_member(unsigned who)
{
	struct fusion_skirmish *s = NULL;
	struct fusion_arena *arena;
	int r = fusion_arena_enter("visit", NULL, &arena);

	if (r >= 0)
		r = fusion_skirmish_lookup(arena, "s", &s);
	while (r >= 0 && goes_on(who)) {
		r = fusion_skirmish_prevail(s);
		if (r < 0 && r != -EOWNERDEAD)
			break;
		be_inside(who);
		r = fusion_skirmish_dismiss(s);
	}
	if (r < 0)
		failed("member", -r);
	_exit(r < 0);
}

static pid_t begin(unsigned who)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	alarm(300);
	if (who % 2)
		be_member(who);
	else
		be_shell(who);
	return 0;
}

static uint32_t all_rounds(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		n += __atomic_load_n(&shared->rounds[i], __ATOMIC_RELAXED);
	return n;
}

/* A moment later, by their work and not by the clock. */
static void let_some_work(unsigned rounds)
{
	uint32_t until = all_rounds() + rounds;

	for (int i = 0; all_rounds() < until && i < 100000; i++)
		usleep(50);
}

static void assert_line(const char *line)
{
	char text[512] = "";
	FILE *f;

	for (int i = 0; i < 20000 && !strstr(text, line); i++) {
		f = fopen(path, "re");
		assert_non_null(f);
		text[fread(text, 1, sizeof(text) - 1, f)] = 0;
		fclose(f);
		usleep(1000);
	}
	assert_non_null(strstr(text, line));
}

static struct fusion_arena *enter(void)
{
	struct fusion_skirmish *s;
	struct fusion_arena *arena;

	assert_true(fusion_arena_enter("visit", NULL, &arena) >= 0);
	assert_int_equal(fusion_skirmish_create(arena, "s", 0, &s), 0);
	snprintf(path, sizeof(path), "%s/visit/skirmishes/s", mount_dir);
	return arena;
}

static void killed_at_any_moment_nobody_is_stuck(void **state)
{
	struct fusion_arena *arena = enter();
	pid_t pids[WORKERS];
	int status;

	(void)state;
	*shared = (struct shared){0};
	srand(1);
	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = begin(i);
	for (unsigned i = 0; i < KILLS; i++) {
		unsigned who = (unsigned)rand() % WORKERS;

		let_some_work((unsigned)rand() % 4);
		kill(pids[who], SIGKILL);
		assert_int_equal(waitpid(pids[who], &status, 0), pids[who]);
		assert_true(WIFSIGNALED(status));
		pids[who] = begin(who);
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(shared->errors, 0);
	assert_line("owner none\n");
	assert_line("waiters 0\n");
	assert_int_equal(fusion_arena_exit(arena), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_any_moment_nobody_is_stuck),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, mount_create, mount_destroy);
}
