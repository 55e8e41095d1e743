/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/backing.h"

#include <dirent.h>
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

#include "fusionfs/base/log.h"

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

/* The name of the default directory follows from the mountpoint, so that the
 * next daemon finds what this one left: /dev/shm/fusionfs.0.run-fusion.  Any
 * user can make a file of that name first.  Then the directory is called
 * fusionfs.0.run-fusion:XXXXXX, and the next daemon knows it by its owner. */
static char *default_backing_name(const char *mountpoint)
{
	char name[128], *full;
	size_t n = 0;

	for (const char *p = mountpoint + 1; *p && n < sizeof(name); p++)
		name[n++] = *p == '/' ? '-' : *p;
	/* Two mountpoints must not share a name: one has a '-' of its own, or
	 * is too long. */
	if (n >= sizeof(name) || strpbrk(mountpoint, "-:"))
		n = (size_t)snprintf(name, sizeof(name), "%016llx",
				     (unsigned long long)hash_text(mountpoint));
	if (asprintf(&full, "fusionfs.%u.%.*s", geteuid(), (int)n, name) < 0)
		return NULL;
	return full;
}

static bool is_own_directory(int shm, const char *name)
{
	struct stat st;

	return fstatat(shm, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* Find `NAME:XXXXXX` of this user, for the caller to free.  NULL: there is
 * none. */
static char *find_other_place(int shm, const char *name)
{
	int fd = openat(shm, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t len = strlen(name);
	char *found = NULL;
	struct dirent *e;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && !found && (e = readdir(dir)))
		if (!strncmp(e->d_name, name, len) && e->d_name[len] == ':' &&
		    is_own_directory(shm, e->d_name))
			found = strdup(e->d_name);
	if (dir)
		closedir(dir);
	return found;
}

static bool is_backing_taken(int shm, const char *name)
{
	struct stat st;

	return fstatat(shm, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !is_own_directory(shm, name);
}

static char *make_other_place(const char *name)
{
	char *path;

	if (asprintf(&path, SHM "/%s:XXXXXX", name) < 0)
		return NULL;
	if (mkdtemp(path)) {
		note("%s/%s is somebody else's: taking %s", SHM, name, path);
		return path;
	}
	free(path);
	return NULL;
}

static char *join_path(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static char *default_backing_path(const char *mountpoint)
{
	int shm = open(SHM, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *name = default_backing_name(mountpoint), *other = NULL,
	     *path = NULL;

	if (name && shm >= 0 && !is_own_directory(shm, name))
		other = find_other_place(shm, name);
	if (other)
		path = join_path(SHM, other);
	else if (name && shm >= 0 && is_backing_taken(shm, name))
		path = make_other_place(name);
	/* If mkdir failed, opening the directory says why. */
	if (name && !path)
		path = join_path(SHM, name);
	if (shm >= 0)
		close(shm);
	free(other);
	free(name);
	return path;
}

static int check_backing(struct backing *b)
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

static int open_backing(struct backing *b)
{
	if (mkdir(b->path, 0700) == 0) {
		b->made = true;
	} else if (errno != EEXIST) {
		complain("cannot make %s: %s: mount a tmpfs with room on " SHM
			 ", or name a directory on a tmpfs that you may write "
			 "(-o backing=DIR)",
			 b->path, strerror(errno));
		return -errno;
	}
	b->fd = open(b->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b->fd < 0) {
		complain("cannot open backing directory %s: %s: name another "
			 "(-o backing=DIR)",
			 b->path, strerror(errno));
		return -errno;
	}
	return check_backing(b);
}

static int write_lock_owner(struct backing *b)
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

/* Try to lock the file.  Returns 1: locked; 0: another daemon has it;
 * -errno. */
static int try_lock_file(struct backing *b)
{
	struct stat ours, there;

	b->lockfd = openat(b->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->lockfd < 0)
		return -errno;
	/* A daemon that ends removes the file: see that it is still the one
	 * that we have locked. */
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

/* umount(8) returns before the daemon has cleaned up, so a mount right after it
 * waits for that. */
static int lock_backing(struct backing *b)
{
	int r;

	for (int i = 0; (r = try_lock_file(b)) == 0; i++) {
		if (i == LOCK_TRIES) {
			complain_in_use(b);
			return -EBUSY;
		}
		close(b->lockfd);
		usleep(LOCK_PAUSE_US);
	}
	if (r < 0)
		complain("cannot make %s/.lock: %s: name another directory "
			 "(-o backing=DIR)",
			 b->path, strerror(-r));
	return r < 0 ? r : write_lock_owner(b);
}

int backing_open(struct backing *b, const struct options *o)
{
	int r;

	*b = (struct backing){.fd = -1, .lockfd = -1};
	b->path = o->backing ? strdup(o->backing)
			     : default_backing_path(o->mountpoint);
	if (!b->path)
		return -ENOMEM;
	r = open_backing(b);
	if (!r)
		r = lock_backing(b);
	/* A default directory that an earlier daemon made is removed, too. */
	if (!r && !o->backing) {
		b->made = true;
		r = fchmod(b->fd, 0700) < 0 ? -errno : 0;
	}
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
