/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel says of a process
 *
 * Nothing here is taken from an arena.  A pid alone stands for whoever has that
 * number at the moment; a mark tells whether it is still the process that it
 * was, running the same program.
 */
#ifndef FUSIONFS_PROCESS_H
#define FUSIONFS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A program in a process: another one after exec has another stack. */
struct process_mark {
	uint64_t start; /* ticks since boot, 0 unknown */
	uint64_t stack;
};

/* Mark the program that @pid runs now.  0; -ESRCH no such process, or /proc
 * does not show it; -errno /proc cannot be read now. */
int process_mark(pid_t pid, struct process_mark *ret);
/* Are these the same program in the same process? */
bool process_mark_equal(const struct process_mark *a,
			const struct process_mark *b);
/* Did the process live already at @when_ns (CLOCK_MONOTONIC)? */
bool process_is_older(const struct process_mark *mark, int64_t when_ns);
/* Read the name of the program of @pid, printable; "" if it cannot be seen. */
void process_read_comm(pid_t pid, char comm[16]);
/* Read the effective user of @pid.  0; -ESRCH, -errno as process_mark(). */
int process_user(pid_t pid, uid_t *ret);

/* Is the process in the daemon's own pid namespace, so that thread ids which it
 * writes down mean the same threads here? */
bool process_is_of_our_pidns(pid_t pid);

/* Open a pidfd of @pid.  Returns it, or -errno. */
int process_open(pid_t pid);
/*
 * Send @signal to the process of @pidfd with the rights of user @uid: for a
 * daemon of root, too, the kernel then refuses a process that has become
 * another user's.  0, -ESRCH, -EPERM.
 */
int process_signal_as(uid_t uid, int pidfd, int signal);

#endif
