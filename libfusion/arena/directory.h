/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory of an arena
 *
 * A process finds an arena by its directory in the mount, and talks to the
 * daemon by ioctls on the open directory.  All the ways in which a dead daemon
 * shows itself are -ENOTCONN here.
 */
#ifndef FUSION_DIRECTORY_H
#define FUSION_DIRECTORY_H

#include <stdbool.h>
#include <sys/types.h>

#include "libfusion/core/file/protocol.h"

/* Make the path of the arena called @name; the caller frees it.  0, -EINVAL,
 * -ENAMETOOLONG, -ENODEV (no mount where a bare name would be), -ENOMEM. */
int dir_path(const char *name, char **ret);
/* Open the directory at @path, and make it if there is none and @make says so:
 * with exactly @mode, or (0) with 0777 less the umask.  Returns the descriptor,
 * with *ret_made; -ENODEV no fusionfs is there, -ENOTCONN its daemon is gone,
 * -errno.  This does not check that an existing directory is an arena's: JOIN
 * gives -ENOTTY if it is not. */
int dir_open(const char *path, bool make, mode_t mode, bool *ret_made);
/* Tell which directory @fd is of.  Asks no daemon, as neither number changes
 * while the directory is open.  0, -errno. */
struct dir_id {
	uint64_t dev, ino;
};
int dir_stat(int fd, struct dir_id *ret);
/* Make the absolute path of the open directory @fd, which was opened as @path;
 * the caller frees it.  NULL no memory. */
char *dir_absolute(int fd, const char *path);
/* Say why the arena at @path cannot be entered; returns @r. */
int dir_refuse(int r, const char *path) __attribute__((cold));
/* Make an ioctl of ours, once.  0, -ENOTCONN the daemon is gone, -errno. */
int dir_ioctl(int dirfd, unsigned long request, void *arg);
/* Does errno @error, of a call on the mount, mean that the daemon is dead? */
bool dir_is_gone(int error);

#endif
