/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/mount.h"

#include <dirent.h>
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

#include "fusionfs/base/log.h"

static int run_program(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EPERM;
}

/* Unmount @dir by a program, since the user may not call umount(2).  Try both:
 * fusermount3 needs an /etc/mtab, which a bare chroot does not have, and
 * umount(8) fails while a process is inside. */
static int unmount_as_user(char *dir)
{
	char *lazily[] = {"fusermount3", "-u", "-z", "-q", "--", dir, NULL};
	char *plainly[] = {"umount", "--", dir, NULL};

	return run_program(lazily) < 0 ? run_program(plainly) : 0;
}

/* Remove the mount that a killed daemon has left, at which every access fails
 * with ENOTCONN. */
static int clear_dead_mount(char *dir)
{
	int r = umount2(dir, MNT_DETACH) < 0 ? -errno : 0;
	char why[256] = "";
	struct hush hushed;

	if (r < 0) {
		hush(&hushed);
		r = unmount_as_user(dir);
		unhush(&hushed, why, sizeof(why));
	}
	if (r < 0)
		complain("%s: a dead mount is in the way and cannot be "
			 "unmounted: %s: try umount %s",
			 dir, why[0] ? why : strerror(-r), dir);
	else
		note("%s: cleared a dead mount away", dir);
	return r;
}

/* A dead mount cannot be examined, so realpath() gets the parent, and the name
 * is added. */
char *mount_path(const char *dir)
{
	char *path = realpath(dir, NULL), *copy, *parent, *joined = NULL;
	char *slash;

	if (path)
		return path;
	copy = strdup(dir);
	if (!copy)
		return NULL;
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = 0;
	slash = strrchr(copy, '/');
	if (slash)
		*slash = 0;
	parent = realpath(slash ? (slash == copy ? "/" : copy) : ".", NULL);
	if (!parent)
		joined = strdup(dir);
	else if (asprintf(&joined, "%s/%s", strcmp(parent, "/") ? parent : "",
			  slash ? slash + 1 : copy) < 0)
		joined = NULL;
	free(parent);
	free(copy);
	return joined;
}

/* The kernel writes blanks and the like as \ooo. */
static void unescape_path(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] && p[2] && p[3]) {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 |
				       (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = 0;
}

bool mount_is_ours(const char *dir)
{
	char line[2 * PATH_MAX], at[PATH_MAX], rest[PATH_MAX];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool ours = false;

	while (f && fgets(line, sizeof(line), f)) {
		const char *type;

		if (sscanf(line, "%*d %*d %*s %*s %4095s %4095[^\n]", at,
			   rest) != 2)
			continue;
		unescape_path(at);
		if (strcmp(at, dir) != 0)
			continue;
		type = strstr(rest, " - ");
		ours = type && !strncmp(type + 3, "fuse.fusionfs ", 14);
	}
	if (f)
		fclose(f);
	return ours;
}

/* A directory that cannot be read counts as empty: mounting on it will fail. */
static bool is_directory_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e = NULL;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			break;
	if (!d)
		return true;
	closedir(d);
	return !e;
}

static int check_fuse_device(void)
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

static const char *mount_advice(int r)
{
	if (r == -ENOENT)
		return ": make the directory first (mkdir)";
	if (r == -ENOTCONN)
		return ": a dead mount of something else is here: unmount it";
	return "";
}

int mount_check(struct options *o)
{
	char *path = mount_path(o->mountpoint);
	struct stat st;
	int r;

	if (!path)
		return -ENOMEM;
	o->mountpoint = path;
	if (stat(path, &st) < 0 && errno == ENOTCONN && mount_is_ours(path)) {
		r = clear_dead_mount(path);
		if (r < 0)
			return r;
	}
	if (stat(path, &st) < 0) {
		r = -errno;
		complain("cannot mount on %s: %s%s", path, strerror(-r),
			 mount_advice(r));
		return r;
	}
	if (!S_ISDIR(st.st_mode)) {
		complain("cannot mount on %s: it is not a directory: give an "
			 "empty directory",
			 path);
		return -ENOTDIR;
	}
	if (mount_is_ours(path)) {
		complain("%s: a fusionfs is mounted here already: unmount it "
			 "first (umount %s)",
			 path, path);
		return -EBUSY;
	}
	if (!o->nonempty && !is_directory_empty(path)) {
		complain("cannot mount on %s: it is not empty, and the mount "
			 "would hide what is in it: take an empty directory, "
			 "or -o nonempty",
			 path);
		return -ENOTEMPTY;
	}
	return check_fuse_device();
}
