/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backing directory: one directory for each arena (store.h), on a tmpfs
 *
 * Other files in it belong to others and stay.
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

/* Find or make the directory, and lock it.  0, or -errno after a complaint. */
int backing_open(struct backing *b, const struct options *o);
/* Unlock the directory.  With @remove, remove it if it is empty and a daemon
 * has made it. */
void backing_close(struct backing *b, bool remove);

#endif
