/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work that may hang, and a caller that does not
 *
 * A system call on the mount of a daemon that is stopped ends when the daemon
 * goes on; no signal that a process survives ends it before.  A caller with a
 * deadline has such work done by a thread of its own and waits for that thread.
 * At the deadline the caller goes; the work, with all that it was given and all
 * that it still gets, is the thread's own then, which gives it back when it
 * can.
 */
#ifndef FUSION_PATIENT_H
#define FUSION_PATIENT_H

#include <stdint.h>

struct patient_work {
	/* What may hang.  Returns what patient_run() is to return. */
	int (*run)(void *arg);
	/* The caller has gone: give back what run() got, which returned @r,
	 * and @arg.  On the thread of run(), and may hang, too. */
	void (*abandoned)(void *arg, int r);
};

/* In place of a result of run(): the work is the thread's now, and @arg with
 * it. */
#define PATIENT_GONE INT32_MIN

/*
 * Do @work with @arg, at most until @deadline_ns (CLOCK_MONOTONIC; < 0: for
 * ever, and on the calling thread).  What run() returned, or PATIENT_GONE with
 * the reason in *ret_why: -ETIMEDOUT, or -EINTR a signal was handled.  -ENOMEM,
 * -ENOMEM: no thread could be made, and nothing was done.
 * The thread handles no signals and cannot be cancelled.
 */
int patient_run(const struct patient_work *work, void *arg, int64_t deadline_ns,
		int *ret_why);

#endif
