/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps that the C library would let pthread_cancel() end.  No function of the
 * library is a cancellation point: a thread that were cancelled in one would
 * leave a lock or a descriptor behind.  A thread that is cancelled meanwhile
 * ends at its next cancellation point, perhaps in a callback.
 */
#ifndef FUSION_CANCEL_H
#define FUSION_CANCEL_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Begin such steps.  Returns what cancel_back() needs. */
static inline int cancel_off(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void cancel_back(int before)
{
	pthread_setcancelstate(before, NULL);
}

/* As pthread_cond_wait(). */
static inline void cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	int cancel = cancel_off();

	pthread_cond_wait(cond, lock);
	cancel_back(cancel);
}

/* Sleep for less than a second.  0; -EINTR a signal handler has run. */
static inline int sleep_ns(int64_t ns)
{
	const struct timespec nap = {.tv_nsec = ns};
	int cancel = cancel_off(), r = nanosleep(&nap, NULL) < 0 ? -errno : 0;

	cancel_back(cancel);
	return r;
}

#endif
