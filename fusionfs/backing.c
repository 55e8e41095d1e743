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
#define LOCK_TRIES 50
#define LOCK_PAUSE_US 20000

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

static int open_directory(struct backing *b)
{
	if (mkdir(b->path, 0711) == 0) {
		b->made = true;
	} else if (errno != EEXIST) {
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
	/* Members pass through it to their arena's file, whatever our umask. */
	if (b->made && fchmod(b->fd, 0711) < 0)
		return -errno;
	return check_directory(b);
}

static int write_owner(struct backing *b)
{
	char who[32];

	snprintf(who, sizeof(who), "%d\n", (int)getpid());
	if (ftruncate(b->lockfd, 0) == 0 &&
	    pwrite(b->lockfd, who, strlen(who), 0) == (ssize_t)strlen(who))
		return 0;
	complain("cannot write %s/.lock: %s: is the tmpfs full?", b->path,
		 strerror(errno));
	return -ENOSPC;
}

/* 1 it is ours, 0 somebody has it, -errno. */
static int try_lock(struct backing *b)
{
	struct stat ours, there;

	b->lockfd = openat(b->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->lockfd < 0)
		return -errno;
	/* A daemon that ends removes the file: is it still the one? */
	if (flock(b->lockfd, LOCK_EX | LOCK_NB) == 0 &&
	    fstat(b->lockfd, &ours) == 0 &&
	    fstatat(b->fd, ".lock", &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    ours.st_ino == there.st_ino)
		return 1;
	return 0;
}

static void complain_in_use(struct backing *b)
{
	char who[32] = "";

	if (pread(b->lockfd, who, sizeof(who) - 1, 0) < 0)
		who[0] = 0;
	who[strcspn(who, "\n")] = 0;
	complain("backing directory %s is in use by fusionfs %s: unmount that "
		 "first, or name another (-o backing=DIR)",
		 b->path, who);
}

/* umount(8) returns before the daemon has cleaned up behind itself, so who
 * mounts again at once has to wait for that. */
static int lock_directory(struct backing *b)
{
	int r;

	for (int i = 0; (r = try_lock(b)) == 0; i++) {
		if (i == LOCK_TRIES) {
			complain_in_use(b);
			return -EBUSY;
		}
		close(b->lockfd);
		usleep(LOCK_PAUSE_US);
	}
	if (r < 0)
		complain("cannot make %s/.lock: %s", b->path, strerror(-r));
	return r < 0 ? r : write_owner(b);
}

int backing_open(struct backing *b, const struct options *o)
{
	int r;

	*b = (struct backing){.fd = -1, .lockfd = -1};
	b->path = o->backing ? strdup(o->backing) : default_path(o->mountpoint);
	if (!b->path)
		return -ENOMEM;
	r = open_directory(b);
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
