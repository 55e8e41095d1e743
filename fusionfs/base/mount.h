/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the place good for a mount?  One clear line if not. */
#ifndef FUSIONFS_MOUNT_H
#define FUSIONFS_MOUNT_H

#include "fusionfs/base/options.h"

/* Make o->mountpoint absolute; clear a dead mount of ours away; refuse a
 * second one, and a directory with something in it unless o->nonempty.
 * 0, -errno after a complaint. */
int mount_check(struct options *o);
/* The path of @dir from the root, also of a dead mount; NULL: no memory. */
char *mount_path(const char *dir);
/* Is the newest mount at this path a fusionfs? */
bool mount_is_ours(const char *path);

#endif
