/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ls and cat ask of the kernel, for the path in the argument
 *
 *   ls         open, getdents to the end, close: nanoseconds for one listing
 *   cat        open, read to the end, close
 *   walk       only find the file: what cat's path costs
 *   again      read from the start of a file that stays open
 *   count      entries of the directory, in place of a time
 *   fill       make as many empty files in the directory
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker.h"

#define LS_BUFFER 32768 /* glibc's, and so that of ls */

struct dirent_head {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static int list_once(const char *path, uint64_t *ret_count)
{
	static char buf[LS_BUFFER] __attribute__((aligned(8)));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t count = 0;
	long n;

	if (fd < 0)
		return -errno;
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			struct dirent_head *d = (void *)(buf + at);

			at += d->len;
			count++;
		}
	if (n < 0)
		n = -errno;
	close(fd);
	*ret_count = count;
	return (int)n;
}

static int run_ls(uint64_t n, const char *arg, double *ret_ns)
{
	double t = wall_ns();
	uint64_t count;
	int r = 0;

	for (uint64_t i = 0; i < n && r == 0; i++)
		r = list_once(arg, &count);
	*ret_ns = (wall_ns() - t) / (double)n;
	return r;
}

static int run_count(uint64_t n, const char *arg, double *ret_ns)
{
	uint64_t count = 0;
	int r = list_once(arg, &count);

	(void)n;
	*ret_ns = (double)count;
	return r;
}

static int read_all(int fd)
{
	static char buf[131072];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	return n < 0 ? -errno : 0;
}

static int run_cat(uint64_t n, const char *arg, double *ret_ns)
{
	double t = wall_ns();
	int r = 0;

	for (uint64_t i = 0; i < n && r == 0; i++) {
		int fd = open(arg, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		r = read_all(fd);
		close(fd);
	}
	*ret_ns = (wall_ns() - t) / (double)n;
	return r;
}

static int run_walk(uint64_t n, const char *arg, double *ret_ns)
{
	double t = wall_ns();

	for (uint64_t i = 0; i < n; i++) {
		int fd = open(arg, O_PATH | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		close(fd);
	}
	*ret_ns = (wall_ns() - t) / (double)n;
	return 0;
}

static int run_again(uint64_t n, const char *arg, double *ret_ns)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC), r = 0;
	char buf[4096];
	double t = wall_ns();

	if (fd < 0)
		return -errno;
	for (uint64_t i = 0; i < n && r == 0; i++)
		if (pread(fd, buf, sizeof(buf), 0) < 0)
			r = -errno;
	*ret_ns = (wall_ns() - t) / (double)n;
	close(fd);
	return r;
}

static int run_fill(uint64_t n, const char *arg, double *ret_ns)
{
	int dir = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	char name[32];

	if (dir < 0)
		return -errno;
	for (uint64_t i = 0; i < n && r == 0; i++) {
		int fd;

		snprintf(name, sizeof(name), "field-%06u", (unsigned)i);
		fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
			    0644);
		if (fd < 0)
			r = -errno;
		else
			close(fd);
	}
	close(dir);
	*ret_ns = 0;
	return r;
}

int main(void)
{
	static const struct worker_row rows[] = {
		{"ls", run_ls},	      {"cat", run_cat},	    {"walk", run_walk},
		{"again", run_again}, {"count", run_count}, {"fill", run_fill},
		{NULL, NULL},
	};

	return worker_serve(rows);
}
