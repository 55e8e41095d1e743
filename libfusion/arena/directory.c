/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/names/name.h"

#define FUSE_MAGIC 0x65735546

static int is_dead_daemon(int error)
{
	return error == ENOTCONN || error == ECONNABORTED ||
	       error == ECONNREFUSED;
}

/* 0; -ENODEV; -ENOTCONN; -EACCES. */
static int check_mount(const char *dir)
{
	struct statfs st;

	if (statfs(dir, &st) == 0)
		return st.f_type == FUSE_MAGIC ? 0 : -ENODEV;
	if (is_dead_daemon(errno))
		return -ENOTCONN;
	return errno == EACCES ? -EACCES : -ENODEV;
}

/* --- Why not ---------------------------------------------------------------
 */

int dir_refuse(int r, const char *path)
{
	switch (-r) {
	case ENODEV:
		return refuse(r,
			      "arena '%s': no fusionfs is mounted there: "
			      "mount one first (fusionfs DIR)",
			      path);
	case ENOTCONN:
		return refuse(r,
			      "arena '%s': the fusionfs daemon is gone: "
			      "mount it again over the same backing "
			      "directory",
			      path);
	case ENOENT:
		return refuse(r,
			      "arena '%s': there is none, and "
			      "FUSION_ENTER_EXISTING is set: make it "
			      "(mkdir), or enter without that flag",
			      path);
	case ENOTDIR:
		return refuse(r,
			      "arena '%s': it, or something above it, is no "
			      "directory",
			      path);
	case EACCES:
		return refuse(r,
			      "arena '%s': user %u is not allowed to enter: "
			      "r, w and x are needed on it and x on what is "
			      "above (ls -ld), and a fusionfs of another "
			      "user must be mounted with allow_other",
			      path, geteuid());
	}
	return refuse(r, "arena '%s': cannot open its directory: %s", path,
		      strerrordesc_np(-r));
}

static int refuse_to_make(int r, const char *path)
{
	switch (-r) {
	case ENODEV:
	case ENOTCONN:
		return dir_refuse(r, path);
	case EACCES:
	case EPERM:
		return refuse(r,
			      "arena '%s': there is none, and user %u is "
			      "not allowed to make one: w is needed on the "
			      "directory above (ls -ld)",
			      path, geteuid());
	case EROFS:
		return refuse(r,
			      "arena '%s': there is none, and the fusionfs "
			      "is mounted read-only",
			      path);
	case EDQUOT:
		return refuse(r,
			      "arena '%s': there is none, and user %u has "
			      "as many arenas as allowed: remove one "
			      "(rmdir)",
			      path, geteuid());
	case ENOSPC:
		return refuse(r,
			      "arena '%s': there is none, and no memory or "
			      "address space is left for one: remove "
			      "another (rmdir)",
			      path);
	}
	return refuse(r, "arena '%s': cannot make its directory: %s", path,
		      strerrordesc_np(-r));
}

/* --- Paths -----------------------------------------------------------------
 */

static int join_path(const char *dir, const char *name, char **ret)
{
	return asprintf(ret, "%s/%s", dir, name) < 0 ? -ENOMEM : 0;
}

static int find_mount(char **ret)
{
	const char *env = getenv("FUSION_MOUNT");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int r;

	if (env && *env)
		return (*ret = strdup(env)) ? 0 : -ENOMEM;
	if (check_mount("/run/fusion") != -ENODEV)
		return (*ret = strdup("/run/fusion")) ? 0 : -ENOMEM;
	if (runtime && *runtime) {
		r = join_path(runtime, "fusion", ret);
		if (r < 0)
			return r;
		if (check_mount(*ret) != -ENODEV)
			return 0;
		free(*ret);
	}
	return refuse(-ENODEV,
		      "no fusionfs is mounted on /run/fusion or "
		      "$XDG_RUNTIME_DIR/fusion: mount one (fusionfs DIR), or "
		      "say where it is in $FUSION_MOUNT");
}

int dir_path(const char *name, char **ret)
{
	char *mount;
	int r;

	if (!name || !*name)
		return refuse_name(-EINVAL, "arena", name);
	if (strchr(name, '/'))
		return (*ret = strdup(name)) ? 0 : -ENOMEM;
	r = name_check_arena(name);
	if (r < 0)
		return refuse_name(r, "arena", name);
	r = find_mount(&mount);
	if (r < 0)
		return r;
	r = join_path(mount, name, ret);
	free(mount);
	return r;
}

/* Check that the directory above the arena is a fusionfs, or mkdir would make a
 * plain directory somewhere. */
static int check_parent(const char *path)
{
	char *copy = strdup(path), *end;
	int r;

	if (!copy)
		return -ENOMEM;
	for (end = copy + strlen(copy); end > copy + 1 && end[-1] == '/';)
		*--end = 0;
	end = strrchr(copy, '/');
	if (end)
		end[end == copy] = 0;
	r = check_mount(end ? copy : ".");
	free(copy);
	return r;
}

static int open_dir(const char *path)
{
	int fd = fd_open(path, O_RDONLY | O_DIRECTORY);

	if (fd < 0 && dir_is_gone(-fd))
		return -ENOTCONN;
	return fd;
}

bool dir_is_gone(int error)
{
	/* ENODEV is what the ioctls of a dying connection give. */
	return is_dead_daemon(error) || error == ENODEV;
}

/* Make the directory.  1 made, 0 another process made it, -errno.  The sticky
 * bit, which no arena has, tells the daemon that the arena is made only to be
 * joined: should this process be killed before it joins, the arena vanishes. */
static int make_dir(const char *path, mode_t mode)
{
	int r = check_parent(path);

	if (r < 0)
		return r;
	if (mkdir(path, (mode ? mode : 0777) | S_ISVTX) < 0)
		return errno == EEXIST	    ? 0
		       : dir_is_gone(errno) ? -ENOTCONN
					    : -errno;
	/* mkdir() takes the umask off; a mode that was asked for holds. */
	if (mode && chmod(path, mode) < 0)
		return -errno;
	return 1;
}

int dir_open(const char *path, bool make, mode_t mode, bool *ret_made)
{
	int fd = open_dir(path), r;

	*ret_made = false;
	if (fd == -ENOENT && !make) {
		r = check_parent(path);
		return dir_refuse(r < 0 ? r : fd, path);
	}
	/* An empty arena can end between mkdir and open: try again. */
	while (fd == -ENOENT) {
		r = make_dir(path, mode);
		if (r < 0)
			return refuse_to_make(r, path);
		*ret_made = r;
		fd = open_dir(path);
	}
	return fd < 0 ? dir_refuse(fd, path) : fd;
}

int dir_stat(int fd, struct dir_id *ret)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &sx) <
	    0)
		return -errno;
	*ret = (struct dir_id){
		.dev = makedev(sx.stx_dev_major, sx.stx_dev_minor),
		.ino = sx.stx_ino,
	};
	return 0;
}

char *dir_absolute(int fd, const char *path)
{
	char link[32], *cwd, *joined = NULL, name[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	if (n > 0 && name[0] == '/') {
		name[n] = 0;
		return strdup(name);
	}
	cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	if (!cwd)
		return strdup(path);
	if (join_path(cwd, path, &joined) < 0)
		joined = NULL;
	free(cwd);
	return joined;
}

int dir_ioctl(int dirfd, unsigned long request, void *arg)
{
	if (dirfd < 0)
		return -ENOTCONN;
	if (ioctl(dirfd, request, arg) >= 0)
		return 0;
	return dir_is_gone(errno) ? -ENOTCONN : -errno;
}
