/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Liveness: which members and threads are alive
 *
 * Every doubt (no descriptor left to ask with, another pid namespace) is
 * answered with "alive".  A dead member that is found late only delays the
 * threads that wait for its locks.  A living process that is taken for dead
 * would lose its memory to others while it uses it.
 */
#include "libfusion/core/life/liveness.h"

#include "libfusion/core/life/life.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/life/witness.h"

#define STAT_TEXT 1024 /* /proc/PID/stat is some 300 bytes */

static ssize_t proc_read_file(const char *path, char *buf, size_t size)
{
	int cancel = cancel_off(), fd = fd_open(path, O_RDONLY);
	ssize_t n = fd;

	if (fd < 0)
		goto out;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
out:
	cancel_back(cancel);
	return n;
}

/* Find field @n (3 or above) of a stat line.  Those fields stand behind the
 * command name, which is in parentheses and may contain parentheses. */
static const char *stat_field(const char *text, int n)
{
	const char *p = strrchr(text, ')');

	for (int i = 2; p && i < n; i++)
		p = strchr(p + 1, ' ');
	return p ? p + 1 : NULL;
}

/* Say whether /proc shows only some of the processes (hidepid). */
static bool proc_hides_processes(void)
{
	return access("/proc/1/stat", F_OK) < 0;
}

/* Ask /proc for process @pid.  1 and *ret_start (0: /proc hides it); 0 there is
 * no such process; -errno unknown. */
static int process_probe(pid_t pid, uint64_t *ret_start)
{
	const char *state, *threads, *start;
	char path[32], text[STAT_TEXT];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	n = proc_read_file(path, text, sizeof(text));
	if (n == -ENOENT || n == -ESRCH) {
		*ret_start = 0;
		return proc_hides_processes();
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
		/* Commit.  A thread that sees the pid must see its namespace.
		 * Release: pairs with the acquire in thread_is_gone(), act.c.
		 */
		store_release(&m->own_pid, (uint32_t)getpid());
		v->slot = slot;
	} else {
		r = -ESRCH;
	}
	life_unlock(v);
	return r;
}

bool life_witness_held(const struct view *v, uint32_t slot)
{
	return witness_probe(v, slot) == WITNESS_HELD;
}

pid_t member_pid_here(const struct view *v, const struct member_rec *m)
{
	uint64_t here = process_pidns(), theirs = view_member(v, 0)->pidns;

	if (m->own_pid && m->pidns && m->pidns == here)
		return (pid_t)m->own_pid;
	/* m->pid is in the daemon's namespace. */
	if (!theirs || !here || theirs == here)
		return (pid_t)m->pid;
	return 0;
}

bool member_is_dead(struct view *v, uint32_t slot)
{
	uint32_t state;

	/* Acquire: pairs with the release in take_free_slot(). */
	if (slot > v->geo.max_members ||
	    slot >= load_acquire(&v->sb->members_hi))
		return false;
	/* Acquire: pairs with the release in member_claim().  The witness was
	 * locked before the claim, so a claimed slot whose byte is free is
	 * dead. */
	state = load_acquire(&view_member(v, slot)->state);
	if (state == MEMBER_FREE)
		return false;
	if (state == MEMBER_DEAD)
		return true;
	if (slot == v->slot || view_own_lock(v) < 0)
		return false;
	return witness_probe(v, slot) == WITNESS_FREE;
}

static bool tid_is_gone(const struct view *v, uint32_t slot, uint32_t tid)
{
	/* The undertaker's records are its visitors': they are gone when the
	 * undertaker says so, or is dead itself. */
	if (slot <= 1 || slot > v->geo.max_members + 1 || !tid)
		return false;
	return v->acts && v->acts->thread_is_gone &&
	       v->acts->thread_is_gone(v, slot - 1, tid);
}

/*
 *   the claimer of a free record       here
 *   member, by a CAS                   token
 *   token (release)                    member, tid (acquire)
 *   tid (release)                      is that thread gone?
 *                                      token and member as before?
 *
 * The record may get a new owner meanwhile.  Then this function would search
 * the new owner's tid in the old owner's process, and not find it.  The last
 * comparison notices that.  Acquire, all three: pairs with the releases in
 * thread_claim() and thread_release().
 */
bool thread_is_dead(struct view *v, const struct thread_rec *t)
{
	uint32_t token = load_acquire(&t->token);
	uint32_t slot = load_acquire(&t->member), tid = load_acquire(&t->tid);

	if (!tid_is_gone(v, slot, tid))
		return false;
	acquire_fence();
	return SEED_BUG(81) || (load_relaxed(&t->token) == token &&
				load_relaxed(&t->member) == slot);
}
