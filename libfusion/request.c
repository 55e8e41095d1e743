/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the daemon about a member who is inside
 *
 * Requests name the member by slot and id and do no harm when asked twice, so
 * one that failed because the daemon died is asked again of its successor, at
 * the same place in the file system.  Where there is none, the caller does
 * alone in shared memory what the daemon would have done.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libfusion/arenas.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/life.h"
#include "libfusion/place.h"

static bool is_unanswered(int error)
{
	switch (error) {
	case -ENOTCONN:
	case -EIO:    /* the daemon gave up on the arena, or is dying */
	case -ESRCH:  /* another mount, which does not know us */
	case -EBADF:  /* the program closed our descriptor ... */
	case -ENOTTY: /* ... and uses its number */
		return true;
	}
	return false;
}

/* Close our directory, but not what got its number since. */
static void close_dir(struct fusion_arena *a)
{
	struct stat st;

	if (a->dirfd >= 0 &&
	    (fstat(a->dirfd, &st) < 0 ||
	     (st.st_dev == a->dir_dev && st.st_ino == a->dir_ino)))
		close(a->dirfd);
	a->dirfd = -1;
}

/*
 * Descriptors are closed in the order of their numbers when a process ends or
 * runs another program.  With the directory behind the heap, the witness lock
 * has fallen when the daemon hears of the directory: it need not look twice.
 */
void dir_behind_heap(struct fusion_arena *a)
{
	int fd;

	if (a->dirfd > a->view.fd)
		return;
	fd = fcntl(a->dirfd, F_DUPFD_CLOEXEC, a->view.fd + 1);
	if (fd < 0)
		return;
	close(a->dirfd);
	a->dirfd = fd;
}

static int reopen_dir(struct fusion_arena *a)
{
	struct stat st;
	bool made;
	int fd = place_open(a->path, false, 0, &made);

	if (fd < 0)
		return -ENOTCONN;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -ENOTCONN;
	}
	close_dir(a);
	a->dirfd = fd;
	a->dir_dev = st.st_dev;
	a->dir_ino = st.st_ino;
	dir_behind_heap(a);
	return 0;
}

static int request_once(const struct fusion_arena *a, unsigned long request,
			void *args)
{
	int r;

	/* Only a waiting EXIT is interrupted, and who has asked to leave is
	 * not to be told of signals. */
	do
		r = place_ioctl(a->dirfd, request, args);
	while (r == -EINTR);
	return r;
}

int arena_ask(struct fusion_arena *a, unsigned long request, void *args)
{
	int r = request_once(a, request, args);

	if (!is_unanswered(r))
		return r;
	r = a->path ? reopen_dir(a) : -ENOTCONN;
	if (!r)
		r = request_once(a, request, args);
	return is_unanswered(r) ? -ENOTCONN : r;
}

int arena_request(struct fusion_arena *a, unsigned long request,
		  struct ioc_member *args)
{
	args->slot = a->view.slot;
	args->id = a->id;
	return arena_ask(a, request, args);
}

int arena_ready(struct fusion_arena *a)
{
	struct ioc_member args = {0};
	struct view *v = &a->view;
	int r;

	/* Acquire: pairs with the release in member_ready(). */
	if (load_acquire(&view_member(v, v->slot)->state) == MEMBER_ALIVE)
		return 0;
	r = arena_request(a, FUSION_IOC_READY, &args);
	if (r != -ENOTCONN)
		return r;
	r = life_lock(v, -1);
	if (r < 0)
		return r;
	r = member_ready(v, v->slot);
	life_unlock(v);
	return r;
}
