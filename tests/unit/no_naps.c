/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/no_naps.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BOUND_S 20
#define BOUND_OF_ALL_S 60 /* of a program that does not say what it tests */
#define HOUR_S 3600

int64_t nap_from_ns = NAP_FROM_NS;
bool requeue_fails;
static const char *sleeper = "a thread of this program";

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* When a wait begins whose time-out counts from there. */
static struct timespec wait_begin(int op)
{
	struct timespec now = {0};

	if (op == FUTEX_WAIT_BITSET)
		clock_gettime(CLOCK_MONOTONIC, &now);
	return now;
}

static bool is_nap(const struct timespec *from, const struct timespec *end)
{
	return (end->tv_sec - from->tv_sec) * 1000000000ll + end->tv_nsec -
		       from->tv_nsec >=
	       __atomic_load_n(&nap_from_ns, __ATOMIC_RELAXED);
}

static long futex_without_naps(long a[6])
{
	int op = (int)a[1];
	struct timespec time = wait_begin(op);

	if ((op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET) && a[3] &&
	    is_nap(&time, (const struct timespec *)a[3])) {
		time.tv_sec += HOUR_S;
		a[3] = (long)&time;
	}
	if (op == FUTEX_CMP_REQUEUE &&
	    __atomic_load_n(&requeue_fails, __ATOMIC_RELAXED)) {
		errno = EAGAIN;
		return -1;
	}
	return __real_syscall(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* As syscall(2) does, it reads six arguments, though there may be fewer. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list list;

	va_start(list, number);
	for (unsigned i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_futex)
		return futex_without_naps(a);
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void on_bound(int signal)
{
	static const char lead[] = "Bail out! no wake comes for: ";
	char line[200];

	(void)signal;
	strcpy(line, lead);
	strncat(line, sleeper, sizeof(line) - sizeof(lead) - 1);
	strcat(line, "\n");
	(void)!write(STDOUT_FILENO, line, strlen(line));
	_exit(1);
}

static void begin(const char *what, unsigned bound_s)
{
	sleeper = what;
	signal(SIGALRM, on_bound);
	alarm(bound_s);
}

__attribute__((constructor)) static void begin_all(void)
{
	begin(sleeper, BOUND_OF_ALL_S);
}

void bound_begin(const char *what)
{
	begin(what, BOUND_S);
}

void bound_end(void)
{
	alarm(0);
}
