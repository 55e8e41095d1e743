/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stat(2) says, in the units of the daemon. */
#ifndef FUSIONFS_ATTRIBUTES_H
#define FUSIONFS_ATTRIBUTES_H

#include <stdint.h>
#include <sys/stat.h>

/* Set the size in bytes, and blocks to match: cp(1) would look for holes in a
 * file that seems sparse. */
void attributes_set_size(struct stat *st, uint64_t size);
/* Set all three times to @ns since the epoch. */
void attributes_set_times(struct stat *st, uint64_t ns);

#endif
