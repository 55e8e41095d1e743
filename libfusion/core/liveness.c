/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/life.h"

static ssize_t read_proc(pid_t pid, const char *what, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n >= 0)
		text[n] = 0;
	return n;
}

uint64_t process_start_time(pid_t pid)
{
	char text[1024], *p;

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0)
		return 0;
	/* The name may hold anything, parentheses too: start behind it. */
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p + 1, ' ');
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

uint64_t process_pidns(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 ? 0 : st.st_ino;
}

/* Zombies are dead; a dead main thread with live others is not. */
static bool process_is_alive(pid_t pid, uint64_t start_time)
{
	struct pollfd p = {.events = POLLIN};
	uint64_t started;
	int n;

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0)
		return errno != ESRCH && errno != EINVAL;
	n = poll(&p, 1, 0);
	started = process_start_time(pid);
	close(p.fd);
	return n == 0 && (!started || !start_time || started == start_time);
}

/* -1 nobody can say, else whether the process maps something at @base. */
static int process_maps(pid_t pid, uint64_t base)
{
	char path[64], line[512];
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (!found && fgets(line, sizeof(line), f))
		found = strtoull(line, NULL, 16) == base;
	fclose(f);
	return found;
}

int life_witness(struct view *v, uint32_t slot)
{
	struct flock fl = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LIFE_BYTE(slot),
		.l_len = 1,
	};

	if (v->fd < 0)
		return 0;
	return fcntl(v->fd, F_SETLK, &fl) < 0 ? -errno : 0;
}

static bool witnessed(struct view *v, uint32_t slot)
{
	struct flock fl = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LIFE_BYTE(slot),
		.l_len = 1,
	};

	return v->fd >= 0 && fcntl(v->fd, F_GETLK, &fl) == 0 &&
	       fl.l_type != F_UNLCK;
}

/* The undertaker knows all members by pids of its own namespace, a member
 * those of its namespace by the pids they gave.  0: nobody here can say. */
pid_t member_pid(const struct view *v, uint32_t slot)
{
	const struct member_rec *m = view_member(v, slot);

	if (!v->slot)
		return (pid_t)m->pid;
	if (m->pidns && m->pidns != process_pidns())
		return 0;
	return (pid_t)(m->own_pid ? m->own_pid : m->pid);
}

bool member_is_dead(struct view *v, uint32_t slot)
{
	const struct member_rec *m = view_member(v, slot);
	uint32_t state = load_acquire(&m->state);
	pid_t pid = member_pid(v, slot);
	uint64_t start_time = m->start_time;

	if (state == MEMBER_DEAD)
		return true;
	if (state == MEMBER_FREE || slot == v->slot || witnessed(v, slot))
		return false;
	if (!pid)
		return state != MEMBER_JOINING;
	if (!process_is_alive(pid, start_time))
		return true;
	if (state == MEMBER_JOINING)
		return false;
	/* The undertaker may map the arena anywhere; its witness is gone. */
	if (!slot)
		return true;
	return process_maps(pid, v->sb->base) == 0;
}

bool thread_is_dead(struct view *v, const struct thread_rec *t)
{
	uint32_t member = load_acquire(&t->member), tid = t->tid;

	/* Only of my own process can I tell. */
	if (!member || member - 1 != v->slot || !v->slot || !tid)
		return false;
	return syscall(SYS_tgkill, getpid(), tid, 0) < 0 && errno == ESRCH;
}
