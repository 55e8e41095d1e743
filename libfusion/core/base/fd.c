/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LOWEST 3

void fd_floor_lay(struct fd_floor *f)
{
	*f = (struct fd_floor){.n = 0};
	for (int i = 0; i < LOWEST; i++) {
		int fd;

		if (fcntl(i, F_GETFD) >= 0)
			continue;
		fd = open("/", O_PATH | O_CLOEXEC);
		/* Another thread has taken the free number, or closed a lower
		 * one: there is nothing to cover. */
		if (fd >= LOWEST)
			close(fd);
		else if (fd >= 0)
			f->held[f->n++] = fd;
	}
}

void fd_floor_lift(struct fd_floor *f)
{
	while (f->n > 0) {
		int fd = f->held[--f->n], flags = fcntl(fd, F_GETFL);

		/* The program may have put a file of its own there. */
		if (flags >= 0 && flags & O_PATH)
			close(fd);
	}
}

int fd_raise(int fd)
{
	int r;

	if (fd < 0 || fd >= LOWEST)
		return fd;
	r = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
	if (r < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Open @path below @dirfd in this way, as openat(2) does. */
static int fd_open_at(int dirfd, const char *path, int flags)
{
	struct fd_floor floor;
	int fd;

	fd_floor_lay(&floor);
	fd = openat(dirfd, path, flags | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	fd_floor_lift(&floor);
	return fd_raise(fd);
}

void fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int fd_open(const char *path, int flags)
{
	return fd_open_at(AT_FDCWD, path, flags);
}

int fd_pipe(int ret_ends[2])
{
	struct fd_floor floor;
	int ends[2], r;

	fd_floor_lay(&floor);
	r = pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
	fd_floor_lift(&floor);
	if (r < 0)
		return r;
	ends[0] = fd_raise(ends[0]);
	ends[1] = fd_raise(ends[1]);
	if (ends[0] >= 0 && ends[1] >= 0) {
		ret_ends[0] = ends[0];
		ret_ends[1] = ends[1];
		return 0;
	}
	r = ends[0] < 0 ? ends[0] : ends[1];
	if (ends[0] >= 0)
		close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return r;
}

FILE *fd_fopen(const char *path)
{
	int fd = fd_open(path, O_RDONLY);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd < 0)
		errno = -fd;
	else if (!f)
		close(fd);
	return f;
}
