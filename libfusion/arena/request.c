/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the daemon about a member that is inside
 *
 * Requests name the member by slot and id, and do no harm when asked twice.  So
 * a request that failed because the daemon died is asked again of the next
 * daemon, at the same path.  Without a daemon the caller does alone, in shared
 * memory, what the daemon would have done.
 */
#include "libfusion/arena/request.h"

#include <errno.h>
#include <unistd.h>

#include "libfusion/arena/directory.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"

static bool is_unanswered(int error)
{
	switch (error) {
	case -ENOTCONN:
	case -EIO:    /* the daemon gave up on the arena, or is dying */
	case -ESRCH:  /* another mount, which does not know us */
	case -EBADF:  /* the program has closed our descriptor */
	case -ENOTTY: /* or uses its number */
		return true;
	}
	return false;
}

/* The daemon could not begin: it has no memory or no descriptor. */
static bool is_exhausted(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

/* Is the descriptor still that of our directory?  Asks no daemon. */
static bool dir_is_ours(const struct fusion_arena *a)
{
	struct dir_id p;

	return a->dirfd >= 0 && dir_stat(a->dirfd, &p) == 0 &&
	       p.dev == a->dir_dev && p.ino == a->dir_ino;
}

void arena_close_dir(struct fusion_arena *a)
{
	if (dir_is_ours(a))
		close(a->dirfd);
	a->dirfd = -1;
}

/* Open the directory anew, as the daemon was replaced: the arena has another
 * device number, and the same inode number. */
static int reopen_dir(struct fusion_arena *a)
{
	struct dir_id p;
	bool made;
	int fd = dir_open(a->dir_path, false, 0, &made);

	if (fd < 0)
		return -ENOTCONN;
	if (dir_stat(fd, &p) < 0 || p.ino != a->dir_ino) {
		close(fd);
		return -ENOTCONN;
	}
	/* The new descriptor may have the number of the lost one. */
	if (fd != a->dirfd)
		arena_close_dir(a);
	a->dirfd = fd;
	a->dir_dev = p.dev;
	return 0;
}

static int request_once(const struct fusion_arena *a, unsigned long request,
			void *args)
{
	int r;

	/* Only a waiting EXIT is interrupted.  A process that leaves waits on,
	 * whatever signals come. */
	do
		r = dir_is_ours(a) ? dir_ioctl(a->dirfd, request, args)
				   : -EBADF;
	while (r == -EINTR);
	return r;
}

/* Tell the daemon that there is something to look for (POKE). */
static void arena_wake_daemon(struct fusion_arena *a)
{
	if (dir_is_ours(a))
		dir_ioctl(a->dirfd, FUSION_IOC_POKE, NULL);
	else
		arena_ask(a, FUSION_IOC_POKE, NULL);
}

int arena_ask(struct fusion_arena *a, unsigned long request, void *args)
{
	int r = request_once(a, request, args), cancel;

	if (!is_unanswered(r))
		return r;
	cancel = cancel_off();
	r = a->dir_path ? reopen_dir(a) : -ENOTCONN;
	cancel_back(cancel);
	if (!r)
		r = request_once(a, request, args);
	return is_unanswered(r) ? -ENOTCONN : r;
}

int arena_request(struct fusion_arena *a, unsigned long request,
		  struct ioc_member *args)
{
	int r;

	args->slot = a->view.slot;
	args->id = a->id;
	r = arena_ask(a, request, args);
	/* The caller can decide alone, under the life lock, whether the daemon
	 * lives or not.  A member must get out when nothing is left. */
	return is_exhausted(r) ? -ENOTCONN : r;
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

void arena_poke(struct fusion_arena *arena)
{
	/*
	 *   a member              the daemon (fusionfs/service/events.c)
	 *   log the event         watchers = 1
	 *   fence                 fence
	 *   watchers? tell it     look at the events
	 */
	full_fence();
	if (load_relaxed(&arena->view.sb->event_watchers))
		arena_wake_daemon(arena);
}

void poke_visitors(struct fusion_arena *arena)
{
	/* Relaxed: a hint, as the daemon looks by itself, too. */
	if (load_relaxed(&arena->view.sb->visitors_waiting))
		arena_wake_daemon(arena);
}
