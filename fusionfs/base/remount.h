/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mount -o remount
 *
 * mount(8) runs fusionfs once more for this, with all options that the mount
 * has or is to have.  An option that cannot be changed must have the value that
 * the mount has.
 */
#ifndef FUSIONFS_REMOUNT_H
#define FUSIONFS_REMOUNT_H

#include "fusionfs/base/options.h"

/* Set the flags that libfuse, which has just mounted, does not know.  0, -errno
 * after a complaint. */
int remount_set_late_flags(const struct options *o);

/*
 * Change the options of the mount at o->mountpoint, and mount nothing.  The
 * kernel gets those that are its own, the running server gets those that it can
 * change.  0, -errno after a complaint.
 */
int remount_change(struct options *o);

#endif
