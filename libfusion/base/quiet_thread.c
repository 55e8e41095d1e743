/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/quiet_thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "libfusion/base/refuse.h"

int quiet_thread_start(pthread_t *ret, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(ret, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		return 0;
	return refuse(-ENOMEM,
		      "the system starts no thread for Fusion: %s: raise the "
		      "limit of processes (ulimit -u, or pids.max of the "
		      "cgroup), or end some",
		      strerrordesc_np(r));
}
