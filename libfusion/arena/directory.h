/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding an arena's directory, and talking to the daemon through it. */
#ifndef FUSION_DIRECTORY_H
#define FUSION_DIRECTORY_H

#include <stdbool.h>
#include <sys/types.h>

#include "libfusion/core/file/protocol.h"

/* The path of the arena called @name, to be freed.  0, -EINVAL,
 * -ENAMETOOLONG, -ENODEV (no mount where a bare name would be), -ENOMEM. */
int dir_path(const char *name, char **ret);
/* Open that directory, making it if @make, with exactly @mode or (0) with 0777
 * less the umask.  The descriptor, with *ret_made; -ENODEV no fusionfs there,
 * -ENOTCONN its daemon is gone, -errno.  A directory that is there is not
 * looked at: JOIN on it gives -ENOTTY if it is not an arena's. */
int dir_open(const char *path, bool make, mode_t mode, bool *ret_made);
/* Which directory @fd is of.  Asks no daemon: neither changes while it is open.
 * 0, -errno. */
struct dir_id {
	uint64_t dev, ino;
};
int dir_stat(int fd, struct dir_id *ret);
/* The absolute path of the open directory @fd, which was opened as @path; to
 * be freed.  NULL no memory. */
char *dir_absolute(int fd, const char *path);
/* Say why the arena at @path cannot be entered; returns @r. */
int dir_refuse(int r, const char *path) __attribute__((cold));
/* An ioctl of ours; retried by nobody.  0 or -errno; all the ways a dead
 * daemon shows itself are -ENOTCONN. */
int dir_ioctl(int dirfd, unsigned long request, void *arg);
/* Is this errno, of a call on the mount, a dead daemon's? */
bool dir_is_gone(int error);

#endif
