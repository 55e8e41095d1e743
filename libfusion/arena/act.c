/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena/act.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/file/mapping.h"
#include "libfusion/core/life/liveness.h"

/* Asked with the descriptor in hand: a process that maps the arena now, and a
 * witness that is held, so that the pid of the slot was not given to another.
 */
static int make_sure_of_process(const struct view *v, uint32_t slot, int pidfd)
{
	uint64_t at = (uintptr_t)v->base;
	struct mapping mine, theirs;
	int r;

	if (!life_witness_held(v, slot))
		return -ESRCH;
	r = mapping_here(at, &mine);
	if (!r)
		r = mapping_there(pidfd, at, &theirs);
	if (r < 0)
		return r == -ESRCH ? r : -EPERM;
	return mapping_equal(&mine, &theirs) ? 0 : -ESRCH;
}

static int pidfd_of(pid_t pid)
{
	struct fd_floor floor;
	int fd;

	fd_floor_lay(&floor);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* EINVAL: a thread has that number. */
	fd = fd >= 0 ? fd_raise(fd) : errno == EINVAL ? -ESRCH : -errno;
	fd_floor_lift(&floor);
	return fd;
}

int member_signal(const struct view *v, uint32_t slot, int signal)
{
	pid_t pid = member_pid_here(v, view_member(v, slot));
	int cancel, fd, r;

	if (pid <= 0)
		return -ESRCH;
	fd = pidfd_of(pid);
	if (fd < 0)
		return fd;
	cancel = cancel_off();
	r = make_sure_of_process(v, slot, fd);
	if (!r && syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0)
		r = -errno;
	close(fd);
	cancel_back(cancel);
	return r;
}

/* Thread ids mean something in their own pid namespace only. */
static bool thread_is_gone(const struct view *v, uint32_t slot, uint32_t tid)
{
	const struct member_rec *m = view_member(v, slot);

	/* Acquire: pairs with the release in life_witness(). */
	if (!load_acquire(&m->own_pid) || !m->pidns ||
	    m->pidns != process_pidns())
		return false;
	return tgkill((pid_t)m->own_pid, (pid_t)tid, 0) < 0 && errno == ESRCH;
}

static void kill_self(const struct view *v)
{
	(void)v;
	raise(SIGKILL);
}

const struct view_acts member_acts = {
	.signal = member_signal,
	.thread_is_gone = thread_is_gone,
	.die = kill_self,
};
