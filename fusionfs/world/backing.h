/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backing directory: one directory an arena (store.h), on a tmpfs
 *
 * What is in it and is no arena is not ours and stays.
 */
#ifndef FUSIONFS_BACKING_H
#define FUSIONFS_BACKING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fusionfs/base/options.h"

struct backing {
	char *path;
	int fd;	    /* the directory */
	int lockfd; /* .lock: one daemon at a time */
	bool made;  /* by us, for our default place */
};

/* Find or make it, and lock it.  0, or -errno after a complaint. */
int backing_open(struct backing *b, const struct options *o);
/* Unlock; remove it if it is empty and was made by a daemon. */
void backing_close(struct backing *b, bool remove);

#endif
