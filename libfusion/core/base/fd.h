/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors of the library: above 2, and closed by exec
 *
 * A program that has closed its standard descriptors may still print.  If the
 * arena's file got number 2, the text would overwrite the superblock.  If a
 * file of /proc got number 0, another thread could read from it.  So the
 * library never uses the numbers 0 to 2, not even between open() and dup().
 * While it opens a file, a floor covers each of these numbers that is free: a
 * descriptor that can be neither read nor written (O_PATH).
 *
 * Another thread may lift its floor between two steps of this one: the numbers
 * belong to the whole process, and no lock may be held over fork().  So
 * fd_raise() also checks each descriptor, and moves it.
 */
#ifndef FUSION_CORE_FD_H
#define FUSION_CORE_FD_H

#include <stdio.h>

/* The descriptors that cover free numbers below 3. */
struct fd_floor {
	int held[3];
	unsigned n;
};

/* Cover the free numbers below 3, until fd_floor_lift(). */
void fd_floor_lay(struct fd_floor *f);
/* Close the descriptors of the floor. */
void fd_floor_lift(struct fd_floor *f);
/* Move @fd above 2 if it is not there, with O_CLOEXEC.  Returns the descriptor,
 * or -errno after @fd was closed; a negative @fd is returned as it is. */
int fd_raise(int fd);

/* Close *fd, unless it is -1, and set it to -1. */
void fd_drop(int *fd);

/* Open @path with O_CLOEXEC and a number above 2.  Returns it, or -errno. */
int fd_open(const char *path, int flags);
/* Make a pipe with O_CLOEXEC and numbers above 2.  0, -errno. */
int fd_pipe(int ret_ends[2]);
/* Open @path for reading.  NULL sets errno. */
FILE *fd_fopen(const char *path);

#endif
