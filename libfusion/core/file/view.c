/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * View: mapping, descriptors, memory
 *
 * Memory is promised before it is used: view_reserve() has the tmpfs allocate a
 * range, so that a full tmpfs is -ENOMEM there, and never a SIGBUS later.
 *
 * The program may close the descriptors of the library at any time.  Each use
 * first compares device and inode, and gets new descriptors if they are lost.
 */
#include "libfusion/core/file/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/sparse.h"
#include "libfusion/core/file/thread.h"

#define PAGE 4096ull

int view_map_at(struct view *v, int fd, void *base)
{
	void *p;
	int r;

	r = sparse_map(base, v->geo.span, MAP_SHARED | MAP_NORESERVE, fd, &p);
	if (r < 0)
		return r == -EEXIST ? r : -ENOMEM;
	v->base = p;
	v->sb = p;
	sparse_guard(v->base + v->geo.off_guard);
	v->fd = fd;
	v->lockfd = fd;
	return 0;
}

int view_map(struct view *v, int fd, void *base)
{
	struct view new = {
		.fd = -1,
		.lockfd = -1,
		.gate = {.mutex = PTHREAD_MUTEX_INITIALIZER},
	};
	struct superblock sb;
	struct stat st;
	int r;

	if (pread(fd, &sb, sizeof(sb), 0) != (ssize_t)sizeof(sb))
		return -EIO;
	r = geometry_read(&new.geo, &sb);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < new.geo.span)
		return -EIO;
	r = view_map_at(&new, fd, base);
	if (r < 0)
		return r;
	new.dev = new.lock_dev = st.st_dev;
	new.ino = new.lock_ino = st.st_ino;
	*v = new;
	return 0;
}

void view_unmap(struct view *v)
{
	if (v->base)
		munmap(v->base, v->geo.span);
	v->base = NULL;
	v->sb = NULL;
}

/* --- Descriptors ---------------------------------------------------------- */

static bool fd_is_file(int fd, uint64_t dev, uint64_t ino, struct stat *st)
{
	return fd >= 0 && fstat(fd, st) == 0 &&
	       (!ino || (st->st_dev == dev && st->st_ino == ino));
}

/* Read the data of the backing file.  0; -EBADF its descriptor is lost. */
static int backing_stat(const struct view *v, struct stat *st)
{
	return fd_is_file(v->fd, v->dev, v->ino, st) ? 0 : -EBADF;
}

/* Get the descriptors anew, if there is a way.  0, -errno. */
static int renew(struct view *v)
{
	int cancel, r;

	if (!v->renew)
		return -EBADF;
	cancel = cancel_off();
	r = v->renew(v);
	cancel_back(cancel);
	return r;
}

/* Read the data of the backing file; get its descriptor anew if it is lost.
 * 0, -EBADF. */
static int backing_renew(struct view *v, struct stat *st)
{
	if (backing_stat(v, st) < 0 && renew(v) < 0)
		return -EBADF;
	return backing_stat(v, st);
}

int view_own_lock(struct view *v)
{
	struct stat st;

	if (v->lockfd < 0 && !v->renew)
		return 0;
	if (fd_is_file(v->lockfd, v->lock_dev, v->lock_ino, &st))
		return 0;
	if (renew(v) < 0)
		return -EBADF;
	return fd_is_file(v->lockfd, v->lock_dev, v->lock_ino, &st) ? 0
								    : -EBADF;
}

int view_set_lock(struct view *v, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	v->lockfd = fd;
	v->lock_dev = st.st_dev;
	v->lock_ino = st.st_ino;
	return 0;
}

/* Put @new in the place of @fd if that is lost.  A descriptor that is not lost
 * stays: a thread may hold the life lock through it. */
static void replace_lost_fd(int *fd, uint64_t dev, uint64_t ino, int new)
{
	struct stat st;

	if (*fd == new)
		return; /* the number of the lost one was free again */
	if (fd_is_file(*fd, dev, ino, &st))
		close(new);
	else
		*fd = new;
}

int view_replace(struct view *v, int fd, int lockfd)
{
	struct stat st;

	if (!fd_is_file(fd, v->dev, v->ino, &st) ||
	    !fd_is_file(lockfd, v->lock_dev, v->lock_ino, &st))
		return -ESTALE;
	replace_lost_fd(&v->fd, v->dev, v->ino, fd);
	replace_lost_fd(&v->lockfd, v->lock_dev, v->lock_ino, lockfd);
	return 0;
}

void view_close(struct view *v)
{
	struct stat st;

	if (v->lockfd != v->fd &&
	    fd_is_file(v->lockfd, v->lock_dev, v->lock_ino, &st))
		close(v->lockfd);
	if (backing_stat(v, &st) == 0)
		close(v->fd);
	v->fd = v->lockfd = -1;
}

uint64_t view_used(const struct view *v)
{
	struct stat st;

	if (backing_stat(v, &st) < 0)
		return 0;
	return (uint64_t)st.st_blocks * 512;
}

/* As fallocate(2), but no cancellation point, and not interrupted. */
static int backing_change(const struct view *v, int mode, uint64_t off,
			  uint64_t len)
{
	int cancel = cancel_off(), r;

	do
		r = fallocate(v->fd, mode, (off_t)off, (off_t)len) < 0 ? -errno
								       : 0;
	while (r == -EINTR);
	cancel_back(cancel);
	return r;
}

static int backing_allocate(const struct view *v, uint64_t off, uint64_t len)
{
	int r = backing_change(v, 0, off, len);

	return r == -ENOSPC ? -ENOMEM : r;
}

/*
 * The limit is compared with what the file has after the allocation.  Before
 * it, nothing tells which pages of a range have memory: mincore and SEEK_HOLE
 * do not see memory that is promised but untouched.  What is above the limit is
 * given back, but never a page at the edge, which a neighbour may have
 * reserved.
 */
int view_reserve(struct view *v, uint64_t off, uint64_t len)
{
	uint64_t first = off & ~(PAGE - 1);
	uint64_t end = (off + len + PAGE - 1) & ~(PAGE - 1);
	uint64_t limit, before, after;
	struct stat st;
	int r;

	if (v->fd < 0 && !v->renew)
		return 0;
	r = backing_renew(v, &st);
	if (r < 0)
		return r;
	before = (uint64_t)st.st_blocks * 512;
	r = backing_allocate(v, first, end - first);
	if (r < 0)
		return r;
	/* Relaxed: a limit that is changed meanwhile holds for the next
	 * reservation. */
	limit = load_relaxed(&v->sb->limit);
	after = view_used(v);
	if (!limit || after <= limit || after <= before)
		return 0;
	if (after - before != end - first) {
		first = (off + PAGE - 1) & ~(PAGE - 1);
		end = (off + len) & ~(PAGE - 1);
	}
	if (first < end)
		view_punch(v, first, end - first);
	return -ENOMEM;
}

int view_punch(struct view *v, uint64_t off, uint64_t len)
{
	struct stat st;
	int r;

	if (v->fd < 0 && !v->renew)
		return 0;
	r = backing_renew(v, &st);
	if (r < 0)
		return r;
	return backing_change(v, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      off, len);
}
