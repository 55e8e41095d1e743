/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work that hangs (libfusion/base/patient.h).  A pipe stands for the mount of a
 * daemon that is stopped: a read of it ends when the test says so. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "libfusion/base/deadline.h"
#include "libfusion/base/patient.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"

#define MS 1000000ll
#define SECOND (1000 * MS)
#define LONG (600 * SECOND)

static int mount[2], told[2]; /* pipes */
static uint32_t n_abandoned;  /* atomic */

struct errand {
	pid_t tid; /* of who ran */
	char got;
	sigset_t blocked;
};

static int run(void *arg)
{
	struct errand *e = arg;

	e->tid = gettid();
	pthread_sigmask(SIG_BLOCK, NULL, &e->blocked);
	return read(mount[0], &e->got, 1) == 1 ? e->got : -EIO;
}

static void give_back(void *arg, int r)
{
	struct errand *e = arg;

	assert_int_equal(r, e->got);
	free(e);
	add_relaxed(&n_abandoned, 1);
	assert_int_equal(write(told[1], "x", 1), 1);
}

static const struct patient_work work = {.run = run, .abandoned = give_back};

static void mount_answers(char c)
{
	assert_int_equal(write(mount[1], &c, 1), 1);
}

static void wait_for_abandoned(void)
{
	char c;

	assert_int_equal(read(told[0], &c, 1), 1);
}

static struct errand *errand(void)
{
	struct errand *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	return e;
}

static int setup(void **state)
{
	(void)state;
	n_abandoned = 0;
	return pipe(mount) < 0 || pipe(told) < 0;
}

static int teardown(void **state)
{
	(void)state;
	close(mount[0]);
	close(mount[1]);
	close(told[0]);
	close(told[1]);
	return 0;
}

static void test_without_deadline_there_is_no_thread(void **state)
{
	struct errand *e = errand();
	int why = 1;

	(void)state;
	mount_answers(5);
	assert_int_equal(patient_run(&work, e, -1, &why), 5);
	assert_int_equal(e->tid, gettid());
	assert_int_equal(why, 1);
	free(e);
}

static void test_what_is_done_in_time(void **state)
{
	struct errand *e = errand();
	int why = 1;

	(void)state;
	mount_answers(7);
	assert_int_equal(
		patient_run(&work, e, clock_monotonic_ns() + LONG, &why), 7);
	assert_int_not_equal(e->tid, gettid());
	assert_int_equal(why, 1);
	assert_int_equal(n_abandoned, 0);
	/* Signals are the application's. */
	assert_true(sigismember(&e->blocked, SIGUSR1));
	assert_true(sigismember(&e->blocked, SIGALRM));
	free(e);
}

static bool is_asleep(pid_t tid)
{
	char path[64], stat[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(stat, sizeof(stat), f))
		stat[0] = '\0';
	fclose(f);
	return strstr(stat, ") S ") != NULL;
}

static int run_until_caller_sleeps(void *arg)
{
	while (!is_asleep(getpid()))
		sched_yield();
	return *(int *)arg;
}

static void test_what_is_done_wakes_the_caller(void **state)
{
	static const struct patient_work slow = {
		.run = run_until_caller_sleeps};
	int result = 3, why = 1;

	(void)state;
	assert_int_equal(
		patient_run(&slow, &result, clock_monotonic_ns() + LONG, &why),
		3);
}

static void test_what_hangs_is_left_behind(void **state)
{
	int64_t before = clock_monotonic_ns();
	int why = 0;

	(void)state;
	assert_int_equal(patient_run(&work, errand(), before + 20 * MS, &why),
			 PATIENT_GONE);
	assert_int_equal(why, -ETIMEDOUT);
	assert_true(clock_monotonic_ns() - before >= 20 * MS);
	assert_int_equal(n_abandoned, 0);
	mount_answers(9);
	wait_for_abandoned();
	assert_int_equal(n_abandoned, 1);
}

