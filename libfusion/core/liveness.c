/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which members and threads are alive
 *
 * Every doubt (no descriptor left to look with, another pid namespace) is
 * answered with "alive": a corpse that lies about a while stalls what it held,
 * but a living process that is taken for dead has its memory pulled away.
 */
#include "libfusion/core/life.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/fd.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/witness.h"

#define STAT_TEXT 1024 /* /proc/PID/stat is some 300 bytes */

static ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = fd_open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return n;
}

/* Field @n (3 or above) of a stat line: those behind the command name, which
 * is in parentheses and may itself contain some. */
static const char *stat_field(const char *text, int n)
{
	const char *p = strrchr(text, ')');

	for (int i = 2; p && i < n; i++)
		p = strchr(p + 1, ' ');
	return p ? p + 1 : NULL;
}

/* 1 and *ret_start (0: hidden from us), 0 no such process, -errno unknown. */
static int process_probe(pid_t pid, uint64_t *ret_start)
{
	const char *state, *threads, *start;
	char path[32], text[STAT_TEXT];
	ssize_t n;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	n = read_file(path, text, sizeof(text));
	if (n == -ENOENT || n == -ESRCH) {
		/* Gone just now, or /proc is mounted with hidepid. */
		*ret_start = 0;
		return kill(pid, 0) == 0 || errno != ESRCH;
	}
	if (n < 0)
		return (int)n;
	state = stat_field(text, 3);
	threads = stat_field(text, 20);
	start = stat_field(text, 22);
	if (!start)
		return -EIO;
	/* A leader that called pthread_exit() is a zombie that lives on in its
	 * other threads. */
	if ((*state == 'Z' || *state == 'X') && atoi(threads) <= 1)
		return 0;
	*ret_start = strtoull(start, NULL, 10);
	return 1;
}

uint64_t process_start_time(pid_t pid)
{
	uint64_t start;

	return process_probe(pid, &start) == 1 ? start : 0;
}

uint64_t process_pidns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 ? 0 : st.st_ino;
}

int life_witness(struct view *v, uint32_t slot, uint32_t id)
{
	struct member_rec *m;
	int r = life_lock(v, -1);

	if (r < 0)
		return r;
	if (member_at(v, slot, id)) {
		m = view_member(v, slot);
		m->pidns = process_pidns();
		/* Commit: it has mapped.  Release: a judge of its threads
		 * (thread_is_dead()) that sees the pid sees its namespace. */
		store_release(&m->own_pid, (uint32_t)getpid());
		v->slot = slot;
	} else {
		r = -ESRCH;
	}
	life_unlock(v);
	return r;
}

/* The pid of @m as this process sees it, 0 if it cannot. */
static pid_t pid_here(const struct view *v, const struct member_rec *m)
{
	uint64_t mine = process_pidns(), theirs = view_member(v, 0)->pidns;

	if (m->own_pid && m->pidns && m->pidns == mine)
		return (pid_t)m->own_pid;
	/* m->pid is in the daemon's namespace. */
	if (!theirs || !mine || theirs == mine)
		return (pid_t)m->pid;
	return 0;
}

