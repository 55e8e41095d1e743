/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fusionfs/base/text.h"
#include "libfusion/core/base/futex.h"

#define STAT_TEXT 1024 /* /proc/PID/stat is some 300 bytes */

/* User ids that no process has, the second on systems whose ids have 16 bits.
 * The daemon takes one of them while it acts with the rights of another user,
 * so that no process of that user may signal it. */
static const uid_t nobodies[] = {(uid_t)-2, 65534};

/* Read field @n (3 or above) of a stat line, behind the command name, which is
 * in parentheses and may contain some itself. */
static uint64_t process_stat_field(const char *text, int n)
{
	const char *p = strrchr(text, ')');

	for (int i = 2; p && i < n; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

/* Why a file of a process could not be opened.  -ESRCH: there is no such
 * process, or its files are hidden. */
static int process_error(void)
{
	return errno == ENOENT || errno == EACCES ? -ESRCH : -errno;
}

int process_mark(pid_t pid, struct process_mark *ret)
{
	char path[32], text[STAT_TEXT];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return process_error();
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	*ret = (struct process_mark){
		.start = process_stat_field(text, 22),
		.stack = process_stat_field(text, 28),
	};
	return ret->start ? 0 : -ESRCH;
}

bool process_mark_equal(const struct process_mark *a,
			const struct process_mark *b)
{
	return a->start && a->start == b->start && a->stack == b->stack;
}

/* Convert a moment of CLOCK_MONOTONIC to the clock of start times.
 * CLOCK_MONOTONIC stands still while the machine sleeps, so the result may be
 * too late, never too early. */
static uint64_t start_time_at(int64_t when_ns)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK), ns;
	int64_t age = clock_monotonic_ns() - when_ns;
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	ns -= age > 0 && (uint64_t)age < ns ? (uint64_t)age : 0;
	return ns / 1000000000u * hz + ns % 1000000000u * hz / 1000000000u;
}

bool process_is_older(const struct process_mark *mark, int64_t when_ns)
{
	return mark->start && mark->start <= start_time_at(when_ns);
}

/* Read the line of /proc/PID/status that begins with @key.  0, -ESRCH,
 * -errno. */
static int process_status_line(pid_t pid, const char *key, char *line,
			       size_t size)
{
	char path[32];
	int r = -ESRCH;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return process_error();
	while (r < 0 && fgets(line, (int)size, f))
		if (!strncmp(line, key, strlen(key)))
			r = 0;
	fclose(f);
	return r;
}

int process_user(pid_t pid, uid_t *ret)
{
	char line[128];
	unsigned int uid;
	int r = process_status_line(pid, "Uid:", line, sizeof(line));

	if (r < 0)
		return r;
	if (sscanf(line, "Uid: %*u %u", &uid) != 1)
		return -ESRCH;
	*ret = uid;
	return 0;
}

bool process_is_of_our_pidns(pid_t pid)
{
	unsigned int outer, inner;
	char line[128];

	/* The line has a number for each namespace, ours first. */
	return process_status_line(pid, "NSpid:", line, sizeof(line)) == 0 &&
	       sscanf(line, "NSpid: %u %u", &outer, &inner) == 1;
}

int process_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

/* Change the rights of this thread alone; libc's setresuid() would change those
 * of all threads.  The kernel checks the real and the effective user of a
 * sender, and the real and the saved user of a receiver.  So the real user
 * becomes one that no process has, and no process can signal the daemon
 * meanwhile. */
static int take_rights_of(uid_t uid)
{
	for (size_t i = 0; i < sizeof(nobodies) / sizeof(*nobodies); i++)
		if (syscall(SYS_setresuid, nobodies[i], uid, 0) == 0)
			return 0;
	return -EPERM;
}

int process_signal_as(uid_t uid, int pidfd, int signal)
{
	bool lends = geteuid() == 0 && uid != 0;
	int r = lends ? take_rights_of(uid) : 0;

	if (r < 0)
		return r;
	if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0)
		r = -errno;
	if (lends && syscall(SYS_setresuid, 0, 0, 0) < 0)
		abort();
	return r;
}

void process_read_comm(pid_t pid, char comm[16])
{
	char path[48];
	FILE *f;

	memset(comm, 0, 16);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(comm, 16, f))
		comm[0] = 0;
	fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	text_make_printable(comm);
}