static void test_a_deadline_that_is_over(void **state)
{
	int why = 0;

	(void)state;
	assert_int_equal(patient_run(&work, errand(), 0, &why), PATIENT_GONE);
	assert_int_equal(why, -ETIMEDOUT);
	mount_answers(9);
	wait_for_abandoned();
}

static void handler(int sig)
{
	(void)sig;
}

static void *send_signals(void *arg)
{
	uint32_t *stop = arg;
	struct timespec nap = {.tv_nsec = MS};

	/* Again, as one that comes before the wait ends nothing. */
	while (!load_relaxed(stop)) {
		kill(getpid(), SIGUSR1);
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static void test_a_signal_ends_the_wait(void **state)
{
	struct sigaction sa = {.sa_handler = handler};
	uint32_t stop = 0;
	sigset_t usr1;
	pthread_t t;
	int why = 0;

	(void)state;
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	assert_int_equal(pthread_create(&t, NULL, send_signals, &stop), 0);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	assert_int_equal(
		patient_run(&work, errand(), clock_monotonic_ns() + LONG, &why),
		PATIENT_GONE);
	assert_int_equal(why, -EINTR);
	store_relaxed(&stop, 1);
	pthread_join(t, NULL);
	mount_answers(9);
	wait_for_abandoned();
}

/* The child has neither the thread nor anything of it to wait for. */
static void test_fork_while_it_hangs(void **state)
{
	int why = 0, status;
	pid_t pid;

	(void)state;
	assert_int_equal(patient_run(&work, errand(), 0, &why), PATIENT_GONE);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int child_why = 0;
		struct errand *e = errand();

		close(mount[0]);
		if (pipe(mount) < 0)
			_exit(2);
		mount_answers(3);
		_exit(patient_run(&work, e, -1, &child_why) != 3 ||
		      n_abandoned);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	mount_answers(9);
	wait_for_abandoned();
}

static int at_once(void *arg)
{
	(void)arg;
	return 1;
}

static void count(void *arg, int r)
{
	assert_int_equal(r, 1);
	add_relaxed((uint32_t *)arg, 1);
}

/* Done and over at the same time: it is the caller's or the thread's, never
 * both's. */
static void test_both_at_once(void **state)
{
	static const struct patient_work quick = {.run = at_once,
						  .abandoned = count};
	static uint32_t given_back; /* atomic */
	uint32_t gone = 0;
	int why;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int r = patient_run(&quick, &given_back,
				    clock_monotonic_ns() + i * 100, &why);

		if (r == PATIENT_GONE)
			gone++;
		else
			assert_int_equal(r, 1);
	}
	while (load_relaxed(&given_back) < gone)
		sched_yield();
	assert_int_equal(load_relaxed(&given_back), gone);
}

#define PATIENT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The deadline may pass between two steps: before the join is tried, too. */
static void time_left_is_0_after_the_deadline_and_not_for_ever(void **state)
{
	int64_t now = clock_monotonic_ns();

	(void)state;
	assert_int_equal(deadline_left(now), 0);
	assert_int_equal(deadline_left(now - 1), 0);
	assert_int_equal(deadline_left(1), 0);
	assert_int_equal(deadline_left(0), 0);
	assert_true(deadline_left(now + LONG) > 0);
	assert_true(deadline_left(-1) < 0);
	assert_true(deadline_left(INT64_MAX) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			time_left_is_0_after_the_deadline_and_not_for_ever),
		PATIENT_TEST(test_without_deadline_there_is_no_thread),
		PATIENT_TEST(test_what_is_done_in_time),
		PATIENT_TEST(test_what_is_done_wakes_the_caller),
		PATIENT_TEST(test_what_hangs_is_left_behind),
		PATIENT_TEST(test_a_deadline_that_is_over),
		PATIENT_TEST(test_a_signal_ends_the_wait),
		PATIENT_TEST(test_fork_while_it_hangs),
		PATIENT_TEST(test_both_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