/* Is the backing file among the mappings of @pid?  1, 0, -errno. */
static int process_maps(const struct view *v, pid_t pid)
{
	char path[32], *line = NULL;
	size_t size = 0;
	struct stat st;
	FILE *f;
	int found = 0;

	if (v->fd < 0 || fstat(v->fd, &st) < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fd_fopen(path);
	if (!f)
		return -errno;
	while (!found && getline(&line, &size, f) > 0) {
		unsigned int maj, min;
		unsigned long ino;

		if (sscanf(line, "%*x-%*x %*s %*x %x:%x %lu", &maj, &min,
			   &ino) == 3)
			found = ino == st.st_ino &&
				makedev(maj, min) == st.st_dev;
	}
	if (!found && ferror(f))
		found = -EIO;
	free(line);
	fclose(f);
	return found;
}

bool life_witness_held(const struct view *v, uint32_t slot)
{
	return witness_probe(v, slot) == WITNESS_HELD;
}

bool member_is_dead(struct view *v, uint32_t slot)
{
	uint32_t state;

	if (slot > v->geo.max_members ||
	    slot >= load_acquire(&v->sb->members_hi))
		return false;
	/* Acquire: pairs with the release in member_claim().  A slot that was
	 * claimed was locked before that. */
	state = load_acquire(&view_member(v, slot)->state);
	if (state == MEMBER_FREE)
		return false;
	if (state == MEMBER_DEAD)
		return true;
	if (slot == v->slot || view_own_lock(v) < 0)
		return false;
	return witness_probe(v, slot) == WITNESS_FREE;
}

/* To the process of @pid that was born between these two start times. */
static int process_signal(pid_t pid, uint64_t first, uint64_t last, int signal)
{
	uint64_t start = 0;
	int fd, r;

	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	/* Asked with the pidfd in hand: if the start time is right, the
	 * process that the descriptor stands for is the one that is meant. */
	r = process_probe(pid, &start);
	if (r == 1 && (!start || (start >= first && start <= last)))
		r = syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0
			    ? -errno
			    : 0;
	else if (r >= 0)
		r = -ESRCH;
	close(fd);
	return r;
}

int member_signal(const struct view *v, uint32_t slot, int signal)
{
	const struct member_rec *m = view_member(v, slot);
	pid_t pid = pid_here(v, m);

	return pid ? process_signal(pid, m->start_time, m->start_time, signal)
		   : -ESRCH;
}

/* A moment of CLOCK_MONOTONIC as start times are told.  That clock stands still
 * while the machine sleeps, so it may come out too late, never too early. */
static uint64_t start_time_at(int64_t when_ns)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK), ns;
	int64_t age = when_ns ? clock_monotonic_ns() - when_ns : 0;
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	ns -= age > 0 && (uint64_t)age < ns ? (uint64_t)age : 0;
	return ns / 1000000000u * hz + ns % 1000000000u * hz / 1000000000u;
}

bool process_is_inside(const struct view *v, pid_t pid)
{
	return process_maps(v, pid) == 1;
}

int visitor_signal(const struct view *v, pid_t pid, int64_t when_ns, int signal)
{
	uint64_t daemons = view_member(v, 0)->pidns;

	if (pid <= 1 || !daemons || daemons != process_pidns())
		return -ESRCH;
	if (pid == getpid())
		return -EDEADLK;
	return process_signal(pid, 0, start_time_at(when_ns), signal);
}

static bool is_thread_gone(const struct view *v, uint32_t slot, uint32_t tid)
{
	const struct member_rec *m;
	char path[64];
	pid_t pid;

	/* The undertaker's are those of its visitors, and gone when it says
	 * so or is dead itself. */
	if (slot <= 1 || slot > v->geo.max_members + 1 || !tid)
		return false;
	m = view_member(v, slot - 1);
	if (!m->own_pid || m->pidns != process_pidns() || !m->pidns)
		return false;
	pid = (pid_t)m->own_pid;
	if (pid == getpid())
		return tgkill(pid, (pid_t)tid, 0) < 0 && errno == ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/task/%u", (int)pid, tid);
	/* ENOENT is also said of a process that hidepid hides. */
	return access(path, F_OK) < 0 && errno == ENOENT &&
	       process_start_time(pid);
}

/*
 *   who claims a free record           here
 *   member, by a CAS                   token
 *   token (release)                    member, tid (acquire)
 *   tid (release)                      is that thread gone?
 *                                      token and member as before?
 *
 * The record may change hands meanwhile: a tid of the new owner would be looked
 * for in the old owner's process, and be gone.  The last look tells.
 */
bool thread_is_dead(struct view *v, const struct thread_rec *t)
{
	uint32_t token = load_acquire(&t->token);
	uint32_t slot = load_acquire(&t->member), tid = load_acquire(&t->tid);

	if (!is_thread_gone(v, slot, tid))
		return false;
	acquire_fence();
	return load_relaxed(&t->token) == token &&
	       load_relaxed(&t->member) == slot;
}
