/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fusionfs/log.h"
#include "libfusion/core/view.h"

#define SHM "/dev/shm"

static uint64_t hash_text(const char *p)
{
	uint64_t h = 14695981039346656037ull; /* FNV-1a */

	for (; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ull;
	return h;
}

/* The same mountpoint leads to the same place, so that the next daemon finds
 * what this one left: /dev/shm/fusionfs.0.run-fusion. */
static char *default_path(const char *mountpoint)
{
	char name[128], *path;
	size_t n = 0;

	for (const char *p = mountpoint + 1; *p && n < sizeof(name); p++)
		name[n++] = *p == '/' ? '-' : *p;
	/* Two mountpoints must not meet: a '-' of their own, or too long. */
	if (n >= sizeof(name) || strchr(mountpoint, '-'))
		n = (size_t)snprintf(name, sizeof(name), "%016llx",
				     (unsigned long long)hash_text(mountpoint));
	if (asprintf(&path, SHM "/fusionfs.%u.%.*s", geteuid(), (int)n, name) <
	    0)
		return NULL;
	return path;
}

static int check_directory(struct backing *b)
{
	struct statfs fs;
	struct stat st;

	if (fstat(b->fd, &st) < 0 || fstatfs(b->fd, &fs) < 0)
		return -errno;
	if (fs.f_type != TMPFS_MAGIC) {
		complain("backing directory %s is not on a tmpfs: name one "
			 "that is (-o backing=DIR)",
			 b->path);
		return -EINVAL;
	}
	if (st.st_uid != geteuid() || st.st_mode & 022) {
		complain("backing directory %s: not owned by uid %u, or "
			 "writable by others: remove it or name another "
			 "(-o backing=DIR)",
			 b->path, geteuid());
		return -EPERM;
	}
	return 0;
}

static int open_directory(struct backing *b, bool is_default)
{
	if (is_default && mkdir(b->path, 0711) == 0)
		b->made = true;
	else if (is_default && errno != EEXIST) {
		complain("cannot make %s: %s: is a tmpfs mounted on " SHM
			 " with room left? (or -o backing=DIR)",
			 b->path, strerror(errno));
		return -errno;
	}
	b->fd = open(b->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b->fd < 0) {
		complain("cannot open backing directory %s: %s", b->path,
			 strerror(errno));
		return -errno;
	}
	return check_directory(b);
}

static int lock_directory(struct backing *b)
{
	char who[32] = "";
	int r;

	b->lockfd = openat(b->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->lockfd < 0) {
		r = -errno;
		complain("cannot make %s/.lock: %s", b->path, strerror(-r));
		return r;
	}
	if (flock(b->lockfd, LOCK_EX | LOCK_NB) < 0) {
		if (pread(b->lockfd, who, sizeof(who) - 1, 0) < 0)
			who[0] = 0;
		who[strcspn(who, "\n")] = 0;
		complain("backing directory %s is in use by fusionfs %s: "
			 "unmount that first, or name another (-o "
			 "backing=DIR)",
			 b->path, who);
		return -EBUSY;
	}
	snprintf(who, sizeof(who), "%d\n", (int)getpid());
	if (ftruncate(b->lockfd, 0) < 0 ||
	    pwrite(b->lockfd, who, strlen(who), 0) < 0) {
		complain("cannot write %s/.lock: %s: is the tmpfs full?",
			 b->path, strerror(errno));
		return -ENOSPC;
	}
	return 0;
}

int backing_open(struct backing *b, const struct options *o)
{
	int r;

	*b = (struct backing){.fd = -1, .lockfd = -1};
	b->path = o->backing ? strdup(o->backing) : default_path(o->mountpoint);
	if (!b->path)
		return -ENOMEM;
	r = open_directory(b, !o->backing);
	if (!r)
		r = lock_directory(b);
	/* A default place that an earlier daemon made is ours to remove. */
	if (!r && !o->backing)
		b->made = true;
	if (r < 0)
		backing_close(b, false);
	return r;
}

void backing_close(struct backing *b, bool remove)
{
	if (remove && b->lockfd >= 0)
		unlinkat(b->fd, ".lock", 0);
	if (b->lockfd >= 0)
		close(b->lockfd);
	if (b->fd >= 0)
		close(b->fd);
	if (remove && b->made)
		rmdir(b->path);
	free(b->path);
	*b = (struct backing){.fd = -1, .lockfd = -1};
}

int backing_format(struct backing *b, const struct arena_params *params,
		   mode_t mode, uid_t uid, gid_t gid)
{
	char temp[ARENA_NAME_MAX + 8];
	int fd, r;

	snprintf(temp, sizeof(temp), ".new.%s", params->name);
	unlinkat(b->fd, temp, 0);
	fd = openat(b->fd, temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = view_format(fd, params);
	if (!r && (uid != geteuid() || gid != getegid()) &&
	    fchown(fd, uid, gid) < 0)
		r = -errno;
	if (!r && fchmod(fd, mode & 0777) < 0)
		r = -errno;
	if (!r && renameat(b->fd, temp, b->fd, params->name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(b->fd, temp, 0);
		close(fd);
		return r;
	}
	return fd;
}
