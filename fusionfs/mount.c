/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fusionfs/log.h"

static int unmount_as_user(const char *dir)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--",
		       dir, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EPERM;
}

/* What a killed daemon left: every access says ENOTCONN until it is gone. */
static int clear_dead_mount(const char *dir)
{
	int r = umount2(dir, MNT_DETACH) < 0 ? -errno : 0;

	if (r < 0)
		r = unmount_as_user(dir);
	if (r < 0)
		complain("%s: a dead mount is in the way and cannot be "
			 "unmounted: %s: try umount -l %s",
			 dir, strerror(-r), dir);
	else
		note("%s: cleared a dead mount away", dir);
	return r;
}

/* realpath() of what may be a dead mount: of its parent, and the name. */
static char *absolute(const char *dir)
{
	char *path = realpath(dir, NULL), cwd[PATH_MAX], *joined;

	if (path || dir[0] == '/')
		return path ? path : strdup(dir);
	if (!getcwd(cwd, sizeof(cwd)) ||
	    asprintf(&joined, "%s/%s", cwd, dir) < 0)
		return NULL;
	return joined;
}

/* The newest mount at @dir, if it is a fusionfs. */
static bool is_mounted(const char *dir)
{
	char line[4096], at[PATH_MAX], rest[2048];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool ours = false;

	while (f && fgets(line, sizeof(line), f)) {
		const char *type;

		if (sscanf(line, "%*d %*d %*s %*s %4095s %2047[^\n]", at,
			   rest) != 2 ||
		    strcmp(at, dir) != 0)
			continue;
		type = strstr(rest, " - ");
		ours = type && !strncmp(type + 3, "fuse.fusionfs ", 14);
	}
	if (f)
		fclose(f);
	return ours;
}

static int check_device(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), r;

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	r = -errno;
	if (r == -ENOENT)
		complain("cannot open /dev/fuse: no such device: load the "
			 "kernel's FUSE (modprobe fuse)");
	else
		complain("cannot open /dev/fuse: %s: it should be readable "
			 "and writable for all (chmod 666 /dev/fuse)",
			 strerror(-r));
	return r;
}

int mount_check(struct options *o)
{
	char *path = absolute(o->mountpoint);
	struct stat st;
	int r;

	if (!path)
		return -ENOMEM;
	o->mountpoint = path;
	if (stat(path, &st) < 0 && errno == ENOTCONN) {
		r = clear_dead_mount(path);
		if (r < 0)
			return r;
	}
	if (stat(path, &st) < 0) {
		r = -errno;
		complain("cannot mount on %s: %s%s", path, strerror(-r),
			 r == -ENOENT ? ": make the directory first (mkdir)"
				      : "");
		return r;
	}
	if (!S_ISDIR(st.st_mode)) {
		complain("cannot mount on %s: it is not a directory", path);
		return -ENOTDIR;
	}
	if (is_mounted(path)) {
		complain("%s: a fusionfs is mounted here already: unmount it "
			 "first (umount %s)",
			 path, path);
		return -EBUSY;
	}
	return check_device();
}
