/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backing directory: one file an arena, on a tmpfs
 *
 * The mode, owner and group of a file ARE those of its arena, so the kernel
 * keeps the policy over our death.  Files that do not have an arena's name are
 * not ours and stay.
 */
#ifndef FUSIONFS_BACKING_H
#define FUSIONFS_BACKING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fusionfs/options.h"

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

struct stat;
/* A fresh, formatted file called @name, in the place of the old one if there
 * is one: its descriptor, or -errno. */
struct arena_params;
int backing_format(struct backing *b, const struct arena_params *params,
		   mode_t mode, uid_t uid, gid_t gid);

#endif
