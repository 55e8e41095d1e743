/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mount point: is it good for a mount, and is fusionfs mounted there? */
#ifndef FUSIONFS_MOUNT_H
#define FUSIONFS_MOUNT_H

#include "fusionfs/base/options.h"

/*
 * Check the mount point: make o->mountpoint absolute, clear away a dead mount
 * of a fusionfs, refuse a second mount, and refuse a directory with files in it
 * unless o->nonempty.
 *
 * Returns 0, or -errno after a complaint.
 */
int mount_check(struct options *o);
/* Return the path of @dir from the root, also of a dead mount, for the caller
 * to free.  NULL: no memory. */
char *mount_path(const char *dir);
/* Is the newest mount at @path a fusionfs? */
bool mount_is_ours(const char *path);

#endif
