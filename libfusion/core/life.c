/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/life.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/recover.h"

#define RETRY_NS 500000 /* between two tries of who will not wait for ever */

static int set_lock(struct view *v, short type, bool wait)
{
	struct flock fl = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = LIFE_LOCK_BYTE,
		.l_len = 1,
	};

	if (fcntl(v->fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl) == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* The kernel's lock has no time-out, so who has one asks again and again;
 * it is held for microseconds, but by a member that means harm. */
static int lock_file(struct view *v, int64_t timeout_ns)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	int64_t start = clock_monotonic_ns();
	int r;

	for (;;) {
		r = set_lock(v, F_WRLCK, timeout_ns < 0);
		if (r == -EINTR)
			continue;
		if (r != -EAGAIN)
			return r;
		if (clock_monotonic_ns() - start >= timeout_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

int life_lock(struct view *v, int64_t timeout_ns)
{
	int r = 0;

	if (v->life_mutex)
		pthread_mutex_lock(v->life_mutex);
	if (v->life_depth == 0 && v->fd >= 0)
		r = lock_file(v, timeout_ns);
	if (r == 0)
		v->life_depth++;
	else if (v->life_mutex)
		pthread_mutex_unlock(v->life_mutex);
	return r;
}

void life_unlock(struct view *v)
{
	if (--v->life_depth == 0 && v->fd >= 0)
		set_lock(v, F_UNLCK, false);
	if (v->life_mutex)
		pthread_mutex_unlock(v->life_mutex);
}

const char *life_state_name(uint32_t state)
{
	static const char *const names[] = {
		[ARENA_EMPTY] = "empty",
		[ARENA_INITIALIZING] = "initializing",
		[ARENA_RUNNING] = "running",
		[ARENA_SHUTTING_DOWN] = "shutting-down",
		[ARENA_CORRUPT] = "corrupt",
		[ARENA_GONE] = "gone",
	};

	return state <= ARENA_GONE ? names[state] : "corrupt";
}

int member_signal(struct view *v, uint32_t slot, int signal)
{
	const struct member_rec *m = view_member(v, slot);
	pid_t pid = member_pid(v, slot);
	uint64_t start_time = m->start_time;
	int fd, r = 0;

	if (!pid)
		return -EPERM;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	/* The descriptor pins the process; is it the one that joined? */
	if (start_time && process_start_time(pid) != start_time)
		r = -ESRCH;
	else if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int64_t patience(const struct view *v)
{
	return v->patience_ns ? v->patience_ns : -1;
}

static int recover_suspect(struct view *v, struct thread_rec *t, uint32_t token)
{
	uint32_t member = load_acquire(&t->member);
	int r = life_lock(v, patience(v));

	if (r < 0)
		return r;
	/* Somebody may have been faster. */
	if (load_acquire(&t->token) != token ||
	    load_acquire(&t->member) != member)
		r = 0;
	else if (member_is_dead(v, member - 1))
		r = life_depart(v, member - 1, true) < 0 ? -EIO : 1;
	else if (thread_is_dead(v, t))
		r = recover_thread(v, t) < 0 ? -EIO : 1;
	life_unlock(v);
	return r;
}

int life_suspect(struct view *v, uint32_t token)
{
	uint32_t slot = TOKEN_SLOT(token), member;
	struct thread_rec *t = view_thread(v, slot);

	if (slot >= view_hi(&v->sb->threads_hi, v->geo.max_threads))
		return 0;
	/* Acquire: pairs with the release in thread_claim(). */
	member = load_acquire(&t->member);
	if (!member || member - 1 > v->geo.max_members ||
	    load_acquire(&t->token) != token)
		return 0;
	if (!member_is_dead(v, member - 1) && !thread_is_dead(v, t))
		return 0;
	return recover_suspect(v, t, token);
}

int life_sweep(struct view *v)
{
	uint32_t hi = view_hi(&v->sb->members_hi, v->geo.max_members + 1);
	int n = 0;

	for (uint32_t i = 0; i < hi; i++) {
		if (i == v->slot || !member_is_dead(v, i))
			continue;
		if (life_lock(v, patience(v)) < 0)
			return n;
		if (member_is_dead(v, i) && life_depart(v, i, true) >= 0)
			n++;
		life_unlock(v);
	}
	return n;
}
