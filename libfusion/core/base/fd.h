/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors of ours: above 2, and closed by exec
 *
 * A program that has closed its standard descriptors may still print.  If the
 * arena's file had got number 2, the text would go over the superblock; if a
 * file of /proc had got number 0, another thread would read it away from us.
 * So numbers 0 to 2 are never ours, not even for the moment between open() and
 * dup(): while the library opens something, a descriptor that can be neither
 * read nor written (O_PATH) lies on each of these numbers that is free.
 *
 * Another thread may lift that floor between our two steps, as there is one for
 * the whole process and no lock to be held over fork().  Therefore each
 * descriptor is also looked at, and moved.
 */
#ifndef FUSION_CORE_FD_H
#define FUSION_CORE_FD_H

#include <stdio.h>

struct fd_floor {
	int held[3];
	unsigned n;
};

/* What is opened until fd_floor_lift() gets a number above 2. */
void fd_floor_lay(struct fd_floor *f);
void fd_floor_lift(struct fd_floor *f);
/* Move @fd above 2 if it is not there, with O_CLOEXEC.  The descriptor, or
 * -errno and @fd is closed; a negative @fd is given back as it is. */
int fd_raise(int fd);

/* Close *fd, unless it is -1, and set it to -1. */
void fd_drop(int *fd);

/* open(2) with O_CLOEXEC and a number above 2.  -errno. */
int fd_open(const char *path, int flags);
int fd_open_at(int dirfd, const char *path, int flags);
/* pipe2(2) in the same way.  0, -errno. */
int fd_pipe(int ret_ends[2]);
/* For reading.  NULL and errno. */
FILE *fd_fopen(const char *path);

#endif
