/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/base/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int futex_wait(const uint32_t *word, uint32_t seen, int64_t timeout_ns)
{
	struct timespec ts = {
		.tv_sec = timeout_ns / 1000000000,
		.tv_nsec = timeout_ns % 1000000000,
	};

	if (syscall(SYS_futex, word, FUTEX_WAIT, seen,
		    timeout_ns < 0 ? NULL : &ts, NULL, 0) == 0)
		return 0;
	return errno == EAGAIN ? 0 : -errno;
}

int futex_wake(const uint32_t *word, int n)
{
	return (int)syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

int futex_wait_bits(const uint32_t *word, uint32_t seen, int64_t timeout_ns,
		    uint32_t bits)
{
	/* FUTEX_WAIT_BITSET takes the time at which the wait ends. */
	int64_t until = timeout_ns < 0 ? 0 : clock_monotonic_ns() + timeout_ns;
	struct timespec ts = {
		.tv_sec = until / 1000000000,
		.tv_nsec = until % 1000000000,
	};

	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen,
		    timeout_ns < 0 ? NULL : &ts, NULL, bits) == 0)
		return 0;
	return errno == EAGAIN ? 0 : -errno;
}

int futex_wake_bits(const uint32_t *word, uint32_t bits)
{
	return (int)syscall(SYS_futex, word, FUTEX_WAKE_BITSET, INT_MAX, NULL,
			    NULL, bits);
}

int futex_requeue(const uint32_t *word, uint32_t seen, const uint32_t *to,
		  int n)
{
	long r = syscall(SYS_futex, word, FUTEX_CMP_REQUEUE, 0, (long)n, to,
			 seen);

	return r < 0 ? -errno : (int)r;
}

static int64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

int64_t clock_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

int64_t clock_realtime_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}
